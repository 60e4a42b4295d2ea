@_exported import CNNKernelTypes

/// How much work a chunk is: enough to outweigh handing it out, little enough to share.
///
/// Only sizes decide, never the number of threads, so that results do not depend on it.
enum Grain {
  /// Elements of a pass whose time is that of reading and writing memory.
  static let memory = 32_768
  /// Elements of a pass with tens of operations each.
  static let arithmetic = 8_192

  /// Rows of `columns` elements that make up `elements`, at least one.
  static func rows(_ elements: Int, columns: Int) -> Int { max(1, elements / max(columns, 1)) }

  /// The most partial sums of a reduction.
  static let partialSums = 64

  /// The chunk size of a reduction that leaves at most 64 partial sums.
  static func reduction(_ count: Int) -> Int {
    let share = count / partialSums + 1
    return max(memory, (share + 255) & ~255)
  }

  /// The chunk size of a reduction over rows that leaves at most 64 partial sums.
  static func reductionRows(_ rows: Int, columns: Int) -> Int {
    max(Grain.rows(arithmetic, columns: columns), rows / partialSums + 1)
  }
}
