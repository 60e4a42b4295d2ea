#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A value that one thread at a time may use.
///
/// As `Synchronization.Mutex`, over the system's lock: ThreadSanitizer understands that one, and it
/// does not remember the number of a thread, which is another one after `fork`. While the process
/// forks, all values are locked, so that the child finds them whole and open.
///
/// Safety: the value is reached through the lock only; that is what `@unchecked Sendable` stands
/// for. The lock lies in memory of its own, so it never moves.
package final class Locked<Value>: @unchecked Sendable {
  private var value: Value
  private let place: UnsafeMutablePointer<LockPlace>

  /// Puts `value` behind a lock.
  package init(_ value: sending Value) {
    self.value = value
    // A handful of bytes, of a size that no caller decides.
    place = UnsafeMutablePointer<LockPlace>.allocate(capacity: 1)
    place.initialize(to: LockPlace())
    pthread_mutex_init(&place.pointee.mutex, nil)
    LockList.shared.add(place)
  }

  deinit {
    LockList.shared.remove(place)
    pthread_mutex_destroy(&place.pointee.mutex)
    place.deallocate()
  }

  /// Runs `body` with the value while no other thread does so.
  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(&place.pointee.mutex)
    defer { pthread_mutex_unlock(&place.pointee.mutex) }
    return try body(&value)
  }
}

/// A lock, and its neighbours in the list of all locks.
private struct LockPlace {
  var mutex = pthread_mutex_t()
  var next: UnsafeMutablePointer<LockPlace>?
  var previous: UnsafeMutablePointer<LockPlace>?
}

/// All locks of the process, to be held while it forks.
private final class LockList: @unchecked Sendable {
  static let shared: LockList = {
    let list = LockList()
    current = list
    pthread_atfork(
      { LockList.current?.lockAll() }, { LockList.current?.unlockAll() },
      { LockList.current?.unlockAll() })
    return list
  }()

  /// `shared` without its initialiser, which a child must not wait for.
  nonisolated(unsafe) private static var current: LockList?

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var first: UnsafeMutablePointer<LockPlace>?
  private var holdsAll = false

  private init() { pthread_mutex_init(mutex, nil) }

  func add(_ place: UnsafeMutablePointer<LockPlace>) {
    pthread_mutex_lock(mutex)
    place.pointee.next = first
    first?.pointee.previous = place
    first = place
    pthread_mutex_unlock(mutex)
  }

  func remove(_ place: UnsafeMutablePointer<LockPlace>) {
    pthread_mutex_lock(mutex)
    let (next, previous) = (place.pointee.next, place.pointee.previous)
    next?.pointee.previous = previous
    if let previous { previous.pointee.next = next } else { first = next }
    pthread_mutex_unlock(mutex)
  }

  /// Takes all locks, or after a fraction of a second none: then the thread that forks may be the
  /// one that holds one.
  private func lockAll() {
    for _ in 0..<1000 {
      pthread_mutex_lock(mutex)
      let taken = firstThatIsTaken()
      holdsAll = taken == nil
      if holdsAll { return }
      // Waiting here for one lock while holding others could wait for ever.
      unlock(upTo: taken)
      pthread_mutex_unlock(mutex)
      usleep(200)
    }
    pthread_mutex_lock(mutex)
  }

  private func unlockAll() {
    if holdsAll { unlock(upTo: nil) }
    holdsAll = false
    pthread_mutex_unlock(mutex)
  }

  private func firstThatIsTaken() -> UnsafeMutablePointer<LockPlace>? {
    var place = first
    while let current = place, pthread_mutex_trylock(&current.pointee.mutex) == 0 {
      place = current.pointee.next
    }
    return place
  }

  private func unlock(upTo end: UnsafeMutablePointer<LockPlace>?) {
    var place = first
    while let current = place, current != end {
      pthread_mutex_unlock(&current.pointee.mutex)
      place = current.pointee.next
    }
  }
}
