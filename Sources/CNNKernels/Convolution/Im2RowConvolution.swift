import CNNKernelTypes
import Glibc

/// Convolution as a product of matrices: blocks of windows, written out as rows, times the weight.
///
/// Every block belongs to one sample, and its size follows from the geometry, so the bits of a
/// sample's output depend neither on the batch nor on the number of threads. Blocks stay in the
/// cache between being written and being multiplied.
struct Im2RowConvolution {
  let geometry: ConvolutionGeometry
  let batch: Int
  let kernels: KernelTable

  /// Output positions in a block: what fits some 768 KB, and not so few that the copying of the
  /// weight inside of OpenBLAS would count.
  private var blockRows: Int {
    min(geometry.positions, max(128, min(512, 196_608 / geometry.depth)))
  }
  private var blocksPerSample: Int {
    ThreadPool.chunkCount(of: geometry.positions, grain: blockRows)
  }

  /// The number of floats of a block, a multiple of a cache line.
  private var blockCount: Int? {
    guard !geometry.isPointwise else { return 0 }
    return product(blockRows, geometry.depth).map { ($0 + 15) & ~15 }
  }

  private func range(ofBlock block: Int) -> Range<Int> {
    let start = block * blockRows
    return start..<min(start + blockRows, geometry.positions)
  }

  // MARK: Forward

  /// Columns of output in a chunk: all, unless a small plane leaves too few chunks for threads.
  private var chunkColumns: Int {
    let channels = geometry.groupOutputChannels
    return geometry.groups == 1 && blocksPerSample < 4
      ? min(channels, max(64, channels / 4)) : channels
  }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  func scratchCount(pass: ConvolutionPass, slots: Int) -> Int? {
    guard let block = blockCount, let blocks = product(block, slots) else { return nil }
    guard pass == .backwardWeights else { return blocks }
    guard let sum = partialCount, let sums = product(sum, partialSums) else { return nil }
    return product(blocks + sums)
  }

  func forward(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>, epilogue: ConvolutionEpilogue,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    let columns = chunkColumns
    let columnBlocks = ThreadPool.chunkCount(of: g.groupOutputChannels, grain: columns)
    let perSample = blocksPerSample * columnBlocks
    let slotCount = blockCount ?? 0
    ThreadPool.parallelFor(chunks: batch * perSample, slots: slots) { chunk, slot in
      let sample = chunk / perSample
      let rows = range(ofBlock: chunk % perSample / columnBlocks)
      let column = chunk % columnBlocks * columns
      let image = input + sample * g.inputCount
      let target = output + sample * g.outputCount + rows.lowerBound * g.outputChannels
      var group = 0
      while group < g.groups {
        let first = group * g.groupOutputChannels + column
        let count = min(columns, g.groupOutputChannels - column)
        let matrix = windows(rows, group, of: image, in: scratch + slot * slotCount)
        MatrixMultiply.multiply(
          transposeB: true, m: rows.count, n: count, k: g.depth, a: matrix, lda: g.depth,
          b: weight + first * g.depth, ldb: g.depth, c: target + first, ldc: g.outputChannels)
        group += 1
      }
      let width = g.groups == 1 ? min(columns, g.outputChannels - column) : g.outputChannels
      epilogue.apply(
        target + column, rows: rows.count, columns: width, stride: g.outputChannels,
        channel: column, kernels: kernels)
    }
  }

  /// Returns the rows of a block: the input itself where it has their form, else a copy.
  private func windows(
    _ range: Range<Int>, _ group: Int, of image: UnsafePointer<Float>,
    in scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    if geometry.isPointwise { return image + range.lowerBound * geometry.inputChannels }
    Im2Row(geometry: geometry, group: group).gather(range, from: image, to: scratch)
    return UnsafePointer(scratch)
  }

  // MARK: Gradient of the input

  func backwardData(
    gradOutput: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    if g.isPointwise {
      pointwiseBackwardData(gradOutput, weight, gradInput, slots)
      return
    }
    let slotCount = blockCount ?? 0
    ThreadPool.parallelFor(chunks: batch, slots: slots) { sample, slot in
      let image = gradInput + sample * g.inputCount
      let matrix = scratch + slot * slotCount
      memset(image, 0, g.inputCount * MemoryLayout<Float>.stride)
      var block = 0
      while block < blocksPerSample * g.groups {
        let group = block % g.groups
        let rows = range(ofBlock: block / g.groups)
        let first = group * g.groupOutputChannels
        let source = gradOutput + sample * g.outputCount + rows.lowerBound * g.outputChannels
        MatrixMultiply.multiply(
          m: rows.count, n: g.depth, k: g.groupOutputChannels, a: source + first,
          lda: g.outputChannels, b: weight + first * g.depth, ldb: g.depth, c: matrix, ldc: g.depth)
        Im2Row(geometry: g, group: group).scatterAdd(
          rows, from: matrix, to: image, kernels: kernels)
        block += 1
      }
    }
  }

  private func pointwiseBackwardData(
    _ gradOutput: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    _ gradInput: UnsafeMutablePointer<Float>, _ slots: Int
  ) {
    let g = geometry
    ThreadPool.parallelFor(chunks: batch * blocksPerSample, slots: slots) { chunk, _ in
      let rows = range(ofBlock: chunk % blocksPerSample)
      let position = chunk / blocksPerSample * g.positions + rows.lowerBound
      MatrixMultiply.multiply(
        m: rows.count, n: g.inputChannels, k: g.outputChannels,
        a: gradOutput + position * g.outputChannels, lda: g.outputChannels, b: weight,
        ldb: g.inputChannels, c: gradInput + position * g.inputChannels, ldc: g.inputChannels)
    }
  }

  // MARK: Gradient of the weight

  /// Into how many sums over parts of the batch the gradient is cut, as a function of sizes.
  ///
  /// Enough to keep many threads busy, with at most 16 MB for all sums but the first.
  private var partialSums: Int {
    let wanted = max(1, GradientSums.maximumParts / weightBlocks)
    let affordable = max(1, (1 << 22) / max(1, geometry.weightCount))
    return min(wanted, affordable, max(1, batch * blocksPerSample))
  }

  /// Output channels of a chunk: windows are written out anew for each, so not too few.
  private var weightBlockChannels: Int {
    geometry.groups == 1 ? min(geometry.outputChannels, 128) : geometry.outputChannels
  }
  private var weightBlocks: Int {
    ThreadPool.chunkCount(of: geometry.outputChannels, grain: weightBlockChannels)
  }

  /// The number of floats of a partial sum of weight and bias, a multiple of a cache line.
  private var partialCount: Int? {
    let g = geometry
    return product(g.outputChannels, g.depth + 1).map { ($0 + 15) & ~15 }
  }

  func backwardWeights(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradWeight: UnsafeMutablePointer<Float>, gradBias: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    let slotCount = blockCount ?? 0
    let partials = partialSums
    let sumCount = partialCount ?? 0
    let sums = scratch + slots * slotCount
    let units = batch * blocksPerSample
    ThreadPool.parallelFor(chunks: partials * weightBlocks, slots: slots) { chunk, slot in
      let partial = chunk / weightBlocks
      let first = chunk % weightBlocks * weightBlockChannels
      let channels = first..<min(first + weightBlockChannels, g.outputChannels)
      let sum = sums + partial * sumCount
      memset(sum + first * g.depth, 0, channels.count * g.depth * MemoryLayout<Float>.stride)
      let bias = sum + g.weightCount
      memset(bias + first, 0, channels.count * MemoryLayout<Float>.stride)
      var unit = GradientSums.start(of: partial, parts: partials, count: units)
      let end = GradientSums.start(of: partial + 1, parts: partials, count: units)
      while unit < end {
        addUnit(
          unit, channels, input, gradOutput, sum, gradBias == nil ? nil : bias,
          scratch + slot * slotCount)
        unit += 1
      }
    }
    GradientSums.add(
      sums, count: partials, stride: sumCount, to: gradWeight, length: g.weightCount, slots: slots,
      kernels: kernels)
    if let gradBias {
      GradientSums.add(
        sums + g.weightCount, count: partials, stride: sumCount, to: gradBias,
        length: g.outputChannels, slots: slots, kernels: kernels)
    }
  }

  private func addUnit(
    _ unit: Int, _ channels: Range<Int>, _ input: UnsafePointer<Float>,
    _ gradOutput: UnsafePointer<Float>, _ sum: UnsafeMutablePointer<Float>,
    _ bias: UnsafeMutablePointer<Float>?, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let rows = range(ofBlock: unit % blocksPerSample)
    let sample = unit / blocksPerSample
    let gradient = gradOutput + sample * g.outputCount + rows.lowerBound * g.outputChannels
    var group = 0
    while group < g.groups {
      let first = g.groups == 1 ? channels.lowerBound : group * g.groupOutputChannels
      let count = g.groups == 1 ? channels.count : g.groupOutputChannels
      let matrix = windows(rows, group, of: input + sample * g.inputCount, in: scratch)
      MatrixMultiply.multiply(
        transposeA: true, m: count, n: g.depth, k: rows.count, a: gradient + first,
        lda: g.outputChannels, b: matrix, ldb: g.depth, beta: 1, c: sum + first * g.depth,
        ldc: g.depth)
      group += 1
    }
    if let bias {
      kernels.convolution.addColumnSums(
        gradient + channels.lowerBound, rows.count, channels.count, g.outputChannels,
        bias + channels.lowerBound)
    }
  }
}
