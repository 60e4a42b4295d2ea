import CNNKernelTypes

/// Returns the kernels of this variant.
package func makeKernelTable() -> KernelTable {
  KernelTable(
    vector: makeVectorKernels(),
    convolution: makeConvolutionKernels(), depthwise: makeDepthwiseKernels(),
    direct: makeDirectKernels(), winograd: makeWinogradKernels(),
    winogradRows: makeWinogradRowKernels(), matrix: makeMatrixKernels(), dense: makeDenseKernels())
}
