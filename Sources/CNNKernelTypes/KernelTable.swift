/// Every vector kernel of one variant (baseline or AVX2), as functions to call.
///
/// A variant is compiled from the same files as the others, with other machine options, and the
/// running processor decides once which one is used. Rules for the files of a variant: pointers,
/// integers, `Float` and SIMD types only, `while` loops, nothing generic and no containers, because
/// the linker may merge a specialisation that was compiled for AVX2 into everybody's copy. SIMD
/// values never cross this table: how they are passed differs between variants.
package struct KernelTable: Sendable {
  package var elementwise: ElementwiseKernels
  package var reduction: ReductionKernels
  package var normalization: NormalizationKernels
  package var pooling: PoolingKernels
  package var optimizer: OptimizerKernels
  package var convolution: ConvolutionKernels
  package var matrix: MatrixKernels

  package init(
    elementwise: ElementwiseKernels,
    reduction: ReductionKernels,
    normalization: NormalizationKernels,
    pooling: PoolingKernels,
    optimizer: OptimizerKernels,
    convolution: ConvolutionKernels,
    matrix: MatrixKernels
  ) {
    self.elementwise = elementwise
    self.reduction = reduction
    self.normalization = normalization
    self.pooling = pooling
    self.optimizer = optimizer
    self.convolution = convolution
    self.matrix = matrix
  }
}
