import CNNKernelTypes

/// The gradient of a linear layer's weight, gradOutputᵀ · input: [outFeatures, inFeatures].
///
/// It is cut into blocks of 64 rows and 1024 columns, a function of sizes alone, which are 256 KB
/// and so stay in the second cache. The whole, as large as the weight itself, need not exist: each
/// block can be used and forgotten. Blocks have the same bits either way.
package struct LinearGradient {
  private let input: UnsafePointer<Float>
  private let gradOutput: UnsafePointer<Float>
  private let batch: Int
  private let inFeatures: Int
  private let outFeatures: Int

  private static let blockRows = 64
  private static let blockColumns = 1024
  private static let blockCount = blockRows * blockColumns

  /// How many floats of scratch memory the methods need; `Int.max / 64` if that is too much.
  package static func scratchCount(batch: Int, slots: Int) -> Int {
    product(slots, slotCount(batch: batch)) ?? Int.max / 64
  }

  /// A block, a panel of the input, and the gradients of the block's outputs by output.
  private static func slotCount(batch: Int) -> Int {
    guard let gradients = product(blockRows, batch) else { return Int.max / 64 }
    return blockCount + DenseLimits.panelCount + gradients
  }

  /// Names the operands.
  ///
  /// - Parameters:
  ///   - input: [batch, inFeatures].
  ///   - gradOutput: [batch, outFeatures].
  package init(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>, batch: Int, inFeatures: Int,
    outFeatures: Int
  ) {
    self.input = input
    self.gradOutput = gradOutput
    self.batch = batch
    self.inFeatures = inFeatures
    self.outFeatures = outFeatures
  }

  /// Adds the gradient to `sum`.
  ///
  /// - Parameter scratch: `scratchCount(batch:slots:)` floats.
  package func add(
    to sum: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    forEachBlock(slots) { rows, columns, slot in
      multiply(
        rows, columns, adds: true,
        to: sum + rows.lowerBound * inFeatures + columns.lowerBound, pitch: inFeatures,
        scratch: scratch + slot * LinearGradient.slotCount(batch: batch))
    }
  }

  /// Calls `body` with parts of the gradient, each complete, on several threads at the same time.
  ///
  /// It receives the numbers, where they begin in the weight, and how many there are.
  ///
  /// - Parameter scratch: `scratchCount(batch:slots:)` floats.
  package func forEachPart(
    scratch: UnsafeMutablePointer<Float>, slots: Int,
    _ body: (_ part: UnsafePointer<Float>, _ offset: Int, _ count: Int) -> Void
  ) {
    forEachBlock(slots) { rows, columns, slot in
      let block = scratch + slot * LinearGradient.slotCount(batch: batch)
      multiply(rows, columns, adds: false, to: block, pitch: columns.count, scratch: block)
      if columns.count == inFeatures {
        body(block, rows.lowerBound * inFeatures, rows.count * columns.count)
        return
      }
      for row in rows {
        body(
          block + (row - rows.lowerBound) * columns.count,
          row * inFeatures + columns.lowerBound, columns.count)
      }
    }
  }

  private func forEachBlock(
    _ slots: Int, _ body: (_ rows: Range<Int>, _ columns: Range<Int>, _ slot: Int) -> Void
  ) {
    let across = ThreadPool.chunkCount(of: inFeatures, grain: LinearGradient.blockColumns)
    let down = ThreadPool.chunkCount(of: outFeatures, grain: LinearGradient.blockRows)
    ThreadPool.parallelFor(chunks: across * down, slots: slots) { chunk, slot in
      let row = chunk / across * LinearGradient.blockRows
      let column = chunk % across * LinearGradient.blockColumns
      body(
        row..<min(row + LinearGradient.blockRows, outFeatures),
        column..<min(column + LinearGradient.blockColumns, inFeatures), slot)
    }
  }

  /// Computes a block; the slot's scratch memory may have the block itself at its start.
  private func multiply(
    _ rows: Range<Int>, _ columns: Range<Int>, adds: Bool, to target: UnsafeMutablePointer<Float>,
    pitch: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    let kernels = Kernels.active
    let panel = scratch + LinearGradient.blockCount
    let gradients = panel + DenseLimits.panelCount
    kernels.vector.elementwise.transpose(
      gradOutput + rows.lowerBound, outFeatures, gradients, batch, batch, rows.count)
    kernels.dense.multiply(
      DenseProduct(
        m: rows.count, n: columns.count, k: batch, a: gradients, aStride: batch,
        b: input + columns.lowerBound, bStride: inFeatures, c: target, cStride: pitch, adds: adds,
        scratch: panel))
  }
}
