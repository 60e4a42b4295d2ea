/// Kernels for parameter updates.
package struct OptimizerKernels: Sendable {
  package init() {}
}
