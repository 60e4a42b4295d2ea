#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A value that one thread at a time may use.
///
/// As `Synchronization.Mutex`, over the system's lock: ThreadSanitizer understands that one, and it
/// does not remember the number of a thread, which is another one after `fork`.
///
/// Safety: the value is reached through the lock only; that is what `@unchecked Sendable` stands
/// for. The lock lies in memory of its own, so it never moves.
package final class Locked<Value>: @unchecked Sendable {
  private var value: Value
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  /// Puts `value` behind a lock.
  package init(_ value: sending Value) {
    self.value = value
    // A handful of bytes, of a size that no caller decides.
    mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body` with the value while no other thread does so.
  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
