/// Lines of an image, cut into tiles of a few neighbouring pixels, on their way into the domain of
/// one-dimensional minimal filtering or out of it.
///
/// There a tile is ten positions. All strides are in floats.
package struct WinogradLines {
  /// Pixels of a tile: 4 to 6.
  package var pixels: Int
  /// Tiles of a line, and lines.
  package var tiles: Int
  package var lines: Int
  /// Pixels of a line of the image; those of the last tile beyond it count as zero when read, and
  /// are not written.
  package var width: Int
  /// From a pixel of the image to its right neighbour, and from a line to the next.
  package var pixelStride: Int
  package var lineStride: Int
  /// Channels that are read or written, at most 16.
  package var channels: Int
  /// From a position to the next.
  package var positionStride: Int

  package init(
    pixels: Int, tiles: Int, lines: Int, width: Int, pixelStride: Int, lineStride: Int,
    channels: Int, positionStride: Int
  ) {
    self.pixels = pixels
    self.tiles = tiles
    self.lines = lines
    self.width = width
    self.pixelStride = pixelStride
    self.lineStride = lineStride
    self.channels = channels
    self.positionStride = positionStride
  }
}

/// Weights of up to 16 output channels on their way into that domain.
package struct WinogradRowWeight {
  /// Weights of a kernel's row: 5 to 7.
  package var taps: Int
  /// Rows of the kernel.
  package var rows: Int
  /// Input channels, and output channels, at most 16.
  package var channels: Int
  package var outputs: Int
  /// From a position to the next.
  package var positionStride: Int

  package init(taps: Int, rows: Int, channels: Int, outputs: Int, positionStride: Int) {
    self.taps = taps
    self.rows = rows
    self.channels = channels
    self.outputs = outputs
    self.positionStride = positionStride
  }
}

/// The products of all positions for a block of tiles with 16 output channels.
package struct WinogradRowProduct {
  /// Tiles, and how far the windows of all of them lie from the first's.
  package var tiles: Int
  package var places: UnsafePointer<Int>
  /// The numbers of a window, one after the other.
  package var depth: Int
  /// From a position to the next: of the input, of weights `[position][depth][16]`, and of products
  /// `[position][tile][16]`.
  package var inputStride: Int
  package var weightStride: Int
  package var productStride: Int

  package init(
    tiles: Int, places: UnsafePointer<Int>, depth: Int, inputStride: Int, weightStride: Int,
    productStride: Int
  ) {
    self.tiles = tiles
    self.places = places
    self.depth = depth
    self.inputStride = inputStride
    self.weightStride = weightStride
    self.productStride = productStride
  }
}

/// Kernels of one-dimensional minimal filtering along the lines of an image: F(4, 7), F(5, 6) and
/// F(6, 5), which all have ten positions (Winograd 1980, "Arithmetic complexity of computations").
package struct WinogradRowKernels: Sendable {
  package typealias Input = UnsafePointer<Float>
  package typealias Output = UnsafeMutablePointer<Float>

  /// Transforms the tiles of a line of the input: `Bᵀ x`.
  ///
  /// Reads up to seven numbers beyond the last pixel, and writes whole vectors: up to seven numbers
  /// behind the channels of a tile. Arguments: pixels from a tile to the next, channels, tiles, line,
  /// target, from a position and from a tile to the next.
  package var transformInput: @Sendable (Int, Int, Int, Input, Output, Int, Int) -> Void
  /// Transforms lines of the output's gradient, `A dy`, into `[position][line][tile][16]`; missing
  /// channels become zero.
  ///
  /// Arguments: lines, image, target.
  package var transformGradient: @Sendable (borrowing WinogradLines, Input, Output) -> Void
  /// Multiplies transformed tiles with transformed weights; products are overwritten.
  ///
  /// Arguments: product, input, weight, products.
  package var multiply: @Sendable (borrowing WinogradRowProduct, Input, Input, Output) -> Void
  /// Transforms products `[position][line][tile][16]` back, `Aᵀ m`, and writes
  /// `activation(y · scale + shift)`.
  ///
  /// Arguments: lines, products, 16 scales and then 16 shifts, factor of negatives, image.
  package var transformOutput:
    @Sendable (borrowing WinogradLines, Input, Input, Float, Output) -> Void
  /// Transforms weights `[output][row][tap][channel]`, `G g`, into `[position][row][channel][16]`;
  /// missing outputs become zero.
  ///
  /// Arguments: weight, first number, target.
  package var transformWeight: @Sendable (borrowing WinogradRowWeight, Input, Output) -> Void
  /// Transforms the gradients of weights back, `Gᵀ u`, and adds them to the gradient.
  ///
  /// Arguments: weight, sums, gradient of the first weight.
  package var transformWeightGradient:
    @Sendable (borrowing WinogradRowWeight, Input, Output) -> Void

  package init(
    transformInput: @escaping @Sendable (Int, Int, Int, Input, Output, Int, Int) -> Void,
    transformGradient: @escaping @Sendable (borrowing WinogradLines, Input, Output) -> Void,
    multiply: @escaping @Sendable (borrowing WinogradRowProduct, Input, Input, Output) -> Void,
    transformOutput:
      @escaping @Sendable (borrowing WinogradLines, Input, Input, Float, Output) -> Void,
    transformWeight: @escaping @Sendable (borrowing WinogradRowWeight, Input, Output) -> Void,
    transformWeightGradient:
      @escaping @Sendable (borrowing WinogradRowWeight, Input, Output) -> Void
  ) {
    self.transformInput = transformInput
    self.transformGradient = transformGradient
    self.multiply = multiply
    self.transformOutput = transformOutput
    self.transformWeight = transformWeight
    self.transformWeightGradient = transformWeightGradient
  }
}
