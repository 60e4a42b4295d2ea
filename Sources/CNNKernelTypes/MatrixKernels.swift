/// Kernels for products of a matrix with a vector.
package struct MatrixKernels: Sendable {
  package init() {}
}
