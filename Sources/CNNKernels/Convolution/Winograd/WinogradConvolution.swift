import CNNKernelTypes

/// Winograd's minimal filtering: fewer multiplications for square kernels without stride.
///
/// The output is cut into tiles of `pixels` x `pixels`. The part of the input that a tile depends
/// on, `points` x `points` numbers of each channel, is transformed linearly; so is the weight; then
/// each of the `points`² positions is a product of matrices (tiles by input channels, times input by
/// output channels), and what comes out is transformed back. (Winograd 1980; Lavin and Gray 2016,
/// "Fast algorithms for convolutional neural networks".)
///
/// | points | kernel | pixels | multiplications of a plain convolution for one of these |
/// |---|---|---|---|
/// | 6 | 3x3 | 4x4 | 4 |
/// | 6 | 5x5 | 2x2 | 2.8 |
/// | 8 | 3x3 | 6x6 | 5.1 |
/// | 8 | 5x5 | 4x4 | 6.3 |
/// | 8 | 7x7 | 2x2 | 3.1 |
///
/// Tiles are numbered over all samples and worked on in blocks, whose transformed input is shared by
/// all threads and takes 2 to 4 MB. Every output number is one sum over the input channels in
/// their order, in a tile that depends on its place in the plane alone, so its bits depend neither
/// on threads nor on the batch.
struct WinogradConvolution {
  let geometry: ConvolutionGeometry
  let batch: Int
  let points: Int
  let kernels: KernelTable

  static let panelWidth = 16
  /// What kernels need as temporary memory, and 16 scales and shifts.
  static let temporaryCount = 4096 + 32

  /// Returns whether tiles of `points` x `points` serve convolutions of this geometry.
  static func supports(_ geometry: ConvolutionGeometry, points: Int) -> Bool {
    let g = geometry
    let size = g.kernelHeight
    return g.strideHeight == 1 && g.strideWidth == 1 && g.dilationHeight == 1
      && g.dilationWidth == 1 && g.groups == 1 && g.kernelWidth == size
      && (size == 3 || size == 5 || size == 7 && points == 8)
  }

  /// Returns the tile that suits a convolution best, or nil where another algorithm is quicker.
  ///
  /// Of two tiles it is the one with fewer multiplications in all, because small planes waste a part
  /// of large tiles; of equals the larger, which measured faster. Winograd is quicker, by measurement, where multiplications are at most half of a plain convolution's, and where there
  /// are enough channels that these, and not the transforms, are the work: 8, or 32 for kernels of
  /// 7x7 with their small tiles.
  static func algorithm(
    for geometry: ConvolutionGeometry, pass: ConvolutionPass
  ) -> ConvolutionAlgorithm? {
    let twin = pass == .backwardData ? gradientGeometry(geometry) : geometry
    guard let g = twin, supports(g, points: 8),
      min(g.inputChannels, g.outputChannels) >= (g.kernelHeight == 7 ? 32 : 8)
    else { return nil }
    let large = multiplications(g, points: 8)
    let small = supports(g, points: 6) ? multiplications(g, points: 6) : Int.max
    let plain = g.positions * g.kernelHeight * g.kernelWidth
    guard min(large, small) <= plain / 2 else { return nil }
    return large <= small ? .winograd8 : .winograd6
  }

  /// The multiplications of a sample for a pair of an input and an output channel.
  private static func multiplications(_ geometry: ConvolutionGeometry, points: Int) -> Int {
    let pixels = points - geometry.kernelHeight + 1
    return ThreadPool.chunkCount(of: geometry.outputHeight, grain: pixels)
      * ThreadPool.chunkCount(of: geometry.outputWidth, grain: pixels) * points * points
  }

  // MARK: Sizes

  var positions: Int { points * points }
  var kernelSize: Int { geometry.kernelHeight }
  /// Output pixels along a side of a tile.
  var pixels: Int { points - kernelSize + 1 }
  var tileColumns: Int { ThreadPool.chunkCount(of: geometry.outputWidth, grain: pixels) }
  var tileRows: Int { ThreadPool.chunkCount(of: geometry.outputHeight, grain: pixels) }
  var tilesPerSample: Int { tileRows * tileColumns }
  var tileCount: Int { batch * tilesPerSample }

  var inputPanels: Int { panels(geometry.inputChannels) }
  var outputPanels: Int { panels(geometry.outputChannels) }
  private func panels(_ channels: Int) -> Int {
    ThreadPool.chunkCount(of: channels, grain: WinogradConvolution.panelWidth)
  }

  /// From a panel to the next among `tiles` transformed tiles.
  ///
  /// One cache line more than the numbers need: the panels of a tile, which are read together, must
  /// not all fall into the same set of a cache.
  func panelStride(tiles: Int) -> Int { (tiles + 1) * WinogradConvolution.panelWidth }

  /// From a position to the next: an odd number of cache lines, because the positions of a tile are
  /// written together.
  func positionStride(panels: Int, tiles: Int) -> Int {
    (panels * (tiles + 1) | 1) * WinogradConvolution.panelWidth
  }

  // MARK: Tiles

  /// Returns the part of the padded input that the tile `index` depends on.
  func inputTile(_ index: Int, blockTiles: Int) -> WinogradTile {
    let g = geometry
    return tile(
      index, pixels: points, top: -g.padTop, left: -g.padLeft, height: g.inputHeight,
      width: g.inputWidth, channels: g.inputChannels,
      positionStride: positionStride(panels: inputPanels, tiles: blockTiles),
      panelStride: panelStride(tiles: blockTiles))
  }

  /// Returns the output pixels of the tile `index`.
  func outputTile(_ index: Int, positionStride: Int, panelStride: Int) -> WinogradTile {
    let g = geometry
    return tile(
      index, pixels: pixels, top: 0, left: 0, height: g.outputHeight, width: g.outputWidth,
      channels: g.outputChannels, positionStride: positionStride, panelStride: panelStride)
  }

  private func tile(
    _ index: Int, pixels side: Int, top: Int, left: Int, height: Int, width: Int, channels: Int,
    positionStride: Int, panelStride: Int
  ) -> WinogradTile {
    let sample = index / tilesPerSample
    let place = index - sample * tilesPerSample
    let row = place / tileColumns
    let y = row * pixels + top
    let x = (place - row * tileColumns) * pixels + left
    return WinogradTile(
      points: points, pixels: side, origin: ((sample * height + y) * width + x) * channels,
      lineStride: width * channels, pixelStride: channels, top: max(0, -y),
      bottom: min(side, height - y), left: max(0, -x), right: min(side, width - x),
      channels: channels, positionStride: positionStride, panelStride: panelStride)
  }
}
