/// The sizes of a resampling: [batch, inputHeight, inputWidth, channels] to
/// [batch, outputHeight, outputWidth, channels].
package struct ResamplingGeometry: Hashable, Sendable {
  /// Samples.
  package var batch: Int
  /// Rows of the input.
  package var inputHeight: Int
  /// Columns of the input.
  package var inputWidth: Int
  /// Channels of both.
  package var channels: Int
  /// Rows of the output.
  package var outputHeight: Int
  /// Columns of the output.
  package var outputWidth: Int

  /// Creates a geometry from validated sizes.
  package init(
    batch: Int, inputHeight: Int, inputWidth: Int, channels: Int, outputHeight: Int,
    outputWidth: Int
  ) {
    self.batch = batch
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.channels = channels
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
  }
}

/// Where an output coordinate lies between two input coordinates.
package struct ResamplingPosition {
  /// The lower neighbour.
  package let lower: Int
  /// The upper neighbour, equal to the lower one at the edge.
  package let upper: Int
  /// The weight of the upper neighbour.
  package let weight: Float

  /// The position of output `index` under bilinear interpolation.
  @inline(__always)
  package init(_ index: Int, _ inputSize: Int, _ outputSize: Int, _ alignCorners: Bool) {
    var source: Double
    if alignCorners {
      source =
        outputSize > 1 ? Double(index) * Double(inputSize &- 1) / Double(outputSize &- 1) : 0
    } else {
      source = (Double(index) + 0.5) * Double(inputSize) / Double(outputSize) - 0.5
      if source < 0 { source = 0 }
    }
    let last = Double(inputSize &- 1)
    if !(source < last) { source = last }
    lower = Int(source)
    upper = lower &+ 1 < inputSize ? lower &+ 1 : lower
    weight = Float(source - Double(lower))
  }
}

/// Bilinear resampling of one output row, for a block of channels.
package protocol ResamplingKernels: Sendable {
  /// y = the interpolated row.
  static func bilinearRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ alignCorners: Bool, _ geometry: ResamplingGeometry)
  /// Adds the gradient of one output row to the input's.
  static func bilinearRowBackward(
    _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ alignCorners: Bool, _ geometry: ResamplingGeometry)
}
