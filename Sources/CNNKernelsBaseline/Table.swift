import CNNKernelTypes

/// Returns the kernels of this variant.
package func makeKernelTable() -> KernelTable {
  KernelTable(
    elementwise: makeElementwiseKernels(),
    reduction: makeReductionKernels(),
    normalization: makeNormalizationKernels(),
    pooling: makePoolingKernels(),
    optimizer: makeOptimizerKernels(),
    convolution: makeConvolutionKernels(),
    matrix: makeMatrixKernels())
}
