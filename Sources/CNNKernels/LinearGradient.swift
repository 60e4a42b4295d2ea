/// The gradient of a linear layer's weight, gradOutputᵀ · input: [outFeatures, inFeatures].
///
/// It is cut into blocks of 32 rows and 2048 columns, a function of sizes alone, which are 256 KB
/// and so stay in the second cache. The whole, as large as the weight itself, need not exist: each
/// block can be used and forgotten. Blocks have the same bits either way.
package struct LinearGradient {
  private let input: UnsafePointer<Float>
  private let gradOutput: UnsafePointer<Float>
  private let batch: Int
  private let inFeatures: Int
  private let outFeatures: Int

  private static let blockRows = 32
  private static let blockColumns = 2048

  /// How many floats of scratch memory `forEachPart` needs; `Int.max / 64` if that is too much.
  package static func scratchCount(slots: Int) -> Int {
    let (count, overflow) = (blockRows * blockColumns).multipliedReportingOverflow(by: slots)
    return overflow ? Int.max / 64 : count
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
  package func add(to sum: UnsafeMutablePointer<Float>, slots: Int) {
    forEachBlock(slots) { rows, columns, _ in
      multiply(
        rows, columns, beta: 1,
        to: sum + rows.lowerBound * inFeatures + columns.lowerBound, pitch: inFeatures)
    }
  }

  /// Calls `body` with parts of the gradient, each complete, on several threads at the same time.
  ///
  /// The body gets the numbers, where they begin in the weight, and how many there are.
  /// - Parameter scratch: `scratchCount(slots:)` floats.
  package func forEachPart(
    scratch: UnsafeMutablePointer<Float>, slots: Int,
    _ body: (_ part: UnsafePointer<Float>, _ offset: Int, _ count: Int) -> Void
  ) {
    forEachBlock(slots) { rows, columns, slot in
      let block = scratch + slot * LinearGradient.blockRows * LinearGradient.blockColumns
      multiply(rows, columns, beta: 0, to: block, pitch: columns.count)
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

  private func multiply(
    _ rows: Range<Int>, _ columns: Range<Int>, beta: Float, to target: UnsafeMutablePointer<Float>,
    pitch: Int
  ) {
    MatrixMultiply.multiply(
      transposeA: true, m: rows.count, n: columns.count, k: batch, a: gradOutput + rows.lowerBound,
      lda: outFeatures, b: input + columns.lowerBound, ldb: inFeatures, beta: beta, c: target,
      ldc: pitch)
  }
}
