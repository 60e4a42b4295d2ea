import CNNKernelTypes

/// Which weights a pass multiplies with.
enum WinogradWeightOrder {
  /// As they are: the output.
  case forward
  /// Turned around, inputs and outputs exchanged: the gradient of the input.
  case backwardData
}

// The output, and with the twin geometry of `gradientGeometry` the gradient of
// the input.
extension WinogradConvolution {
  /// The convolution whose output is the gradient of the input, or nil where padding is wider than
  /// the kernel.
  static func gradientGeometry(_ g: ConvolutionGeometry) -> ConvolutionGeometry? {
    let padTop = g.kernelHeight - 1 - g.padTop
    let padLeft = g.kernelWidth - 1 - g.padLeft
    guard padTop >= 0, padLeft >= 0 else { return nil }
    var twin = ConvolutionGeometry(
      inputHeight: g.outputHeight, inputWidth: g.outputWidth, inputChannels: g.outputChannels,
      outputHeight: g.inputHeight, outputWidth: g.inputWidth, outputChannels: g.inputChannels,
      kernelHeight: g.kernelHeight, kernelWidth: g.kernelWidth, strideHeight: g.strideHeight,
      strideWidth: g.strideWidth, dilationHeight: g.dilationHeight,
      dilationWidth: g.dilationWidth, padTop: padTop, padLeft: padLeft, groups: g.groups)
    twin.isPrecise = g.isPrecise
    return twin
  }

  /// Tiles of a block: their transformed input is at most 2 MB, unless 64 are more than that.
  private var blockTiles: Int {
    let perTile = positions * inputPanels * WinogradConvolution.panelWidth
    return min(tileCount, max(64, ((1 << 19) / perTile) & ~63))
  }
  /// Tiles that are multiplied with a panel of weights at a time: the products stay in the cache.
  static let stripTiles = 64
  private var stripTiles: Int { min(WinogradConvolution.stripTiles, tileCount) }
  private var resultStride: Int { positionStride(panels: 1, tiles: stripTiles) }
  private var resultCount: Int { positions * resultStride }
  private var inputStride: Int { positionStride(panels: inputPanels, tiles: blockTiles) }
  private var inputBlockCount: Int? { product(positions, inputStride) }

  /// Input channels that are multiplied at a time: some 16 KB of weights for a position, or, where
  /// weights are transformed right before they are used, what stays in the cache for all positions.
  private var depthChannels: Int {
    min(inputPanels * WinogradConvolution.panelWidth, sharesWeight ? 256 : points == 8 ? 64 : 128)
  }
  private var depthBlocks: Int {
    ThreadPool.chunkCount(of: geometry.inputChannels, grain: depthChannels)
  }
  /// From a position to the next among transformed weights, with room against cache conflicts.
  private var weightStride: Int { (depthChannels + 1) * WinogradConvolution.panelWidth }
  /// The transformed weights of 16 output channels and `depthChannels` input channels.
  private var weightBlockCount: Int { positions * weightStride }

  /// Whether the whole transformed weight is held: where it is at most 6 MB.
  ///
  /// Elsewhere it would come from memory, and to transform it anew for each strip of tiles is
  /// quicker than to read it.
  private var sharesWeight: Bool {
    positions * inputPanels * outputPanels <= 6 << 10
  }
  private var sharedWeightCount: Int {
    sharesWeight ? outputPanels * depthBlocks * weightBlockCount : 0
  }
  /// What a thread needs for itself.
  private var ownCount: Int {
    (sharesWeight ? 0 : weightBlockCount) + resultCount + WinogradConvolution.temporaryCount
  }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  func scratchCount(slots: Int) -> Int? {
    let g = geometry
    guard product(positions, g.inputChannels + 16, g.outputChannels + 16) != nil,
      product(g.outputHeight + 8, g.outputWidth + 8, positions, batch, inputPanels, 16) != nil,
      let block = inputBlockCount, let own = product(ownCount, slots)
    else { return nil }
    return product(sharedWeightCount + block + own)
  }

  func forward(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    order: WinogradWeightOrder = .forward, epilogue: ConvolutionEpilogue = ConvolutionEpilogue(),
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let transformed = scratch + sharedWeightCount
    let own = transformed + (inputBlockCount ?? 0)
    if sharesWeight {
      ThreadPool.parallelFor(chunks: outputPanels * depthBlocks, slots: slots) { chunk, slot in
        transformWeight(
          weight, order, panel: chunk / depthBlocks, depth: chunk % depthBlocks,
          to: scratch + chunk * weightBlockCount, temporary: own + slot * ownCount)
      }
    }
    var first = 0
    while first < tileCount {
      let tiles = first..<min(first + blockTiles, tileCount)
      transformInput(input, tiles, to: transformed, own, slots)
      let strips = ThreadPool.chunkCount(of: tiles.count, grain: stripTiles)
      let grain = ThreadPool.chunkCount(of: tiles.count, grain: strips)
      ThreadPool.parallelFor(chunks: outputPanels * strips, slots: slots) { chunk, slot in
        let panel = chunk % outputPanels
        let start = chunk / outputPanels * grain
        let strip = start..<min(start + grain, tiles.count)
        let results = own + slot * ownCount
        multiply(
          strip, panel, input: transformed, weight, order, shared: scratch, results: results)
        transformOutput(
          tiles.lowerBound + strip.lowerBound, strip.count, panel, results, epilogue, output)
      }
      first += blockTiles
    }
  }

  private func transformInput(
    _ input: UnsafePointer<Float>, _ tiles: Range<Int>, to target: UnsafeMutablePointer<Float>,
    _ own: UnsafeMutablePointer<Float>, _ slots: Int
  ) {
    let width = WinogradConvolution.panelWidth
    ThreadPool.parallelRanges(count: tiles.count, grain: 8, slots: slots) { range, slot in
      var tile = range.lowerBound
      while tile < range.upperBound {
        kernels.winograd.transformInput(
          inputTile(tiles.lowerBound + tile, blockTiles: blockTiles), input,
          target + tile * width, own + slot * ownCount)
        tile += 1
      }
    }
  }

  private func transformWeight(
    _ weight: UnsafePointer<Float>, _ order: WinogradWeightOrder, panel: Int, depth: Int,
    to target: UnsafeMutablePointer<Float>, temporary: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let first = panel * WinogradConvolution.panelWidth
    let channel = depth * depthChannels
    let backward = order == .backwardData
    let taps = kernelSize * kernelSize
    let description = WinogradWeight(
      points: points, kernelSize: kernelSize,
      tapStride: backward ? -g.outputChannels : g.inputChannels,
      channelStride: backward ? taps * g.outputChannels : 1, outputStride: backward ? 1 : g.depth,
      channels: min(depthChannels, g.inputChannels - channel),
      outputs: min(WinogradConvolution.panelWidth, g.outputChannels - first),
      positionStride: weightStride)
    let start =
      (backward ? (taps - 1) * g.outputChannels : 0)
      + first * description.outputStride + channel * description.channelStride
    kernels.winograd.transformWeight(description, weight + start, target, temporary)
  }

  /// Multiplies tiles of the block with a panel of weights.
  private func multiply(
    _ strip: Range<Int>, _ panel: Int, input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    _ order: WinogradWeightOrder, shared: UnsafeMutablePointer<Float>,
    results: UnsafeMutablePointer<Float>
  ) {
    let width = WinogradConvolution.panelWidth
    let temporary = results + resultCount
    let panelStride = panelStride(tiles: blockTiles)
    var depth = 0
    while depth < depthBlocks {
      var block = shared + (panel * depthBlocks + depth) * weightBlockCount
      if !sharesWeight {
        block = temporary + WinogradConvolution.temporaryCount
        transformWeight(
          weight, order, panel: panel, depth: depth, to: block, temporary: temporary)
      }
      let channel = depth * depthChannels
      kernels.winograd.multiply(
        WinogradProduct(
          positions: positions, tiles: strip.count,
          channels: min(depthChannels, geometry.inputChannels - channel),
          positionStride: inputStride, panelStride: panelStride, weightStride: weightStride,
          resultStride: resultStride, adds: depth > 0),
        input + (strip.lowerBound * width + channel / width * panelStride), block, results)
      depth += 1
    }
  }

  /// Transforms the products of tiles with a panel of weights back.
  private func transformOutput(
    _ first: Int, _ count: Int, _ panel: Int, _ results: UnsafeMutablePointer<Float>,
    _ epilogue: ConvolutionEpilogue, _ output: UnsafeMutablePointer<Float>
  ) {
    let width = WinogradConvolution.panelWidth
    let temporary = results + resultCount
    let affine = temporary + WinogradConvolution.temporaryCount - 2 * width
    let channel = panel * width
    let columns = min(width, geometry.outputChannels - channel)
    var lane = 0
    while lane < width {
      affine[lane] = lane < columns ? epilogue.scale?[channel + lane] ?? 1 : 0
      affine[width + lane] = lane < columns ? epilogue.shift?[channel + lane] ?? 0 : 0
      lane += 1
    }
    var tile = 0
    while tile < count {
      var place = outputTile(first + tile, positionStride: resultStride, panelStride: 0)
      place.origin += channel
      place.channels = columns
      kernels.winograd.transformOutput(
        place, UnsafePointer(results + tile * width), UnsafePointer(affine), epilogue.slope,
        output, temporary)
      tile += 1
    }
  }
}
