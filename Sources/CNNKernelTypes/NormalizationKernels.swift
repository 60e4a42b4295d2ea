/// Batch and local response normalisation on ranges of rows and columns.
package protocol NormalizationKernels: Sendable {
  /// Writes the mean of each column and the sum of squared distances from it.
  static func columnMoments(
    _ x: FloatPointer, _ pitch: Int, _ rows: Int, _ columns: Int, _ mean: MutableFloatPointer,
    _ squares: MutableFloatPointer)
  /// y = (x - mean) · inverseDeviation · scale + shift, and max(that, 0) if `rectifies`.
  static func normalize(
    _ x: FloatPointer, _ mean: FloatPointer, _ inverseDeviation: FloatPointer,
    _ scale: FloatPointer, _ shift: FloatPointer, _ y: MutableFloatPointer, _ pitch: Int,
    _ rows: Int, _ columns: Int, _ rectifies: Bool)
  /// Of the two that follow: with `rectifier`, the shift of each column, gradOutput counts as 0
  /// where `normalize` gave nothing positive.
  ///
  /// Writes Σ gradOutput and Σ gradOutput · (x - mean) · inverseDeviation of each column.
  static func gradientSums(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ pitch: Int, _ rows: Int, _ columns: Int,
    _ mean: FloatPointer, _ inverseDeviation: FloatPointer, _ scale: FloatPointer,
    _ rectifier: FloatPointer?, _ sums: MutableFloatPointer, _ products: MutableFloatPointer)
  /// gradInput = scale · inverseDeviation · (gradOutput - sums / n - normalised x · products / n)
  static func inputGradient(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ pitch: Int, _ rows: Int, _ columns: Int, _ mean: FloatPointer,
    _ inverseDeviation: FloatPointer, _ scale: FloatPointer, _ rectifier: FloatPointer?,
    _ sums: FloatPointer, _ products: FloatPointer, _ inverseCount: Float)
  /// y = x · (k + alpha / size · Σ x² over the window)^-beta, with scratch memory for one pixel.
  static func responseForward(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ scratch: MutableFloatPointer, _ pixels: Int,
    _ channels: Int, _ response: ResponseAttributes)
  /// The gradient of `responseForward`, with scratch memory for three pixels.
  static func responseBackward(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ scratch: MutableFloatPointer, _ pixels: Int, _ channels: Int,
    _ response: ResponseAttributes)
}

/// The attributes of local response normalisation.
package struct ResponseAttributes: Hashable, Sendable {
  /// How many channels are summed.
  package let size: Int
  /// The factor of the mean of squares.
  package let alpha: Float
  /// The exponent.
  package let beta: Float
  /// The number added to the mean of squares.
  package let k: Float

  /// The floats of scratch memory that a kernel needs for one pixel: the channels and all that a
  /// window can reach beside them, in whole vectors.
  package func rowCount(channels: Int) -> Int {
    let reach = min(size, 2 * channels)
    return (channels + reach + 23) & ~15
  }

  /// Creates attributes; AlexNet's are 5, 1e-4, 0.75 and 2, PyTorch's k is 1.
  package init(size: Int, alpha: Float = 1e-4, beta: Float = 0.75, k: Float = 1) {
    self.size = max(1, size)
    self.alpha = alpha
    self.beta = beta
    self.k = k
  }
}
