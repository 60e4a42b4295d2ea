import CNNKernelTypes
import Glibc

// The gradient of the weight, `Gᵀ (Σ (Bᵀ x) (A dy))` over all tiles: the exact adjoint of the
// forward pass.
//
// Chunks are parts of the bands. Of each band the input is transformed, and then block by block the
// output's gradient, 16 channels at a time; at each position the products are those of
// `DirectWeightGradient`, with tiles in place of pixels. The parts' sums are added in order and
// transformed back. One of the points is 1, where a tile's value is the sum of its pixels: summed up,
// that is the gradient of the bias.
extension WinogradRows {
  /// The position of the point 1.
  private static let positionOfOne = 1

  /// Lines of a block, about a hundred tiles.
  private var gradientLines: Int { min(geometry.outputHeight, max(1, 96 / tiles)) }
  private var gradientStride: Int { (gradientLines * tiles + 1) * WinogradRows.panelWidth }

  /// The number of floats of the sums of a part: those of the weight, and behind them the bias.
  private var sumCount: Int? {
    product(panels, WinogradRows.positions * depth + 1, WinogradRows.panelWidth)
  }

  /// Into how many parts the bands are cut, with at most 16 MB for all sums but the first.
  private func partCount(_ sumCount: Int) -> Int {
    min(GradientSums.maximumParts, max(1, (1 << 22) / sumCount), max(1, bandCount))
  }

  /// Offsets of the numbers of a window.
  private var elementTableCount: Int { (2 * depth + 15) & ~15 }
  private var ownGradientCount: Int {
    inputCount + lineCount + WinogradRows.positions * gradientStride
  }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  func gradientScratchCount(slots: Int) -> Int? {
    guard isComputable, let sumCount, let sums = product(sumCount, partCount(sumCount)),
      let own = product(ownGradientCount, slots)
    else { return nil }
    return product(sums + elementTableCount + placeCount(lines: gradientLines) + own)
  }

  /// Adds the gradients of the weight and, where wanted, of the bias.
  func backwardWeights(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradWeight: UnsafeMutablePointer<Float>, gradBias: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    guard let sumCount else { return }
    let parts = partCount(sumCount)
    let tables = scratch + parts * sumCount
    let elements = UnsafeMutableRawPointer(tables).bindMemory(to: Int.self, capacity: depth)
    let places = UnsafeMutableRawPointer(tables + elementTableCount)
      .bindMemory(to: Int.self, capacity: gradientLines * tiles)
    list(places, lines: gradientLines)
    var element = 0
    while element < depth {
      elements[element] = element
      element += 1
    }
    let memory = tables + elementTableCount + placeCount(lines: gradientLines)
    ThreadPool.parallelFor(chunks: parts, slots: slots) { part, slot in
      let work = GradientWork(
        input: input, gradOutput: gradOutput, elements: elements, places: places,
        transformed: memory + slot * ownGradientCount, sums: scratch + part * sumCount)
      memset(work.sums, 0, sumCount * MemoryLayout<Float>.stride)
      var index = GradientSums.start(of: part, parts: parts, count: bandCount)
      let end = GradientSums.start(of: part + 1, parts: parts, count: bandCount)
      while index < end {
        add(band(index), work)
        index += 1
      }
    }
    addSums(scratch, parts, sumCount, gradWeight, gradBias, slots)
  }

  /// What a thread works on.
  private struct GradientWork {
    let input: UnsafePointer<Float>
    let gradOutput: UnsafePointer<Float>
    let elements: UnsafePointer<Int>
    let places: UnsafePointer<Int>
    let transformed: UnsafeMutablePointer<Float>
    let sums: UnsafeMutablePointer<Float>
  }

  /// Adds what a band contributes to the sums of a part.
  private func add(_ band: Band, _ work: GradientWork) {
    let width = WinogradRows.panelWidth
    let frame = work.transformed + inputCount
    let gradient = frame + lineCount
    transformInput(band, work.input, to: work.transformed, frame: frame)
    let place = (band.sample * geometry.outputHeight + band.line) * outputLine
    var line = 0
    while line < band.lines {
      let lines = min(gradientLines, band.lines - line)
      var panel = 0
      while panel < panels {
        kernels.winogradRows.transformGradient(
          outputLines(lines, panel, positionStride: gradientStride),
          work.gradOutput + (place + line * outputLine + panel * width), gradient)
        kernels.convolution.addColumnSums(
          gradient + WinogradRows.positionOfOne * gradientStride, lines * tiles, width, width,
          work.sums + panels * panelCount + panel * width)
        multiply(line, lines, gradient, work, work.sums + panel * panelCount)
        panel += 1
      }
      line += lines
    }
  }

  /// Adds the products of a block of tiles, at each position, to the sums of a panel.
  private func multiply(
    _ line: Int, _ lines: Int, _ gradient: UnsafePointer<Float>, _ work: GradientWork,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    var position = 0
    while position < WinogradRows.positions {
      kernels.direct.gradient.addPanel(
        DirectGradientBlock(
          image: work.transformed + (position * inputStride + line * geometry.inputChannels),
          elements: work.elements, elementCount: depth, positions: work.places,
          positionCount: lines * tiles, gradient: gradient + position * gradientStride,
          sums: sums + position * weightStride))
      position += 1
    }
  }

  /// Adds up the parts, panel by panel, and adds what they are transformed back to.
  private func addSums(
    _ sums: UnsafeMutablePointer<Float>, _ parts: Int, _ sumCount: Int,
    _ gradWeight: UnsafeMutablePointer<Float>, _ gradBias: UnsafeMutablePointer<Float>?,
    _ slots: Int
  ) {
    let width = WinogradRows.panelWidth
    ThreadPool.parallelFor(chunks: panels, slots: slots) { panel, _ in
      let weights = sums + panel * panelCount
      let bias = sums + panels * panelCount + panel * width
      var part = 1
      while part < parts {
        kernels.convolution.add(weights + part * sumCount, weights, panelCount)
        kernels.convolution.add(bias + part * sumCount, bias, width)
        part += 1
      }
      let weight = weight(panel)
      kernels.winogradRows.transformWeightGradient(
        weight, weights, gradWeight + panel * width * geometry.depth)
      if let gradBias { kernels.convolution.add(bias, gradBias + panel * width, weight.outputs) }
    }
  }
}
