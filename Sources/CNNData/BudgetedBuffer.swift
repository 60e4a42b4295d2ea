import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Owned memory for plain values, counted against the memory budget.
///
/// Safety: filled by the one who makes it, then only read; or guarded by its owner, who says so.
final class BudgetedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Element>
  let count: Int
  private let bytes: Int

  /// Takes memory for `count` values of all zero bits.
  ///
  /// - Throws: `outOfMemory`, naming `purpose`.
  init(count: Int, for purpose: @autoclosure () -> String) throws(CNNError) {
    let size = checkedProduct([max(1, count), MemoryLayout<Element>.stride])
    guard count >= 0, let size, MemoryBudget.reserve(size) else {
      throw CNNError(
        .outOfMemory,
        "\(purpose()) needs room for \(count) values of \(MemoryLayout<Element>.stride) bytes; "
          + "\(MemoryBudget.bytesInUse) bytes are in use and the memory limit is "
          + "\(MemoryBudget.limit)")
    }
    guard let memory = calloc(1, size) else {
      MemoryBudget.release(size)
      throw CNNError(
        .outOfMemory, "\(purpose()) needs \(size) bytes, and the machine has none left")
    }
    pointer = memory.bindMemory(to: Element.self, capacity: max(1, count))
    self.count = count
    bytes = size
  }

  deinit {
    free(pointer)
    MemoryBudget.release(bytes)
  }

  var elements: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }
}
