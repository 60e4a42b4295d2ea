/// Every vector kernel of one variant (baseline or AVX2), as functions to call.
///
/// A variant is compiled from the same files as the others, with other machine options, and the
/// running processor decides once which one is used. Rules for the files of a variant: pointers,
/// integers, `Float` and SIMD types only, `while` loops, nothing generic and no containers, because
/// the linker may merge a specialisation that was compiled for AVX2 into everybody's copy. SIMD
/// values never cross this table: how they are passed differs between variants.
package struct KernelTable: Sendable {
  package var vector: VectorKernels
  package var convolution: ConvolutionKernels
  package var depthwise: DepthwiseKernels
  package var direct: DirectKernels
  package var winograd: WinogradKernels
  package var winogradRows: WinogradRowKernels
  package var matrix: MatrixKernels
  package var dense: DenseKernels

  package init(
    vector: VectorKernels,
    convolution: ConvolutionKernels, depthwise: DepthwiseKernels, direct: DirectKernels,
    winograd: WinogradKernels, winogradRows: WinogradRowKernels, matrix: MatrixKernels,
    dense: DenseKernels
  ) {
    self.vector = vector
    self.convolution = convolution
    self.depthwise = depthwise
    self.direct = direct
    self.winograd = winograd
    self.winogradRows = winogradRows
    self.matrix = matrix
    self.dense = dense
  }
}
