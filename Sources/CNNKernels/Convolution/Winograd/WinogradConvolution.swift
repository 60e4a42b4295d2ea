import CNNKernelTypes
import Glibc

/// Winograd's minimal filtering: fewer multiplications for square kernels.
///
/// The output is cut into tiles of `pixels` x `pixels`. The part of the input that a tile depends
/// on, `points` x `points` numbers of each channel, is transformed linearly; so is the weight; then
/// each of the `points`² positions is a product of matrices (tiles by input channels, times input by
/// output channels), and what comes out is transformed back. (Winograd 1980; Lavin and Gray 2016,
/// "Fast algorithms for convolutional neural networks".)
///
/// | points | kernel | pixels | multiplications of a plain convolution for one of these |
/// |---|---|---|---|
/// | 6 | 2x2 | 5x5 | 2.8 |
/// | 6 | 3x3 | 4x4 | 4 |
/// | 6 | 4x4 | 3x3 | 4 |
/// | 6 | 5x5 | 2x2 | 2.8 |
/// | 8 | 2x2 | 7x7 | 3.1 |
/// | 8 | 3x3 | 6x6 | 5.1 |
/// | 8 | 4x4 | 5x5 | 6.3 |
/// | 8 | 5x5 | 4x4 | 6.3 |
///
/// Larger kernels and strides are brought into this form by `KernelSplit`: below, "input channels"
/// are those of all sub-kernels together.
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
  let split: KernelSplit

  static let panelWidth = 16
  /// What kernels need as temporary memory, and 16 scales and shifts.
  static let temporaryCount = 4096 + 32

  init(geometry: ConvolutionGeometry, batch: Int, points: Int, kernels: KernelTable) {
    self.geometry = geometry
    self.batch = batch
    self.points = points
    self.kernels = kernels
    split = WinogradConvolution.split(geometry, points: points)
  }

  /// Returns whether tiles of `points` x `points` serve convolutions of this geometry.
  static func supports(_ geometry: ConvolutionGeometry, points: Int) -> Bool {
    let g = geometry
    return g.strideHeight == g.strideWidth && g.dilationHeight == 1 && g.dilationWidth == 1
      && g.groups == 1 && g.kernelWidth == g.kernelHeight && g.kernelHeight > g.strideHeight
      && g.kernelHeight <= 32
  }

  /// Returns the sub-kernels with which an output pixel takes the fewest multiplications.
  private static func split(_ geometry: ConvolutionGeometry, points: Int) -> KernelSplit {
    var best = KernelSplit(
      kernelSize: geometry.kernelHeight, stride: geometry.strideHeight, size: 2)
    for size in 3...5 {
      let other = KernelSplit(
        kernelSize: geometry.kernelHeight, stride: geometry.strideHeight, size: size)
      // Compared are count / pixels, the square root of what an output pixel takes.
      if other.count * (points - best.size + 1) < best.count * (points - size + 1) { best = other }
    }
    return best
  }

  /// Returns the tile that suits a convolution best, or nil where another algorithm is quicker.
  ///
  /// Of two tiles it is the one with fewer multiplications in all, because small planes waste a part
  /// of large tiles; of equals the larger, which measured faster, unless only the smaller has weights
  /// that are small enough to be held. Winograd is quicker, by
  /// measurement, where multiplications are at most half of a plain convolution's, and where there
  /// are enough channels that these, and not the transforms, are the work: 8 on either side, and 384
  /// pairs of them if the kernel is cut, or 768 for the gradient of the weight.
  static func algorithm(
    for geometry: ConvolutionGeometry, pass: ConvolutionPass
  ) -> ConvolutionAlgorithm? {
    let twin = pass == .backwardData ? geometry.gradientTwin : geometry
    guard let g = twin, supports(g, points: 8) else { return nil }
    let split = split(g, points: 8)
    let channels = split.total * g.inputChannels
    let pairs = pass == .backwardWeights ? 768 : 384
    guard channels >= 8, g.outputChannels >= 8,
      split.isWhole || channels * g.outputChannels >= pairs
    else { return nil }
    let large = multiplications(g, points: 8)
    let small = multiplications(g, points: 6)
    let plain = g.positions * g.kernelHeight * g.kernelWidth
    guard min(large, small) <= plain / 2 else { return nil }
    if large == small, holdsWeight(g, points: 6), !holdsWeight(g, points: 8) { return .winograd6 }
    return large <= small ? .winograd8 : .winograd6
  }

  private static func holdsWeight(_ geometry: ConvolutionGeometry, points: Int) -> Bool {
    WinogradConvolution(geometry: geometry, batch: 1, points: points, kernels: Kernels.active)
      .holdsWeight
  }

  /// The multiplications of a sample for a pair of an input and an output channel.
  private static func multiplications(_ geometry: ConvolutionGeometry, points: Int) -> Int {
    let split = split(geometry, points: points)
    let pixels = points - split.size + 1
    return ThreadPool.chunkCount(of: geometry.outputHeight, grain: pixels)
      * ThreadPool.chunkCount(of: geometry.outputWidth, grain: pixels) * points * points
      * split.total
  }

  // MARK: Sizes

  var positions: Int { points * points }
  /// Taps of the small kernel along a side.
  var kernelSize: Int { split.size }
  /// Input channels of all sub-kernels.
  var inputChannels: Int { split.total * geometry.inputChannels }
  /// Weights of the small kernels that meet in one output number.
  var depth: Int { kernelSize * kernelSize * inputChannels }
  /// Output pixels along a side of a tile.
  var pixels: Int { points - kernelSize + 1 }
  var tileColumns: Int { ThreadPool.chunkCount(of: geometry.outputWidth, grain: pixels) }
  var tileRows: Int { ThreadPool.chunkCount(of: geometry.outputHeight, grain: pixels) }
  var tilesPerSample: Int { tileRows * tileColumns }
  var tileCount: Int { batch * tilesPerSample }

  var inputPanels: Int { panels(inputChannels) }
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

  /// Whether the sub-kernels' parts of a tile are copied beside each other before the transform:
  /// where their channels do not fill panels.
  private var gathersParts: Bool {
    !split.isWhole && geometry.inputChannels % WinogradConvolution.panelWidth != 0
  }
  /// Channels of such a copy: whole vectors.
  private var frameChannels: Int { (inputChannels + 7) & ~7 }
  /// What a thread needs to transform the input.
  var temporaryCount: Int {
    WinogradConvolution.temporaryCount
      + (gathersParts ? positions * frameChannels : 0)
  }

  /// Transforms the part of the padded input that the tile `index` depends on.
  ///
  /// - Parameters:
  ///   - blockTiles: The tiles of the block that is transformed.
  ///   - target: Where the tile's first position and panel belong.
  ///   - temporary: `temporaryCount` numbers.
  func transformInput(
    _ index: Int, blockTiles: Int, from input: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>, temporary: UnsafeMutablePointer<Float>
  ) {
    let panelStride = panelStride(tiles: blockTiles)
    let panelsOfPart = panels(geometry.inputChannels)
    let frame = temporary + WinogradConvolution.temporaryCount
    if gathersParts {
      memset(frame, 0, positions * frameChannels * MemoryLayout<Float>.stride)
    }
    let place = place(of: index)
    var part = 0
    while part < split.total {
      let tile = inputTile(place, part: part, blockTiles: blockTiles)
      if gathersParts {
        kernels.winograd.gatherTile(
          tile, input, frame + part * geometry.inputChannels, frameChannels)
      } else {
        kernels.winograd.transformInput(
          tile, input, target + part * panelsOfPart * panelStride, temporary)
      }
      part += 1
    }
    if gathersParts {
      let tile = WinogradTile(
        points: points, pixels: points, origin: 0, lineStride: points * frameChannels,
        pixelStride: frameChannels, top: 0, bottom: points, left: 0, right: points,
        channels: frameChannels,
        positionStride: positionStride(panels: inputPanels, tiles: blockTiles),
        panelStride: panelStride)
      kernels.winograd.transformInput(tile, UnsafePointer(frame), target, temporary)
    }
  }

  /// Returns the sample, and the row and column among its tiles, of the tile `index`.
  private func place(of index: Int) -> (sample: Int, row: Int, column: Int) {
    let perSample = tilesPerSample
    let columns = tileColumns
    let sample = index / perSample
    let row = (index - sample * perSample) / columns
    return (sample, row, index - sample * perSample - row * columns)
  }

  /// Returns the part of the padded input that a sub-kernel meets in a tile.
  private func inputTile(
    _ place: (sample: Int, row: Int, column: Int), part: Int, blockTiles: Int
  ) -> WinogradTile {
    let g = geometry
    let stride = split.stride
    let sample = place.sample
    let y = place.row * pixels * stride + split.offset(part / split.count) - g.padTop
    let x = place.column * pixels * stride + split.offset(part % split.count) - g.padLeft
    let (top, bottom) = inside(y, g.inputHeight)
    let (left, right) = inside(x, g.inputWidth)
    return WinogradTile(
      points: points, pixels: points,
      origin: ((sample * g.inputHeight + y) * g.inputWidth + x) * g.inputChannels,
      lineStride: g.inputWidth * g.inputChannels * stride, pixelStride: g.inputChannels * stride,
      top: top, bottom: bottom, left: left, right: right, channels: g.inputChannels,
      positionStride: positionStride(panels: inputPanels, tiles: blockTiles),
      panelStride: panelStride(tiles: blockTiles))
  }

  /// Returns which of a tile's lines, the first at `start`, lie within `0..<length`: the first and
  /// the end.
  private func inside(_ start: Int, _ length: Int) -> (first: Int, end: Int) {
    let first = start < 0 ? ThreadPool.chunkCount(of: -start, grain: split.stride) : 0
    let end = ThreadPool.chunkCount(of: length - start, grain: split.stride)
    return (min(first, points), max(min(first, points), min(points, end)))
  }

  /// Returns the output pixels of the tile `index`.
  func outputTile(_ index: Int, positionStride: Int, panelStride: Int) -> WinogradTile {
    let g = geometry
    let (sample, row, column) = place(of: index)
    let y = row * pixels
    let x = column * pixels
    return WinogradTile(
      points: points, pixels: pixels,
      origin: ((sample * g.outputHeight + y) * g.outputWidth + x) * g.outputChannels,
      lineStride: g.outputWidth * g.outputChannels, pixelStride: g.outputChannels, top: 0,
      bottom: min(pixels, g.outputHeight - y), left: 0, right: min(pixels, g.outputWidth - x),
      channels: g.outputChannels, positionStride: positionStride, panelStride: panelStride)
  }
}
