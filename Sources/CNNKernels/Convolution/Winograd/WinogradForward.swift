import CNNKernelTypes

/// Which weights a pass multiplies with.
enum WinogradWeightOrder {
  /// As they are: the output.
  case forward
  /// Turned around, inputs and outputs exchanged: the gradient of the input.
  case backwardData
}

extension ConvolutionGeometry {
  /// The convolution whose output is the gradient of the input, or nil where there is none: with a
  /// stride, or where padding is wider than the kernel.
  var gradientTwin: ConvolutionGeometry? {
    let top = (kernelHeight - 1) * dilationHeight - padTop
    let left = (kernelWidth - 1) * dilationWidth - padLeft
    guard strideHeight == 1, strideWidth == 1, top >= 0, left >= 0 else { return nil }
    var twin = self
    swap(&twin.inputHeight, &twin.outputHeight)
    swap(&twin.inputWidth, &twin.outputWidth)
    swap(&twin.inputChannels, &twin.outputChannels)
    twin.padTop = top
    twin.padLeft = left
    return twin
  }
}

// The output, and with the geometry `gradientTwin` the gradient of the input.
extension WinogradConvolution {
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
    min(inputPanels * WinogradConvolution.panelWidth, holdsWeight ? 256 : points == 8 ? 64 : 128)
  }
  private var depthBlocks: Int {
    ThreadPool.chunkCount(of: inputChannels, grain: depthChannels)
  }
  /// From a position to the next among transformed weights, with room against cache conflicts.
  private var weightStride: Int { (depthChannels + 1) * WinogradConvolution.panelWidth }
  /// The transformed weights of 16 output channels and `depthChannels` input channels.
  private var weightBlockCount: Int { positions * weightStride }

  /// Whether the whole transformed weight is held: where it is at most 10 MB.
  ///
  /// Elsewhere it would come from memory, and to transform it anew for each strip of tiles is
  /// quicker than to read it.
  var holdsWeight: Bool {
    positions * inputPanels * outputPanels <= 10 << 10
  }
  private var sharedWeightCount: Int { outputPanels * depthBlocks * weightBlockCount }
  /// What a thread needs for itself.
  private var ownCount: Int {
    (holdsWeight ? 0 : weightBlockCount) + resultCount + temporaryCount
  }
  /// The weight of the sub-kernels, where the kernel is cut.
  private var cutWeightCount: Int? {
    split.isWhole
      ? 0
      : split.weightCount(outputs: geometry.outputChannels, channels: geometry.inputChannels)
        .map { ($0 + 15) & ~15 }
  }

  // MARK: Weights for many forward passes

  /// Threads that pack a weight, each with temporary memory behind what they pack.
  private static let packingSlots = 4

  /// The number of floats that `packWeight` writes, or nil if no memory could hold them: the
  /// transformed weight, the weight of the sub-kernels behind it, and temporary memory; without the
  /// first and last where the transformed weight is not held.
  var packedWeightCount: Int? {
    guard let cut = cutWeightCount else { return nil }
    guard holdsWeight else { return cut }
    return product(
      sharedWeightCount + cut
        + WinogradConvolution.packingSlots * WinogradConvolution.temporaryCount)
  }

  /// Brings a weight into the form that `forward` takes as `packedWeight`.
  func packWeight(
    _ weight: UnsafePointer<Float>, order: WinogradWeightOrder = .forward,
    packed: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let held = holdsWeight ? sharedWeightCount : 0
    let cut = packed + held
    if !split.isWhole {
      let (channels, outputs) = (geometry.inputChannels, geometry.outputChannels)
      switch order {
      case .forward:
        split.cut(weight, outputs: outputs, channels: channels, to: cut, slots: slots)
      case .backwardData:
        split.cutTurned(weight, outputs: outputs, channels: channels, to: cut, slots: slots)
      }
    }
    guard holdsWeight else { return }
    let source = split.isWhole ? weight : UnsafePointer(cut)
    let temporary = cut + (cutWeightCount ?? 0)
    ThreadPool.parallelFor(
      chunks: outputPanels * depthBlocks, slots: min(slots, WinogradConvolution.packingSlots)
    ) { chunk, slot in
      transformWeight(
        source, split.isWhole ? order : .forward, panel: chunk / depthBlocks,
        depthBlock: chunk % depthBlocks, to: packed + chunk * weightBlockCount,
        temporary: temporary + slot * WinogradConvolution.temporaryCount)
    }
  }

  // MARK: The pass

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  ///
  /// - Parameter packed: Whether the call will be given a packed weight.
  func scratchCount(slots: Int, packed: Bool = false) -> Int? {
    let g = geometry
    guard product(g.inputChannels, split.total) != nil,
      product(positions, inputChannels + 16, g.outputChannels + 16) != nil,
      product(g.outputHeight + 8, g.outputWidth + 8, positions, batch, inputPanels, 16) != nil,
      let block = inputBlockCount, let own = product(ownCount, slots)
    else { return nil }
    if packed { return product(block + own) }
    guard let weights = packedWeightCount else { return nil }
    return product(weights + block + own)
  }

  /// Computes the output, or the input's gradient for a weight in that order.
  ///
  /// - Parameters:
  ///   - weight: `[output][tap][channel]`, or `[channel][tap][output]` for `.backwardData`.
  ///   - packedWeight: What `packWeight` made of it, or nil to do without.
  func forward(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    packedWeight: UnsafePointer<Float>? = nil, order: WinogradWeightOrder = .forward,
    epilogue: ConvolutionEpilogue = ConvolutionEpilogue(), output: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    var packed = packedWeight
    var rest = scratch
    if packed == nil, let count = packedWeightCount, count > 0 {
      rest = scratch + count
      packWeight(weight, order: order, packed: scratch, slots: slots)
      packed = UnsafePointer(scratch)
    }
    if let packed, holdsWeight || !split.isWhole {
      // What was packed is in order: as it is held, or as it was cut.
      convolve(input, packed, .forward, epilogue, output, rest, slots)
    } else {
      convolve(input, weight, order, epilogue, output, rest, slots)
    }
  }

  /// - Parameter weight: The transformed weight where it is held, or else that of small kernels.
  private func convolve(
    _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ order: WinogradWeightOrder,
    _ epilogue: ConvolutionEpilogue, _ output: UnsafeMutablePointer<Float>,
    _ transformed: UnsafeMutablePointer<Float>, _ slots: Int
  ) {
    let own = transformed + (inputBlockCount ?? 0)
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
        multiply(strip, panel, input: transformed, weight, order, results: results)
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
        transformInput(
          tiles.lowerBound + tile, blockTiles: blockTiles, from: input, to: target + tile * width,
          temporary: own + slot * ownCount)
        tile += 1
      }
    }
  }

  private func transformWeight(
    _ weight: UnsafePointer<Float>, _ order: WinogradWeightOrder, panel: Int, depthBlock: Int,
    to target: UnsafeMutablePointer<Float>, temporary: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let first = panel * WinogradConvolution.panelWidth
    let channel = depthBlock * depthChannels
    let backward = order == .backwardData
    let taps = kernelSize * kernelSize
    let description = WinogradWeight(
      points: points, kernelSize: kernelSize,
      tapStride: backward ? -g.outputChannels : inputChannels,
      channelStride: backward ? taps * g.outputChannels : 1, outputStride: backward ? 1 : depth,
      channels: min(depthChannels, inputChannels - channel),
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
    _ order: WinogradWeightOrder, results: UnsafeMutablePointer<Float>
  ) {
    let width = WinogradConvolution.panelWidth
    let temporary = results + resultCount
    let panelStride = panelStride(tiles: blockTiles)
    var depth = 0
    while depth < depthBlocks {
      var block = weight + (panel * depthBlocks + depth) * weightBlockCount
      if !holdsWeight {
        let own = temporary + temporaryCount
        transformWeight(
          weight, order, panel: panel, depthBlock: depth, to: own, temporary: temporary)
        block = UnsafePointer(own)
      }
      let channel = depth * depthChannels
      kernels.winograd.multiply(
        WinogradProduct(
          positions: positions, tiles: strip.count,
          channels: min(depthChannels, inputChannels - channel),
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
      place.addend = epilogue.addend
      kernels.winograd.transformOutput(
        place, UnsafePointer(results + tile * width), UnsafePointer(affine), epilogue.slope,
        output, temporary)
      tile += 1
    }
  }
}
