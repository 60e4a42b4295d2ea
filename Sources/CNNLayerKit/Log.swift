import Synchronization

/// What the library has to say beside results and errors: by default nobody hears it.
///
/// The library prints nothing. Whoever wants to know why something is slow, or that it carries on
/// where it could not do as asked, sets a sink. Thread-safe.
public enum Log {
  /// How much a message matters; raw values are those of `cnn.h`.
  public enum Level: Int32, Sendable, CaseIterable {
    /// Of interest when looking for a problem.
    case debug = 0
    /// Worth knowing.
    case info = 1
    /// Something is not as it should be, and the library carries on.
    case warning = 2
  }

  /// Receives a message: one line of text.
  public typealias Sink = @Sendable (_ level: Level, _ message: String) -> Void

  private static let sink = Locked<Sink?>(nil)
  private static let isSet = Atomic<Bool>(false)

  /// Sets who receives messages, from whichever thread has something to say; nil for nobody.
  public static func setSink(_ newSink: Sink?) {
    sink.withLock { $0 = newSink }
    isSet.store(newSink != nil, ordering: .relaxed)
  }

  /// Hands a message to the sink; it is not even made where there is none.
  package static func write(_ level: Level, _ message: @autoclosure () -> String) {
    guard isSet.load(ordering: .relaxed), let receiver = sink.withLock({ $0 }) else { return }
    receiver(level, message())
  }
}
