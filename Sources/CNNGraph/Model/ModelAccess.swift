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
  /// The number of readers; the lowest value stands for none and one writer.
  private let state = Atomic<Int>(0)
  private static let writing = Int.min

  /// Counts changes: who derived something from the parameters compares it to see whether the
  /// derived thing is still good.
  private let changes = Atomic<Int>(0)

  /// The number of changes so far.
  var version: Int { changes.load(ordering: .acquiring) }

  func beginReading() throws(CNNError) {
    var seen = state.load(ordering: .relaxed)
    while true {
      guard seen >= 0 else {
        throw CNNError(
          .busy, "the model is being trained or changed by another call; predict when it is done")
      }
      let (done, current) = state.weakCompareExchange(
        expected: seen, desired: seen + 1, ordering: .acquiring)
      if done { return }
      seen = current
    }
  }

  func endReading() { state.subtract(1, ordering: .releasing) }

  func beginWriting() throws(CNNError) {
    // A writer takes part of the range below 0, so readers that are under way can still leave.
    var seen = state.load(ordering: .relaxed)
    while true {
      guard seen >= 0 else {
        throw CNNError(.busy, "the model is being trained or changed by another call; wait for it")
      }
      let (done, current) = state.weakCompareExchange(
        expected: seen, desired: seen + ModelAccess.writing, ordering: .acquiring)
      if done { break }
      seen = current
    }
    while state.load(ordering: .acquiring) != ModelAccess.writing { usleep(20) }
  }

  func endWriting() {
    changes.add(1, ordering: .releasing)
    state.store(0, ordering: .releasing)
  }
}
