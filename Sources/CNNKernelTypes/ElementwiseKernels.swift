/// Kernels for arithmetic element by element: activations, sums, products.
package struct ElementwiseKernels: Sendable {
  package init() {}
}
