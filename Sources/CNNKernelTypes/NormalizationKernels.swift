/// Kernels for batch and local response normalisation.
package struct NormalizationKernels: Sendable {
  package init() {}
}
