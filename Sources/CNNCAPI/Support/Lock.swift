import Glibc

/// A lock that a child process finds open after `fork`, whatever other threads were doing.
///
/// For tables that every call uses: a child must be able to use the library although the thread
/// that held the lock does not exist there. Locks live as long as the process.
///
/// Safety: the mutex lies at a fixed address and is made for concurrent use.
struct ForkSafeLock: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  /// The locks to hold while the process forks.
  private static let everyLock = LockList()

  /// Creates a lock that is never freed.
  init() {
    mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    ForkSafeLock.everyLock.add(mutex)
  }

  /// Runs `body` while no other thread does so.
  func withLock<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }
}

/// The few locks of the library that have to be held while the process forks.
///
/// Safety: written while a static constant is initialised, one lock at a time under `guardMutex`;
/// read by the handlers of `fork` under the same.
private final class LockList: @unchecked Sendable {
  private static let capacity = 8
  private let mutexes = UnsafeMutablePointer<UnsafeMutablePointer<pthread_mutex_t>>.allocate(
    capacity: LockList.capacity)
  private let guardMutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var count = 0

  init() {
    pthread_mutex_init(guardMutex, nil)
    LockList.shared = self
    pthread_atfork(
      { LockList.shared?.lockAll() }, { LockList.shared?.unlockAll() },
      { LockList.shared?.unlockAll() })
  }

  /// The list, for the handlers of `fork`, which take no arguments.
  nonisolated(unsafe) private static var shared: LockList?

  func add(_ mutex: UnsafeMutablePointer<pthread_mutex_t>) {
    pthread_mutex_lock(guardMutex)
    if count < LockList.capacity {
      mutexes[count] = mutex
      count += 1
    }
    pthread_mutex_unlock(guardMutex)
  }

  private func lockAll() {
    pthread_mutex_lock(guardMutex)
    for index in 0..<count { pthread_mutex_lock(mutexes[index]) }
  }

  private func unlockAll() {
    for index in 0..<count { pthread_mutex_unlock(mutexes[index]) }
    pthread_mutex_unlock(guardMutex)
  }
}
