/// Kernels for sums, extremes and softmax.
package struct ReductionKernels: Sendable {
  package init() {}
}
