/// Where a vector kernel reads.
package typealias FloatPointer = UnsafePointer<Float>
/// Where a vector kernel writes.
package typealias MutableFloatPointer = UnsafeMutablePointer<Float>

/// The vector kernels of one instruction set: everything but matrix products and convolution.
///
/// Each family is a protocol of static functions that work on one thread and on the range they are
/// given; the enumeration of the same name in CNNKernels splits the work. They use additions and
/// multiplications and no fused ones, so the baseline and the AVX2 variant give the same bits.
package struct VectorKernels: Sendable {
  /// Sums, products and scaled sums of arrays.
  package let elementwise: any ElementwiseKernels.Type
  /// Activation functions and their gradients.
  package let activation: any ActivationKernels.Type
  /// Softmax of rows.
  package let softmax: any SoftmaxKernels.Type
  /// Sums, largest values and searches.
  package let reduction: any ReductionKernels.Type
  /// Operations between the rows of a matrix and a vector.
  package let rows: any RowKernels.Type
  /// Random numbers.
  package let random: any RandomKernels.Type
  /// Batch and local response normalisation.
  package let normalization: any NormalizationKernels.Type
  /// Pooling of windows.
  package let pooling: any PoolingKernels.Type
  /// Resampling of planes.
  package let resampling: any ResamplingKernels.Type
  /// Losses with their gradients.
  package let loss: any LossKernels.Type
  /// Updates of parameters.
  package let optimizer: any OptimizerKernels.Type

  /// Collects the families of one variant.
  package init(
    elementwise: any ElementwiseKernels.Type, activation: any ActivationKernels.Type,
    softmax: any SoftmaxKernels.Type, reduction: any ReductionKernels.Type,
    rows: any RowKernels.Type, random: any RandomKernels.Type,
    normalization: any NormalizationKernels.Type, pooling: any PoolingKernels.Type,
    resampling: any ResamplingKernels.Type, loss: any LossKernels.Type,
    optimizer: any OptimizerKernels.Type
  ) {
    self.elementwise = elementwise
    self.activation = activation
    self.softmax = softmax
    self.reduction = reduction
    self.rows = rows
    self.random = random
    self.normalization = normalization
    self.pooling = pooling
    self.resampling = resampling
    self.loss = loss
    self.optimizer = optimizer
  }
}
