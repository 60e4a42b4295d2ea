import Synchronization

/// The memory that the library holds for tensors, and the most that it may hold.
///
/// One budget serves the process, because memory is the process's. Thread-safe.
public enum MemoryBudget {
  private static let used = Atomic<Int>(0)
  private static let maximum = Atomic<Int>(Int.max)

  /// The bytes held at present.
  public static var bytesInUse: Int { used.load(ordering: .relaxed) }

  /// The most bytes that may be held; `Int.max` means no limit.
  public static var limit: Int { maximum.load(ordering: .relaxed) }

  /// Sets the most bytes that may be held.
  ///
  /// What is held already stays; requests that would pass the limit throw `outOfMemory`.
  /// - Parameter bytes: The limit, or nil for none. Negative values count as 0.
  public static func setLimit(_ bytes: Int?) {
    maximum.store(bytes.map { max(0, $0) } ?? Int.max, ordering: .relaxed)
  }

  /// Counts `bytes` as held, unless that would pass the limit.
  package static func reserve(_ bytes: Int) -> Bool {
    var current = used.load(ordering: .relaxed)
    while true {
      let (wanted, overflow) = current.addingReportingOverflow(bytes)
      if overflow || wanted > limit { return false }
      let (done, seen) = used.compareExchange(
        expected: current, desired: wanted, ordering: .relaxed)
      if done { return true }
      current = seen
    }
  }

  /// Counts `bytes` as given back.
  package static func release(_ bytes: Int) {
    used.subtract(bytes, ordering: .relaxed)
  }
}
