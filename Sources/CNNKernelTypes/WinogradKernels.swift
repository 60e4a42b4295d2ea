/// A square of pixels on its way into the Winograd domain or out of it.
///
/// In the Winograd domain a tile is `points` x `points` positions. Each position holds its tiles in
/// panels of 16 channels: `[position][panel][tile][16]`. All strides are in floats.
package struct WinogradTile {
  /// Positions along a side: 6 or 8.
  package var points: Int
  /// Pixels along a side.
  package var pixels: Int
  /// Where the upper left pixel would be in the image; it may lie outside.
  package var origin: Int
  /// From a pixel to its lower and to its right neighbour.
  package var lineStride: Int
  package var pixelStride: Int
  /// The first and the end of the lines, and of the columns, of the tile that lie inside of the
  /// image; others count as zero when read, and are not written.
  package var top: Int
  package var bottom: Int
  package var left: Int
  package var right: Int
  /// Channels of the image.
  package var channels: Int
  /// From a position, and from a panel of 16 channels, to the next.
  package var positionStride: Int
  package var panelStride: Int
  /// What is added to outputs before the activation, in the order of the image, which may be its
  /// memory; nil for nothing.
  package var addend: UnsafePointer<Float>?

  package init(
    points: Int, pixels: Int, origin: Int, lineStride: Int, pixelStride: Int, top: Int,
    bottom: Int, left: Int, right: Int, channels: Int, positionStride: Int, panelStride: Int
  ) {
    self.points = points
    self.pixels = pixels
    self.origin = origin
    self.lineStride = lineStride
    self.pixelStride = pixelStride
    self.top = top
    self.bottom = bottom
    self.left = left
    self.right = right
    self.channels = channels
    self.positionStride = positionStride
    self.panelStride = panelStride
  }
}

/// The weights of up to 16 output channels on their way into the Winograd domain.
package struct WinogradWeight {
  /// Positions along a side: 6 or 8.
  package var points: Int
  /// Weights along a side of the kernel: 2 to 5.
  package var kernelSize: Int
  /// From a weight of the kernel to the next, and from an input channel to the next.
  package var tapStride: Int
  package var channelStride: Int
  /// From an output channel to the next: 1, or else `channelStride` is 1.
  package var outputStride: Int
  /// Input channels, and output channels, at most 16.
  package var channels: Int
  package var outputs: Int
  /// From a position to the next in the transformed weight.
  package var positionStride: Int

  package init(
    points: Int, kernelSize: Int, tapStride: Int, channelStride: Int, outputStride: Int,
    channels: Int, outputs: Int, positionStride: Int
  ) {
    self.points = points
    self.kernelSize = kernelSize
    self.tapStride = tapStride
    self.channelStride = channelStride
    self.outputStride = outputStride
    self.channels = channels
    self.outputs = outputs
    self.positionStride = positionStride
  }
}

/// The products of all positions for a block of tiles.
package struct WinogradProduct {
  /// The number of positions: 36 or 64.
  package var positions: Int
  /// Tiles, and input channels.
  package var tiles: Int
  package var channels: Int
  /// Transformed input: from a position, and from a panel of 16 channels, to the next.
  package var positionStride: Int
  package var panelStride: Int
  /// From a position to the next in the transformed weight.
  package var weightStride: Int
  /// From a position to the next in the result, `[position][tile][16]`.
  package var resultStride: Int
  /// Whether to add to the result instead of overwriting it.
  package var adds: Bool

  package init(
    positions: Int, tiles: Int, channels: Int, positionStride: Int, panelStride: Int,
    weightStride: Int, resultStride: Int, adds: Bool
  ) {
    self.positions = positions
    self.tiles = tiles
    self.channels = channels
    self.positionStride = positionStride
    self.panelStride = panelStride
    self.weightStride = weightStride
    self.resultStride = resultStride
    self.adds = adds
  }
}

/// Sums over tiles of products of output gradients with inputs, for a block of channels.
package struct WinogradGradient {
  /// Positions along a side: 6 or 8.
  package var points: Int
  package var tiles: Int
  /// Output and input channels of the block.
  package var outputs: Int
  package var channels: Int
  /// From a position to the next, for output gradients and for inputs; panels are
  /// `panelStride` apart in both.
  package var outputPositionStride: Int
  package var inputPositionStride: Int
  package var panelStride: Int
  /// From a position, and from an output channel, to the next among the sums.
  package var sumPositionStride: Int
  package var sumStride: Int
  /// Weights along a side of the kernel, and the number of weights of an output channel, of which
  /// those of a tap are `tapStride` apart.
  package var kernelSize: Int
  package var depth: Int
  package var tapStride: Int

  package init(
    points: Int, tiles: Int, outputs: Int, channels: Int, outputPositionStride: Int,
    inputPositionStride: Int, panelStride: Int, sumPositionStride: Int, sumStride: Int,
    kernelSize: Int, depth: Int, tapStride: Int
  ) {
    self.points = points
    self.tiles = tiles
    self.outputs = outputs
    self.channels = channels
    self.outputPositionStride = outputPositionStride
    self.inputPositionStride = inputPositionStride
    self.panelStride = panelStride
    self.sumPositionStride = sumPositionStride
    self.sumStride = sumStride
    self.kernelSize = kernelSize
    self.depth = depth
    self.tapStride = tapStride
  }
}

/// Kernels of Winograd's minimal filtering (Lavin and Gray 2016, "Fast algorithms for convolutional
/// neural networks").
///
/// `temporary` is 4096 floats of memory that serves one call at a time.
package struct WinogradKernels: Sendable {
  package typealias Input = UnsafePointer<Float>
  package typealias Output = UnsafeMutablePointer<Float>

  /// Transforms a tile of the input: `Bᵀ x B`.
  ///
  /// Arguments: tile, image, target, temporary.
  package var transformInput: @Sendable (borrowing WinogradTile, Input, Output, Output) -> Void
  /// Copies what lies inside of the image of a tile into a square of pixels.
  ///
  /// Arguments: tile, image, upper left pixel of the square, from a pixel of it to the next.
  package var gatherTile: @Sendable (borrowing WinogradTile, Input, Output, Int) -> Void
  /// Transforms a tile of the output's gradient: `A dy Aᵀ`.
  ///
  /// Arguments: tile, image, target, temporary.
  package var transformGradient: @Sendable (borrowing WinogradTile, Input, Output, Output) -> Void
  /// Transforms a tile of up to 16 output channels back, `Aᵀ m A`, and writes
  /// `activation(y · scale + shift + addend)`.
  ///
  /// Arguments: tile, products, 16 scales and then 16 shifts, factor of negatives, image, temporary.
  package var transformOutput:
    @Sendable (borrowing WinogradTile, Input, Input, Float, Output, Output) -> Void
  /// Transforms weights, `G g Gᵀ`, into `[position][channel][16]`; missing outputs become zero.
  ///
  /// Arguments: weight, first number, target, temporary.
  package var transformWeight: @Sendable (borrowing WinogradWeight, Input, Output, Output) -> Void
  /// Multiplies transformed tiles with transformed weights of 16 output channels.
  ///
  /// Arguments: product, input, weight, result.
  package var multiply: @Sendable (borrowing WinogradProduct, Input, Input, Output) -> Void
  /// Computes the sums of a block of weight gradients in the Winograd domain, `[position][out][in]`
  /// in whole panels.
  ///
  /// Arguments: gradient, output gradients, inputs, sums.
  package var multiplyGradient: @Sendable (borrowing WinogradGradient, Input, Input, Output) -> Void
  /// Transforms such sums back, `Gᵀ u G`, and adds them to the weight's gradient.
  ///
  /// Arguments: gradient, sums, weight gradient of the block, temporary.
  package var transformWeightGradient:
    @Sendable (borrowing WinogradGradient, Input, Output, Output) -> Void

  package init(
    transformInput: @escaping @Sendable (borrowing WinogradTile, Input, Output, Output) -> Void,
    gatherTile: @escaping @Sendable (borrowing WinogradTile, Input, Output, Int) -> Void,
    transformGradient: @escaping @Sendable (borrowing WinogradTile, Input, Output, Output) -> Void,
    transformOutput:
      @escaping @Sendable (borrowing WinogradTile, Input, Input, Float, Output, Output) -> Void,
    transformWeight: @escaping @Sendable (borrowing WinogradWeight, Input, Output, Output) -> Void,
    multiply: @escaping @Sendable (borrowing WinogradProduct, Input, Input, Output) -> Void,
    multiplyGradient:
      @escaping @Sendable (borrowing WinogradGradient, Input, Input, Output) -> Void,
    transformWeightGradient:
      @escaping @Sendable (borrowing WinogradGradient, Input, Output, Output) -> Void
  ) {
    self.transformInput = transformInput
    self.gatherTile = gatherTile
    self.transformGradient = transformGradient
    self.transformOutput = transformOutput
    self.transformWeight = transformWeight
    self.multiply = multiply
    self.multiplyGradient = multiplyGradient
    self.transformWeightGradient = transformWeightGradient
  }
}
