import CNNKernelTypes
import Glibc

/// Convolution straight from the image: no rows are written out.
///
/// A window in NHWC is a few contiguous pieces of memory. Six windows at a time are multiplied with
/// the weights of 16 output channels, which were packed beside each other. Where padding has to be
/// read, the lines of a chunk are copied into a frame of zeros first. Each output number is one sum
/// in the order of the weight, so its bits depend on nothing but the numbers in it.
///
/// The gradient of the input is computed the same way, see `DirectDataGradient`.
struct DirectConvolution {
  let geometry: ConvolutionGeometry
  let batch: Int
  let kernels: KernelTable
  /// Where outputs are written, if not behind each other.
  var placement: OutputPlacement? = nil

  /// Distances between the outputs of neighbouring pixels, lines and samples, in floats.
  struct OutputPlacement {
    let pixelStride: Int
    let lineStride: Int
    let sampleStride: Int
  }

  static let panelWidth = 16

  // MARK: Sizes

  /// The lines and columns of the image that all windows together reach, padding included.
  private func reach(_ output: Int, _ stride: Int, _ kernel: Int, _ dilation: Int) -> Int {
    (output - 1) * stride + (kernel - 1) * dilation + 1
  }
  private var frameWidth: Int {
    reach(
      geometry.outputWidth, geometry.strideWidth, geometry.kernelWidth, geometry.dilationWidth)
  }
  private func frameHeight(lines: Int) -> Int {
    reach(lines, geometry.strideHeight, geometry.kernelHeight, geometry.dilationHeight)
  }
  private var needsFrame: Bool {
    geometry.padTop > 0 || geometry.padLeft > 0 || frameWidth > geometry.inputWidth
      || frameHeight(lines: geometry.outputHeight) > geometry.inputHeight
  }

  private var panelsPerGroup: Int {
    ThreadPool.chunkCount(of: geometry.groupOutputChannels, grain: DirectConvolution.panelWidth)
  }
  private var panelCount: Int { geometry.depth * DirectConvolution.panelWidth }
  private var isContiguous: Bool { geometry.groups == 1 && geometry.dilationWidth == 1 }
  private var runCount: Int {
    isContiguous ? geometry.kernelHeight : geometry.kernelHeight * geometry.kernelWidth
  }

  /// Output lines of a chunk: half a million multiplications, and enough pixels that the weights of
  /// a panel are read from the memory of another core only once in a while.
  ///
  /// In a column of pixels, which is what pointwise convolutions are computed as, chunks are of about
  /// the same size, in whole tiles of six.
  private var chunkLines: Int {
    let g = geometry
    let line = g.outputWidth * g.groupOutputChannels * g.depth
    let enough = (DirectConvolution.chunkPixels + g.outputWidth - 1) / g.outputWidth
    let lines = min(g.outputHeight, max(1, enough, (1 << 19) / max(1, line)))
    guard g.outputWidth == 1 else { return lines }
    let even = ThreadPool.chunkCount(of: g.outputHeight, grain: g.outputHeight / lines)
    return min(g.outputHeight, ThreadPool.chunkCount(of: even, grain: 6) * 6)
  }

  /// Panels of a chunk: four million multiplications, and at least four panels, because the lines of
  /// a chunk are copied anew for each.
  private var chunkPanels: Int {
    let panel = chunkSamples * chunkLines * geometry.outputWidth * panelCount
    return min(panelsPerGroup, max(4, (1 << 22) / max(1, panel)))
  }

  /// Samples of a chunk: small planes are put together until there are enough pixels.
  private var chunkSamples: Int {
    max(1, min(batch, DirectConvolution.chunkPixels / geometry.positions))
  }

  private static let chunkPixels = 96

  private var frameCount: Int {
    needsFrame
      ? (frameHeight(lines: chunkLines) * frameWidth * geometry.inputChannels + 15) & ~15 : 0
  }
  /// The number of floats of the packed weight.
  var packedWeightCount: Int? { product(geometry.groups, panelsPerGroup, panelCount) }
  private var runTableCount: Int { (2 * runCount + 15) & ~15 }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  ///
  /// - Parameter packed: Whether the weight will be handed over packed.
  func scratchCount(slots: Int, packed: Bool) -> Int? {
    let g = geometry
    guard let weights = packedWeightCount,
      product(g.outputChannels + 16 * g.groups, g.depth, 2) != nil,
      product(frameHeight(lines: g.outputHeight), frameWidth, g.inputChannels, 2) != nil,
      product(g.outputWidth + 96, g.groupOutputChannels + 16, g.depth) != nil,
      product(g.outputHeight, g.outputWidth, g.depth, 16) != nil,
      let frames = product(frameCount, chunkSamples, slots)
    else { return nil }
    return product((packed ? 0 : weights) + runTableCount + frames)
  }

  /// The same convolution as one of a single column with the pixels of all samples, if it is: no pixel
  /// meets another one, and they lie behind each other.
  private var column: DirectConvolution? {
    let g = geometry
    guard g.isPointwise else { return nil }
    if let placement {
      let line = g.outputWidth * g.outputChannels
      guard placement.pixelStride == g.outputChannels, placement.lineStride == line,
        placement.sampleStride == g.outputHeight * line
      else { return nil }
    }
    let pixels = batch * g.positions
    return DirectConvolution(
      geometry: ConvolutionGeometry(
        inputHeight: pixels, inputWidth: 1, inputChannels: g.inputChannels, outputHeight: pixels,
        outputWidth: 1, outputChannels: g.outputChannels, kernelHeight: 1, kernelWidth: 1),
      batch: 1, kernels: kernels)
  }

  // MARK: Passes

  /// Computes the output from a packed weight, or else from the weight as it is.
  func forward(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    packedWeight: UnsafePointer<Float>?, epilogue: ConvolutionEpilogue,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    if let packedWeight {
      multiply(
        input: input, panels: packedWeight, epilogue: epilogue, output: output, scratch: scratch,
        slots: slots)
      return
    }
    packWeight(weight, packed: scratch, slots: slots)
    multiply(
      input: input, panels: scratch, epilogue: epilogue, output: output,
      scratch: scratch + (packedWeightCount ?? 0), slots: slots)
  }

  /// Writes the weights of each 16 output channels beside each other: `packedWeightCount` numbers.
  func packWeight(
    _ weight: UnsafePointer<Float>, packed: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    forEachPanel(packed, slots) { target, first, columns in
      kernels.direct.packRows(weight + first * g.depth, g.depth, columns, g.depth, target)
    }
  }

  // MARK: Work

  /// Calls `body` with the place of each panel, its first output channel and how many it has.
  func forEachPanel(
    _ scratch: UnsafeMutablePointer<Float>, _ slots: Int,
    _ body: (_ target: UnsafeMutablePointer<Float>, _ first: Int, _ columns: Int) -> Void
  ) {
    let width = DirectConvolution.panelWidth
    ThreadPool.parallelFor(chunks: geometry.groups * panelsPerGroup, slots: slots) { panel, _ in
      let inGroup = panel % panelsPerGroup * width
      body(
        scratch + panel * panelCount,
        panel / panelsPerGroup * geometry.groupOutputChannels + inGroup,
        min(width, geometry.groupOutputChannels - inGroup))
    }
  }

  /// Copies up to 16 numbers, with zeros behind them.
  @inline(__always)
  func copyRow(
    _ source: UnsafePointer<Float>, _ count: Int, to target: UnsafeMutablePointer<Float>
  ) {
    if count == DirectConvolution.panelWidth {
      let numbers = UnsafeRawPointer(source).loadUnaligned(as: SIMD16<Float>.self)
      UnsafeMutableRawPointer(target).storeBytes(of: numbers, as: SIMD16<Float>.self)
      return
    }
    var column = 0
    while column < DirectConvolution.panelWidth {
      target[column] = column < count ? source[column] : 0
      column += 1
    }
  }

  /// Computes the outputs from packed weights.
  func multiply(
    input: UnsafePointer<Float>, panels: UnsafePointer<Float>, epilogue: ConvolutionEpilogue,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    (column ?? self).multiplyChunks(input, panels, epilogue, output, scratch, slots)
  }

  private func multiplyChunks(
    _ input: UnsafePointer<Float>, _ panels: UnsafePointer<Float>, _ epilogue: ConvolutionEpilogue,
    _ output: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>, _ slots: Int
  ) {
    let g = geometry
    let lineWidth = (needsFrame ? frameWidth : g.inputWidth) * g.inputChannels
    let runs = UnsafeMutableRawPointer(scratch)
      .bindMemory(to: Int.self, capacity: runCount)
    listRuns(runs, lineWidth: lineWidth)
    let frames = scratch + runTableCount
    let lineBlocks = ThreadPool.chunkCount(of: g.outputHeight, grain: chunkLines)
    let panelBlocks = ThreadPool.chunkCount(of: panelsPerGroup, grain: chunkPanels)
    let sampleBlocks = ThreadPool.chunkCount(of: batch, grain: chunkSamples)
    let perLines = panelBlocks * g.groups
    ThreadPool.parallelFor(chunks: sampleBlocks * lineBlocks * perLines, slots: slots) {
      chunk, slot in
      let group = chunk % perLines / panelBlocks
      let panel = chunk % panelBlocks * chunkPanels
      let sample = chunk / perLines / lineBlocks * chunkSamples
      let line = chunk / perLines % lineBlocks * chunkLines
      var work = Chunk(
        group: group, panels: panel..<min(panel + chunkPanels, panelsPerGroup), sample: sample,
        samples: min(chunkSamples, batch - sample), line: line,
        lines: min(chunkLines, g.outputHeight - line), source: input + sample * g.inputCount,
        sampleStride: g.inputCount, lineWidth: lineWidth, runs: runs, weights: panels)
      if needsFrame {
        let frame = frames + slot * frameCount * chunkSamples
        copyLines(work, to: frame)
        work.source = UnsafePointer(frame)
        work.sampleStride = frameCount
      } else {
        work.source += line * g.strideHeight * lineWidth
      }
      multiplyPanels(work, epilogue, output)
    }
  }

  /// What a thread does at a time.
  private struct Chunk {
    let group: Int
    let panels: Range<Int>
    let sample: Int
    let samples: Int
    let line: Int
    let lines: Int
    /// Where the first window of the first sample begins, and how far samples lie apart.
    var source: UnsafePointer<Float>
    var sampleStride: Int
    let lineWidth: Int
    let runs: UnsafePointer<Int>
    let weights: UnsafePointer<Float>
  }

  private func multiplyPanels(
    _ chunk: Chunk, _ epilogue: ConvolutionEpilogue, _ output: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let width = DirectConvolution.panelWidth
    let line = g.outputWidth * g.outputChannels
    let place =
      placement
      ?? OutputPlacement(
        pixelStride: g.outputChannels, lineStride: line, sampleStride: g.outputHeight * line)
    let first = chunk.sample * place.sampleStride + chunk.line * place.lineStride
    // A column of pixels is worked on like a line.
    let isColumn = g.outputWidth == 1
    let lineStride = g.strideHeight * chunk.lineWidth
    var panel = chunk.panels.lowerBound
    while panel < chunk.panels.upperBound {
      let columns = min(width, g.groupOutputChannels - panel * width)
      let channel = chunk.group * g.groupOutputChannels + panel * width
      let weights = chunk.weights + (chunk.group * panelsPerGroup + panel) * panelCount
      var sample = 0
      while sample < chunk.samples {
        let source = chunk.source + sample * chunk.sampleStride
        let target = first + sample * place.sampleStride + channel
        kernels.direct.multiplyPanel(
          DirectBlock(
            image: source + chunk.group * g.groupInputChannels,
            pixelStride: isColumn ? lineStride : g.strideWidth * g.inputChannels,
            lineStride: lineStride, width: isColumn ? chunk.lines : g.outputWidth,
            lines: isColumn ? 1 : chunk.lines, runs: chunk.runs, runCount: runCount,
            runLength: g.depth / runCount, panel: weights, output: output + target,
            outputStride: isColumn ? place.lineStride : place.pixelStride,
            outputLineStride: place.lineStride, columns: columns,
            scale: epilogue.scale.map { $0 + channel }, shift: epilogue.shift.map { $0 + channel },
            addend: epilogue.addend.map { $0 + target }, slope: epilogue.slope))
        sample += 1
      }
      panel += 1
    }
  }

  private func listRuns(_ runs: UnsafeMutablePointer<Int>, lineWidth: Int) {
    let g = geometry
    var run = 0
    while run < runCount {
      let kh = isContiguous ? run : run / g.kernelWidth
      let kw = isContiguous ? 0 : run % g.kernelWidth
      runs[run] = kh * g.dilationHeight * lineWidth + kw * g.dilationWidth * g.inputChannels
      run += 1
    }
  }

  /// Copies the parts of images that the windows of a chunk reach into frames of zeros.
  private func copyLines(_ chunk: Chunk, to frames: UnsafeMutablePointer<Float>) {
    let g = geometry
    let top = chunk.line * g.strideHeight - g.padTop
    let height = frameHeight(lines: chunk.lines)
    var sample = 0
    while sample < chunk.samples {
      var row = 0
      while row < height {
        copyLine(
          top + row, of: chunk.source + sample * g.inputCount,
          to: frames + sample * frameCount + row * chunk.lineWidth)
        row += 1
      }
      sample += 1
    }
  }

  private func copyLine(
    _ ih: Int, of image: UnsafePointer<Float>, to line: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let size = MemoryLayout<Float>.stride
    guard ih >= 0, ih < g.inputHeight else {
      memset(line, 0, frameWidth * g.inputChannels * size)
      return
    }
    let left = min(g.padLeft, frameWidth)
    let inside = max(0, min(g.inputWidth, frameWidth - left))
    let right = frameWidth - left - inside
    memset(line, 0, left * g.inputChannels * size)
    memcpy(
      line + left * g.inputChannels, image + ih * g.inputWidth * g.inputChannels,
      inside * g.inputChannels * size)
    memset(line + (left + inside) * g.inputChannels, 0, right * g.inputChannels * size)
  }
}
