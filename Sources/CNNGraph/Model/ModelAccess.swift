import CNNLayerKit
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lets any number of threads read a model, or one thread change it.
///
/// Nobody waits for a change to end: who comes second gets `busy`. A change waits for reads that
/// are under way, which are short.
final class ModelAccess: Sendable {
  /// From low to high: 32 bits with the number of readers, 31 bits with the number of forks at the
  /// time, and a bit for a writer, which readers that are under way may still accompany.
  private let state = Atomic<UInt64>(0)
  private static let writing: UInt64 = 1 << 63
  private static let readers: UInt64 = 0xFFFF_FFFF

  /// Counts changes: who derived something from the parameters compares it to see whether the
  /// derived thing is still good.
  private let changes = Atomic<Int>(0)

  init() { Forks.startCounting() }

  /// The number of changes so far.
  var version: Int { changes.load(ordering: .acquiring) }

  func beginReading() throws(CNNError) {
    try change(adding: 1) {
      "the model is being trained or changed by another call; predict when it is done"
    }
  }

  func endReading() {
    var seen = state.load(ordering: .relaxed)
    while seen & ModelAccess.readers > 0 {
      let (done, current) = state.weakCompareExchange(
        expected: seen, desired: seen - 1, ordering: .releasing)
      if done { return }
      seen = current
    }
  }

  func beginWriting() throws(CNNError) {
    try change(adding: ModelAccess.writing) {
      "the model is being trained or changed by another call; wait for it"
    }
    while state.load(ordering: .acquiring) & ModelAccess.readers > 0 { usleep(20) }
  }

  func endWriting() {
    changes.add(1, ordering: .releasing)
    state.store(Forks.count << 32, ordering: .releasing)
  }

  private func change(adding part: UInt64, _ message: () -> String) throws(CNNError) {
    var seen = state.load(ordering: .relaxed)
    while true {
      // Who used the model when the process forked is in the parent: in the child nobody would end.
      let isOurs = (seen & ~ModelAccess.writing) >> 32 == Forks.count
      let start = isOurs ? seen : Forks.count << 32
      guard start & ModelAccess.writing == 0 else { throw CNNError(.busy, message()) }
      let (done, current) = state.weakCompareExchange(
        expected: seen, desired: start + part, ordering: .acquiring)
      if done { return }
      seen = current
    }
  }
}

/// Counts how often the process, and those it comes from, forked.
private enum Forks {
  private static let number = Atomic<UInt64>(0)

  private static let isCounting: Bool = {
    // So that the child need not initialise it.
    _ = number.load(ordering: .relaxed)
    return pthread_atfork(nil, nil, { Forks.number.add(1, ordering: .relaxed) }) == 0
  }()

  static func startCounting() { _ = isCounting }

  /// The count, within 31 bits.
  static var count: UInt64 { number.load(ordering: .relaxed) & 0x7FFF_FFFF }
}
