/// Kernels for pooling and its gradients.
package struct PoolingKernels: Sendable {
  package init() {}
}
