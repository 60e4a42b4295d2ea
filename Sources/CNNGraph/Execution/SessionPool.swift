import CNNLayerKit

/// Sessions of a model that are lent to whoever predicts next, so that threads need not manage
/// their own.
///
/// Thread-safe.
public final class SessionPool: Sendable {
  /// The model that predicts.
  public let model: Model

  /// Idle sessions, the one used last at the end.
  private let idle = Locked<[Session]>([])

  /// The most sessions that are kept when nobody uses them.
  private static let maximumIdle = 64
  /// A session made for larger batches serves smaller ones, but not ones so much smaller that its
  /// memory would lie idle for good.
  private static let maximumExcess = 8

  /// Creates an empty pool.
  public init(model: Model) { self.model = model }

  /// Lends a session that takes at least `batch` samples to `body`.
  ///
  /// - Throws: What creating a session throws, or what `body` throws.
  public func withSession<Result>(
    batch: Int, _ body: (Session) throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    let session: Session
    if let idle = takeIdle(batch) {
      session = idle
    } else {
      session = try Session(model: model, capacity: batch)
    }
    defer { giveBack(session) }
    return try body(session)
  }

  /// Releases the memory of the sessions that nobody uses.
  public func releaseIdleSessions() {
    // The sessions' memory goes after the lock is released.
    let released = idle.withLock { sessions in
      defer { sessions.removeAll() }
      return sessions
    }
    withExtendedLifetime(released) {}
  }

  private func takeIdle(_ batch: Int) -> Session? {
    idle.withLock { sessions in
      let fits = { (session: Session) in
        session.capacity >= batch
          && session.capacity / SessionPool.maximumExcess <= max(batch, SessionPool.maximumExcess)
      }
      guard let index = sessions.lastIndex(where: fits) else { return nil }
      return sessions.remove(at: index)
    }
  }

  private func giveBack(_ session: Session) {
    let dropped: Session? = idle.withLock { sessions in
      let oldest = sessions.count >= SessionPool.maximumIdle ? sessions.removeFirst() : nil
      sessions.append(session)
      return oldest
    }
    withExtendedLifetime(dropped) {}
  }
}
