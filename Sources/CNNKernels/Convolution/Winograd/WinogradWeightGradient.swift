import CNNKernelTypes
import Glibc

// The gradient of the weight, `Gᵀ (Σ (A dy Aᵀ) ⊙ (Bᵀ x B)) G` over all tiles: the exact adjoint of
// the forward pass.
//
// Input and output gradient of a block of tiles are transformed. Then threads take blocks of 32
// output by 32 input channels: at each position a product of matrices that sums over the tiles, and,
// while it is in the cache, the transform back, which adds to the gradient. The blocks of tiles come
// one after the other, so the order of every sum is fixed.
extension WinogradConvolution {
  /// Output and input channels of a block.
  private static let blockChannels = 32

  /// Tiles of a block: transformed inputs and gradients are at most 4 MB, unless 32 tiles are more.
  private var gradientTiles: Int {
    let perTile = positions * (inputPanels + outputPanels) * WinogradConvolution.panelWidth
    return min(tileCount, max(32, ((1 << 20) / perTile) & ~15))
  }
  private var inputStride: Int { positionStride(panels: inputPanels, tiles: gradientTiles) }
  private var outputStride: Int { positionStride(panels: outputPanels, tiles: gradientTiles) }

  /// From a position to the next among the sums of a block.
  private var sumStride: Int {
    WinogradConvolution.blockChannels * WinogradConvolution.blockChannels
      + WinogradConvolution.panelWidth
  }
  private var ownGradientCount: Int {
    positions * sumStride + temporaryCount
  }

  /// The gradient of the sub-kernels, where the kernel is cut.
  private var cutGradientCount: Int? {
    split.isWhole
      ? 0
      : split.weightCount(outputs: geometry.outputChannels, channels: geometry.inputChannels)
        .map { ($0 + 15) & ~15 }
  }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  func gradientScratchCount(slots: Int) -> Int? {
    let g = geometry
    guard product(g.inputChannels, split.total) != nil,
      product(positions, inputChannels + 16, g.outputChannels + 16) != nil,
      product(
        g.outputHeight + 8, g.outputWidth + 8, positions, batch, inputPanels + outputPanels, 16)
        != nil,
      let inputs = product(positions, inputStride), let outputs = product(positions, outputStride),
      let own = product(ownGradientCount, slots), let cut = cutGradientCount
    else { return nil }
    return product(
      max(cut + inputs + outputs + own, ChannelSums.scratchCount(channels: g.outputChannels)))
  }

  func backwardWeights(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradWeight: UnsafeMutablePointer<Float>, gradBias: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    if let gradBias {
      ChannelSums.add(
        gradOutput, rows: batch * geometry.positions, channels: geometry.outputChannels,
        to: gradBias, scratch: scratch, slots: slots)
    }
    if split.isWhole {
      addGradient(input, gradOutput, gradWeight, scratch, slots)
      return
    }
    let count = cutGradientCount ?? 0
    memset(scratch, 0, count * MemoryLayout<Float>.stride)
    addGradient(input, gradOutput, scratch, scratch + count, slots)
    split.addJoined(
      scratch, outputs: geometry.outputChannels, channels: geometry.inputChannels, to: gradWeight,
      slots: slots, kernels: kernels)
  }

  /// Adds the gradient of the small kernels.
  private func addGradient(
    _ input: UnsafePointer<Float>, _ gradOutput: UnsafePointer<Float>,
    _ gradWeight: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>, _ slots: Int
  ) {
    let outputs = scratch + positions * inputStride
    let own = outputs + positions * outputStride
    let grain = WinogradConvolution.blockChannels
    let inputBlocks = ThreadPool.chunkCount(of: inputChannels, grain: grain)
    let outputBlocks = ThreadPool.chunkCount(of: geometry.outputChannels, grain: grain)
    var first = 0
    while first < tileCount {
      let tiles = first..<min(first + gradientTiles, tileCount)
      transform(tiles, input: input, to: scratch, gradOutput: gradOutput, to: outputs, own, slots)
      ThreadPool.parallelFor(chunks: outputBlocks * inputBlocks, slots: slots) { chunk, slot in
        addBlock(
          tiles.count, output: chunk / inputBlocks * grain, channel: chunk % inputBlocks * grain,
          inputs: scratch, outputs: outputs, to: gradWeight, own + slot * ownGradientCount)
      }
      first += gradientTiles
    }
  }

  private func transform(
    _ tiles: Range<Int>, input: UnsafePointer<Float>, to inputs: UnsafeMutablePointer<Float>,
    gradOutput: UnsafePointer<Float>, to outputs: UnsafeMutablePointer<Float>,
    _ own: UnsafeMutablePointer<Float>, _ slots: Int
  ) {
    let width = WinogradConvolution.panelWidth
    ThreadPool.parallelRanges(count: tiles.count, grain: 8, slots: slots) { range, slot in
      let temporary = own + slot * ownGradientCount
      var tile = range.lowerBound
      while tile < range.upperBound {
        let index = tiles.lowerBound + tile
        transformInput(
          index, blockTiles: gradientTiles, from: input, to: inputs + tile * width,
          temporary: temporary)
        kernels.winograd.transformGradient(
          outputTile(
            index, positionStride: outputStride, panelStride: panelStride(tiles: gradientTiles)),
          gradOutput, outputs + tile * width, temporary)
        tile += 1
      }
    }
  }

  /// Adds what a block of tiles contributes to the gradients of a block of weights.
  private func addBlock(
    _ tiles: Int, output: Int, channel: Int, inputs: UnsafePointer<Float>,
    outputs: UnsafePointer<Float>, to gradWeight: UnsafeMutablePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let panelStride = panelStride(tiles: gradientTiles)
    let panel = WinogradConvolution.panelWidth
    let block = WinogradConvolution.blockChannels
    let gradient = WinogradGradient(
      points: points, tiles: tiles, outputs: min(block, g.outputChannels - output),
      channels: min(block, inputChannels - channel), outputPositionStride: outputStride,
      inputPositionStride: inputStride, panelStride: panelStride, sumPositionStride: sumStride,
      sumStride: block, kernelSize: kernelSize, depth: depth, tapStride: inputChannels)
    kernels.winograd.multiplyGradient(
      gradient, outputs + output / panel * panelStride, inputs + channel / panel * panelStride,
      sums)
    kernels.winograd.transformWeightGradient(
      gradient, sums, gradWeight + output * depth + channel, sums + positions * sumStride)
  }
}
