import CNNKernelTypes
import Glibc

/// The gradient of a convolution's weight, straight from the image.
///
/// Six elements of the window at a time meet 16 output channels in registers, while the sums run
/// over output positions. Positions come in units of some 192: that many rows of 16 channels of the
/// output's gradient, copied beside each other, stay in the first cache while all elements of the
/// window pass by. With padding or more than 16 channels, the lines that a unit reaches are copied
/// into a frame of zeros, 16 channels apart from the others, so that a pixel is one cache line and
/// the same pieces of the frame serve all of the kernel's taps. No window is written out.
///
/// A chunk is a part of the units times eight panels of 16 output channels. The sums of the parts
/// are added in order, and what the parts are follows from sizes, so the bits do not depend on the
/// number of threads.
struct DirectWeightGradient {
  let geometry: ConvolutionGeometry
  let batch: Int
  let kernels: KernelTable

  static let panelWidth = 16
  private static let unitPositions = 192

  // MARK: Units

  private var unitSamples: Int {
    min(
      max(batch, 1),
      ThreadPool.chunkCount(
        of: DirectWeightGradient.unitPositions, grain: unitLines * geometry.outputWidth))
  }
  var unitLines: Int {
    min(
      geometry.outputHeight,
      ThreadPool.chunkCount(
        of: DirectWeightGradient.unitPositions, grain: geometry.outputWidth))
  }
  private var lineBlocks: Int {
    ThreadPool.chunkCount(of: geometry.outputHeight, grain: unitLines)
  }
  private var unitCount: Int {
    ThreadPool.chunkCount(of: batch, grain: unitSamples) * lineBlocks
  }
  var positionCount: Int { unitSamples * unitLines * geometry.outputWidth }

  /// What is summed up at a time: some lines of a sample, or some whole samples.
  struct Unit {
    let sample: Int
    let samples: Int
    let line: Int
    let lines: Int
  }

  private func unit(_ index: Int) -> Unit {
    let sample = index / lineBlocks * unitSamples
    let line = index % lineBlocks * unitLines
    return Unit(
      sample: sample, samples: min(unitSamples, batch - sample), line: line,
      lines: min(unitLines, geometry.outputHeight - line))
  }

  // MARK: Frames

  /// Channels that lie beside each other in a frame.
  var blockChannels: Int {
    min(DirectWeightGradient.panelWidth, geometry.groupInputChannels)
  }
  var blockCount: Int {
    ThreadPool.chunkCount(of: geometry.groupInputChannels, grain: blockChannels)
  }
  var frameWidth: Int {
    (geometry.outputWidth - 1) * geometry.strideWidth
      + (geometry.kernelWidth - 1) * geometry.dilationWidth + 1
  }
  private var frameHeight: Int {
    (unitLines - 1) * geometry.strideHeight + (geometry.kernelHeight - 1) * geometry.dilationHeight
      + 1
  }
  var needsFrame: Bool {
    let g = geometry
    let reach = (g.outputHeight - 1) * g.strideHeight + (g.kernelHeight - 1) * g.dilationHeight + 1
    return blockCount > 1 || g.padTop > 0 || g.padLeft > 0 || frameWidth > g.inputWidth
      || reach > g.inputHeight
  }
  /// The frame of one sample and one block of channels, and how far the blocks lie apart.
  var planeCount: Int { frameHeight * frameWidth * blockChannels }
  var blockStride: Int { planeCount * unitSamples }

  /// The number of floats of a frame, a multiple of a cache line.
  private var frameCount: Int? {
    guard needsFrame else { return 0 }
    let count = product(frameHeight, frameWidth, blockChannels, unitSamples, blockCount)
    return count.map { ($0 + 15) & ~15 }
  }

  // MARK: Sums

  private var panelsPerGroup: Int {
    ThreadPool.chunkCount(
      of: geometry.groupOutputChannels, grain: DirectWeightGradient.panelWidth)
  }
  /// Panels of a chunk: frames are made anew for each, so not too few.
  private var chunkPanels: Int { min(panelsPerGroup, 8) }
  private var panelBlocks: Int { ThreadPool.chunkCount(of: panelsPerGroup, grain: chunkPanels) }
  private var panelCount: Int { geometry.depth * DirectWeightGradient.panelWidth }

  /// The number of floats of the sums of a part: those of the weight, and behind them the bias.
  private var sumCount: Int? {
    product(geometry.groups, panelsPerGroup, geometry.depth + 1, DirectWeightGradient.panelWidth)
  }

  /// Into how many parts the units are cut: enough to keep many threads busy, with at most 16 MB
  /// for all sums but the first.
  private func partCount(_ sumCount: Int) -> Int {
    let wanted = max(1, GradientSums.maximumParts / (panelBlocks * geometry.groups))
    return min(wanted, max(1, (1 << 22) / sumCount), max(1, unitCount))
  }

  /// Offsets of elements and positions, and behind them for each thread a gradient and a frame.
  private var elementTableCount: Int { (2 * geometry.depth + 15) & ~15 }
  private var positionTableCount: Int { (2 * positionCount + 15) & ~15 }
  private var gradientCount: Int { positionCount * DirectWeightGradient.panelWidth }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  func scratchCount(slots: Int) -> Int? {
    let g = geometry
    guard product(g.depth, g.outputChannels + 16 * g.groups, 2) != nil,
      product(g.outputWidth + DirectWeightGradient.unitPositions, 64) != nil,
      let sum = sumCount, let sums = product(sum, partCount(sum)), let frame = frameCount,
      let perSlot = product(gradientCount + frame, slots)
    else { return nil }
    return product(sums + elementTableCount + positionTableCount + perSlot)
  }

  // MARK: Work

  /// Adds the gradients of the weight and, where wanted, of the bias.
  func add(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradWeight: UnsafeMutablePointer<Float>, gradBias: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    guard let sumCount, let frameCount else { return }
    let parts = partCount(sumCount)
    let tables = scratch + parts * sumCount
    let elements = UnsafeMutableRawPointer(tables).bindMemory(
      to: Int.self, capacity: geometry.depth)
    let positions = UnsafeMutableRawPointer(tables + elementTableCount)
      .bindMemory(to: Int.self, capacity: positionCount)
    listElements(elements)
    listPositions(positions)
    let perSlot = gradientCount + frameCount
    let memory = tables + elementTableCount + positionTableCount
    let perPart = geometry.groups * panelBlocks
    ThreadPool.parallelFor(chunks: parts * perPart, slots: slots) { chunk, slot in
      let part = chunk / perPart
      let panel = chunk % panelBlocks * chunkPanels
      let work = Chunk(
        group: chunk % perPart / panelBlocks,
        panels: panel..<min(panel + chunkPanels, panelsPerGroup), input: input,
        gradOutput: gradOutput, elements: elements, positions: positions,
        gradient: memory + slot * perSlot, frame: memory + slot * perSlot + gradientCount,
        sums: scratch + part * sumCount)
      clear(work)
      var index = GradientSums.start(of: part, parts: parts, count: unitCount)
      let end = GradientSums.start(of: part + 1, parts: parts, count: unitCount)
      while index < end {
        addUnit(unit(index), work)
        index += 1
      }
    }
    addSums(scratch, parts, sumCount, gradWeight, gradBias, slots)
  }

  /// What a thread does at a time, and where.
  private struct Chunk {
    let group: Int
    let panels: Range<Int>
    let input: UnsafePointer<Float>
    let gradOutput: UnsafePointer<Float>
    let elements: UnsafePointer<Int>
    let positions: UnsafePointer<Int>
    let gradient: UnsafeMutablePointer<Float>
    let frame: UnsafeMutablePointer<Float>
    let sums: UnsafeMutablePointer<Float>
  }

  private func weightSums(_ panel: Int, _ sums: UnsafeMutablePointer<Float>)
    -> UnsafeMutablePointer<Float>
  {
    sums + panel * panelCount
  }

  private func biasSums(_ panel: Int, _ sums: UnsafeMutablePointer<Float>)
    -> UnsafeMutablePointer<Float>
  {
    sums + geometry.groups * panelsPerGroup * panelCount + panel * DirectWeightGradient.panelWidth
  }

  private func clear(_ work: Chunk) {
    let size = MemoryLayout<Float>.stride
    let first = work.group * panelsPerGroup + work.panels.lowerBound
    memset(weightSums(first, work.sums), 0, work.panels.count * panelCount * size)
    memset(
      biasSums(first, work.sums), 0, work.panels.count * DirectWeightGradient.panelWidth * size)
  }

  private func addUnit(_ unit: Unit, _ work: Chunk) {
    let g = geometry
    let channel = work.group * g.groupInputChannels
    var image =
      work.input + unit.sample * g.inputCount
      + unit.line * g.strideHeight * g.inputWidth * g.inputChannels + channel
    if needsFrame {
      copyUnit(unit, from: work.input + unit.sample * g.inputCount + channel, to: work.frame)
      image = UnsafePointer(work.frame)
    }
    let count = unit.samples * unit.lines * g.outputWidth
    let position = unit.sample * g.positions + unit.line * g.outputWidth
    var panel = work.panels.lowerBound
    while panel < work.panels.upperBound {
      let inGroup = panel * DirectWeightGradient.panelWidth
      let index = work.group * panelsPerGroup + panel
      kernels.direct.gradient.pack(
        work.gradOutput + position * g.outputChannels + work.group * g.groupOutputChannels
          + inGroup,
        g.outputChannels, min(DirectWeightGradient.panelWidth, g.groupOutputChannels - inGroup),
        count, work.gradient, biasSums(index, work.sums))
      kernels.direct.gradient.addPanel(
        DirectGradientBlock(
          image: image, elements: work.elements, elementCount: g.depth,
          positions: work.positions, positionCount: count, gradient: work.gradient,
          sums: weightSums(index, work.sums)))
      panel += 1
    }
  }

  // MARK: Sum of the parts

  private func addSums(
    _ sums: UnsafeMutablePointer<Float>, _ parts: Int, _ sumCount: Int,
    _ gradWeight: UnsafeMutablePointer<Float>, _ gradBias: UnsafeMutablePointer<Float>?,
    _ slots: Int
  ) {
    let g = geometry
    let width = DirectWeightGradient.panelWidth
    ThreadPool.parallelFor(chunks: g.groups * panelsPerGroup, slots: slots) { panel, _ in
      let weights = weightSums(panel, sums)
      let bias = biasSums(panel, sums)
      var part = 1
      while part < parts {
        kernels.convolution.add(weights + part * sumCount, weights, panelCount)
        kernels.convolution.add(bias + part * sumCount, bias, width)
        part += 1
      }
      let inGroup = panel % panelsPerGroup * width
      let channel = panel / panelsPerGroup * g.groupOutputChannels + inGroup
      let columns = min(width, g.groupOutputChannels - inGroup)
      unpack(weights, to: gradWeight + channel * g.depth, columns)
      if let gradBias { kernels.convolution.add(bias, gradBias + channel, columns) }
    }
  }

  /// Adds a panel's sums to the rows of its output channels.
  private func unpack(
    _ sums: UnsafePointer<Float>, to rows: UnsafeMutablePointer<Float>, _ columns: Int
  ) {
    let g = geometry
    if blockCount == 1 {
      kernels.direct.gradient.unpack(sums, rows, g.depth, columns, g.depth)
      return
    }
    // Taps outside: the rows are long, and so are read and written from front to back.
    let taps = g.kernelHeight * g.kernelWidth
    var tap = 0
    while tap < taps {
      var first = 0
      while first < g.groupInputChannels {
        let channels = min(blockChannels, g.groupInputChannels - first)
        let element = first * taps + tap * channels
        kernels.direct.gradient.unpack(
          sums + element * DirectWeightGradient.panelWidth,
          rows + tap * g.groupInputChannels + first, g.depth, columns, channels)
        first += channels
      }
      tap += 1
    }
  }
}
