import CNNKernelTypes
import Glibc

/// Winograd's minimal filtering along the lines of an image: fewer multiplications for kernels five
/// to seven wide, where there are few input channels.
///
/// Lines are cut into tiles of `pixels` output pixels. The ten input pixels that a tile depends on
/// are transformed linearly, and so is each row of the kernel; then every one of the ten positions is
/// a convolution by itself, with a kernel one wide that runs down the columns of tiles, and what
/// comes out is transformed back. (Winograd 1980, "Arithmetic complexity of computations"; the
/// one-dimensional form of Lavin and Gray 2016.)
///
/// | kernel's width | pixels | multiplications of a plain convolution for one of these |
/// |---|---|---|
/// | 5 | 6 | 3 |
/// | 6 | 5 | 3 |
/// | 7 | 4 | 2.8 |
///
/// The square tiles of `WinogradConvolution` save more multiplications, but have a number to
/// transform for every few of them where there are few channels. Here a line is transformed once for
/// all rows of the kernel that meet it. With one dimension less, rounding errors are smaller as well.
///
/// A chunk is a band of a sample's lines. Its transformed input, `[position][tile][line][channel]`,
/// has the window of every tile and line in one piece, so that the products are those of
/// `DirectConvolution`, in blocks of a few lines whose results stay in the first cache until they
/// are transformed back. Every output number is one sum in the order of the weight in a tile that
/// depends on its place in the line alone, so its bits depend neither on threads nor on the batch.
struct WinogradRows {
  let geometry: ConvolutionGeometry
  let batch: Int
  let kernels: KernelTable

  static let positions = 10
  static let panelWidth = 16

  /// Returns whether convolutions of this geometry have this form.
  static func supports(_ geometry: ConvolutionGeometry) -> Bool {
    let g = geometry
    return g.strideHeight == 1 && g.strideWidth == 1 && g.dilationHeight == 1
      && g.dilationWidth == 1 && g.groups == 1 && (5...7).contains(g.kernelWidth)
  }

  /// Returns whether this is the quickest way.
  ///
  /// It is, by measurement, for up to 16 input channels, where square tiles have much to transform
  /// for few products, if multiplications are at most half of a plain convolution's and there are
  /// enough of them for a number that is transformed: windows of 12 numbers and 8 output channels.
  static func isQuickest(_ geometry: ConvolutionGeometry, pass: ConvolutionPass) -> Bool {
    guard pass != .backwardData, supports(geometry) else { return false }
    let rows = WinogradRows(geometry: geometry, batch: 1, kernels: Kernels.active)
    return geometry.inputChannels <= 16 && geometry.outputChannels >= 8 && rows.depth >= 12
      && 2 * positions * rows.tiles <= geometry.outputWidth * geometry.kernelWidth
  }

  // MARK: Sizes

  /// Output pixels of a tile.
  var pixels: Int { WinogradRows.positions + 1 - geometry.kernelWidth }
  /// Tiles of a line.
  var tiles: Int { ThreadPool.chunkCount(of: geometry.outputWidth, grain: pixels) }
  /// Products that are added up for a number of a position.
  var depth: Int { geometry.kernelHeight * geometry.inputChannels }
  var panels: Int {
    ThreadPool.chunkCount(of: geometry.outputChannels, grain: WinogradRows.panelWidth)
  }
  /// From a position to the next among transformed weights.
  var weightStride: Int { depth * WinogradRows.panelWidth }
  var panelCount: Int { WinogradRows.positions * weightStride }
  /// The number of floats of the transformed weight.
  var packedWeightCount: Int? { product(panels, WinogradRows.positions, depth, 16) }

  /// Output lines of a band: two million multiplications, fewer where there would be less than 32
  /// bands but half a million at least, and at most 512 KB of transformed input.
  private var bandLines: Int {
    let g = geometry
    let line = WinogradRows.positions * tiles * depth * g.outputChannels
    let lines = max(1, min(1 << 21, max(1 << 19, line * g.outputHeight / 32 * batch)) / line)
    let room = (1 << 17) / (WinogradRows.positions * tiles * g.inputChannels) - g.kernelHeight
    let wanted = max(1, min(lines, room))
    let bands = ThreadPool.chunkCount(of: g.outputHeight, grain: wanted)
    return ThreadPool.chunkCount(of: g.outputHeight, grain: bands)
  }
  /// Bands of a sample.
  private var bands: Int { ThreadPool.chunkCount(of: geometry.outputHeight, grain: bandLines) }
  var bandCount: Int { bands * batch }

  /// From a column of tiles to the next in the transformed input; the transform writes up to seven
  /// numbers too many.
  var columnStride: Int {
    ((bandLines + geometry.kernelHeight - 1) * geometry.inputChannels + 8 + 15) & ~15
  }
  var inputStride: Int { tiles * columnStride + WinogradRows.panelWidth }
  var inputCount: Int { WinogradRows.positions * inputStride }

  /// A padded line, and room for reading up to seven numbers too many.
  var lineCount: Int {
    ((tiles * pixels + geometry.kernelWidth - 1) * geometry.inputChannels + 8 + 15) & ~15
  }

  /// Returns whether all numbers that follow from the sizes can be computed with.
  var isComputable: Bool {
    let g = geometry
    return product(
      g.outputHeight + g.kernelHeight, g.outputWidth + 16, g.inputChannels + 16,
      WinogradRows.positions, 2) != nil
      && product(g.outputHeight, g.outputWidth + 16, g.outputChannels + 16, depth, 16) != nil
      && product(g.outputWidth + 16, WinogradRows.positions, 64, 16) != nil
  }

  // MARK: Input

  /// Some output lines of a sample.
  struct Band {
    let sample: Int
    let line: Int
    let lines: Int
  }

  func band(_ index: Int) -> Band {
    let line = index % bands * bandLines
    return Band(
      sample: index / bands, line: line, lines: min(bandLines, geometry.outputHeight - line))
  }

  /// Transforms the lines of the padded input that a band depends on.
  ///
  /// - Parameters:
  ///   - target: `inputCount` numbers.
  ///   - frame: `lineCount` numbers.
  func transformInput(
    _ band: Band, _ input: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>,
    frame: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let float = MemoryLayout<Float>.stride
    let reach = g.outputWidth + g.kernelWidth - 1
    let left = min(g.padLeft, reach)
    let inside = max(0, min(g.inputWidth, reach - left)) * g.inputChannels
    let middle = frame + left * g.inputChannels
    memset(frame, 0, lineCount * float)
    var row = 0
    while row < band.lines + g.kernelHeight - 1 {
      let line = band.line + row - g.padTop
      if line >= 0, line < g.inputHeight {
        let source = (band.sample * g.inputHeight + line) * g.inputWidth * g.inputChannels
        memcpy(middle, input + source, inside * float)
      } else {
        memset(middle, 0, inside * float)
      }
      // From the first line to the last: each overwrites what was written behind the one before.
      kernels.winogradRows.transformInput(
        pixels, g.inputChannels, tiles, frame, target + row * g.inputChannels, inputStride,
        columnStride)
      row += 1
    }
  }

  // MARK: Weights

  func weight(_ panel: Int) -> WinogradRowWeight {
    let first = panel * WinogradRows.panelWidth
    return WinogradRowWeight(
      taps: geometry.kernelWidth, rows: geometry.kernelHeight, channels: geometry.inputChannels,
      outputs: min(WinogradRows.panelWidth, geometry.outputChannels - first),
      positionStride: weightStride)
  }

  /// Writes the `packedWeightCount` numbers of the transformed weight, `[panel][position][depth][16]`.
  func packWeight(
    _ weight: UnsafePointer<Float>, packed: UnsafeMutablePointer<Float>, slots: Int
  ) {
    ThreadPool.parallelFor(chunks: panels, slots: slots) { panel, _ in
      kernels.winogradRows.transformWeight(
        self.weight(panel), weight + panel * WinogradRows.panelWidth * geometry.depth,
        packed + panel * panelCount)
    }
  }

  // MARK: The pass

  /// Lines of a block, whose products of 16 channels take about 20 KB.
  private var blockLines: Int { min(bandLines, max(1, 48 / tiles)) }
  private var productStride: Int { (blockLines * tiles + 1) * WinogradRows.panelWidth }
  private var ownCount: Int {
    inputCount + lineCount + WinogradRows.positions * productStride + 2 * WinogradRows.panelWidth
  }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  ///
  /// - Parameter packed: Whether the call will be given a packed weight.
  func scratchCount(slots: Int, packed: Bool) -> Int? {
    guard isComputable, let weights = packedWeightCount, let own = product(ownCount, slots)
    else { return nil }
    return product((packed ? 0 : weights) + own + placeCount(lines: blockLines))
  }

  /// Computes the output.
  ///
  /// - Parameter packedWeight: What `packWeight` made of the weight, or nil to do without.
  func forward(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    packedWeight: UnsafePointer<Float>?, epilogue: ConvolutionEpilogue,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let places = UnsafeMutableRawPointer(scratch)
      .bindMemory(to: Int.self, capacity: blockLines * tiles)
    list(places, lines: blockLines)
    var own = scratch + placeCount(lines: blockLines)
    var packed = packedWeight
    if packed == nil {
      packWeight(weight, packed: own, slots: slots)
      packed = UnsafePointer(own)
      own += packedWeightCount ?? 0
    }
    guard let packed else { return }
    let memory = own
    ThreadPool.parallelFor(chunks: bandCount, slots: slots) { chunk, slot in
      let transformed = memory + slot * ownCount
      let products = transformed + inputCount + lineCount
      let band = band(chunk)
      transformInput(band, input, to: transformed, frame: transformed + inputCount)
      let place = output + (band.sample * geometry.outputHeight + band.line) * outputLine
      var panel = 0
      while panel < panels {
        let affine = products + WinogradRows.positions * productStride
        write(epilogue, panel, to: affine)
        var line = 0
        while line < band.lines {
          let lines = min(blockLines, band.lines - line)
          kernels.winogradRows.multiply(
            WinogradRowProduct(
              tiles: lines * tiles, places: places, depth: depth, inputStride: inputStride,
              weightStride: weightStride, productStride: productStride),
            transformed + line * geometry.inputChannels, packed + panel * panelCount, products)
          kernels.winogradRows.transformOutput(
            outputLines(lines, panel, positionStride: productStride), products, affine,
            epilogue.slope, place + line * outputLine + panel * WinogradRows.panelWidth)
          line += lines
        }
        panel += 1
      }
    }
  }

  /// The room, in floats, for the places of a block's tiles.
  func placeCount(lines: Int) -> Int { (2 * lines * tiles + 15) & ~15 }

  /// Lists how far the windows of a block's tiles lie from the first: line by line.
  func list(_ places: UnsafeMutablePointer<Int>, lines: Int) {
    var index = 0
    while index < lines * tiles {
      places[index] = index % tiles * columnStride + index / tiles * geometry.inputChannels
      index += 1
    }
  }

  var outputLine: Int { geometry.outputWidth * geometry.outputChannels }

  func outputLines(_ lines: Int, _ panel: Int, positionStride: Int) -> WinogradLines {
    let width = WinogradRows.panelWidth
    return WinogradLines(
      pixels: pixels, tiles: tiles, lines: lines, width: geometry.outputWidth,
      pixelStride: geometry.outputChannels, lineStride: outputLine,
      channels: min(width, geometry.outputChannels - panel * width),
      positionStride: positionStride)
  }

  /// Writes the scales and shifts of a panel.
  private func write(
    _ epilogue: ConvolutionEpilogue, _ panel: Int, to affine: UnsafeMutablePointer<Float>
  ) {
    let width = WinogradRows.panelWidth
    let first = panel * width
    var lane = 0
    while lane < width {
      let isThere = first + lane < geometry.outputChannels
      affine[lane] = isThere ? epilogue.scale?[first + lane] ?? 1 : 0
      affine[width + lane] = isThere ? epilogue.shift?[first + lane] ?? 0 : 0
      lane += 1
    }
  }
}
