/// Reductions over the rows of a matrix, one or two numbers for each column, without scratch memory.
///
/// Columns are worked on in blocks of up to 128. Wide matrices give each thread other columns;
/// narrow ones are cut into at most 16 chunks of rows whose results are combined in order.
enum ColumnReduction {
  static let blockWidth = 128
  static let largestChunkCount = 16

  /// A part of the matrix.
  struct Part {
    var firstRow: Int
    var rows: Int
    var firstColumn: Int
    var columns: Int
  }

  /// The results of all chunks of a block of columns.
  struct Block {
    var firstColumn: Int
    var columns: Int
    /// Chunks of rows.
    var chunks: Int
    /// Rows of each chunk but the last.
    var chunkRows: Int
    var results: UnsafeMutablePointer<Float>

    /// The first result of a chunk for each column.
    func first(_ chunk: Int) -> UnsafeMutablePointer<Float> {
      results + 2 * chunk * ColumnReduction.blockWidth
    }

    /// The second result of a chunk for each column.
    func second(_ chunk: Int) -> UnsafeMutablePointer<Float> {
      results + (2 * chunk + 1) * ColumnReduction.blockWidth
    }
  }

  typealias Kernel = (
    _ part: Part, _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>
  ) -> Void

  /// Runs `kernel` for all parts and `combine` for each block of columns, once.
  static func run(
    rows: Int, columns: Int, slots: Int, kernel: Kernel, combine: (Block) -> Void
  ) {
    guard columns > 0, rows >= 0 else { return }
    let blocks = ThreadPool.chunkCount(of: columns, grain: blockWidth)
    let smallest = Grain.rows(Grain.memory, columns: min(columns, blockWidth))
    let chunkRows = max(smallest, rows / largestChunkCount + 1)
    let chunks = max(1, ThreadPool.chunkCount(of: rows, grain: chunkRows))
    if chunks > 1, blocks < largestChunkCount {
      for block in 0..<blocks {
        runRows(
          rows, chunkRows, block * blockWidth, min(blockWidth, columns - block * blockWidth),
          slots, kernel, combine)
      }
    } else {
      let grain = Grain.rows(Grain.memory, columns: max(rows, 1) * blockWidth)
      ThreadPool.parallelRanges(count: blocks, grain: grain, slots: slots) { range, _ in
        for block in range {
          let first = block * blockWidth
          runColumns(rows, first, min(blockWidth, columns - first), kernel, combine)
        }
      }
    }
  }

  private static func runRows(
    _ rows: Int, _ chunkRows: Int, _ firstColumn: Int, _ columns: Int, _ slots: Int,
    _ kernel: Kernel, _ combine: (Block) -> Void
  ) {
    var memory = InlineArray<4096, Float>(repeating: 0)
    withUnsafeMutablePointer(to: &memory) { pointer in
      let results = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
      let chunks = ThreadPool.chunkCount(of: rows, grain: chunkRows)
      let block = Block(
        firstColumn: firstColumn, columns: columns, chunks: chunks, chunkRows: chunkRows,
        results: results)
      ThreadPool.parallelFor(chunks: chunks, slots: slots) { chunk, _ in
        let first = chunk * chunkRows
        let part = Part(
          firstRow: first, rows: min(chunkRows, rows - first), firstColumn: firstColumn,
          columns: columns)
        kernel(part, block.first(chunk), block.second(chunk))
      }
      combine(block)
    }
  }

  private static func runColumns(
    _ rows: Int, _ firstColumn: Int, _ columns: Int, _ kernel: Kernel, _ combine: (Block) -> Void
  ) {
    var memory = InlineArray<256, Float>(repeating: 0)
    withUnsafeMutablePointer(to: &memory) { pointer in
      let results = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
      let block = Block(
        firstColumn: firstColumn, columns: columns, chunks: 1, chunkRows: rows, results: results)
      let part = Part(firstRow: 0, rows: rows, firstColumn: firstColumn, columns: columns)
      kernel(part, block.first(0), block.second(0))
      combine(block)
    }
  }
}
