import COpenBLAS
import Glibc

/// The way into OpenBLAS: one thread per call, and never too many callers at once.
///
/// The archive is linked statically, so its settings are ours and not the host's.
enum OpenBLAS {
  /// OpenBLAS has a fixed number of work buffers, and spins or fails when they are used up.
  private static let maximumCallers: UInt32 = 48

  /// Runs `body`, which may call OpenBLAS, as soon as there is room.
  static func call(_ body: () -> Void) {
    let semaphore = entrance
    while sem_wait(semaphore) != 0 {}
    body()
    sem_post(semaphore)
  }

  nonisolated(unsafe) private static let entrance: UnsafeMutablePointer<sem_t> = {
    openblas_set_num_threads(1)
    // Its own threads, one for each processor, would only wait, with the host's signals open.
    _ = blas_thread_shutdown_()
    sem_init(semaphore, 0, maximumCallers)
    // A child that is forked while a thread is inside would inherit locks that nobody opens.
    pthread_atfork(
      {
        pthread_mutex_lock(OpenBLAS.forking)
        for _ in 0..<OpenBLAS.maximumCallers { while sem_wait(OpenBLAS.semaphore) != 0 {} }
      }, { OpenBLAS.reopen() }, { OpenBLAS.reopen() })
    return semaphore
  }()

  private static func reopen() {
    for _ in 0..<maximumCallers { sem_post(semaphore) }
    pthread_mutex_unlock(forking)
  }

  // A handful of bytes once per process, before any caller's data are involved.
  nonisolated(unsafe) private static let semaphore = UnsafeMutablePointer<sem_t>.allocate(
    capacity: 1)
  nonisolated(unsafe) private static let forking: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    return mutex
  }()
}

/// Stands in for OpenBLAS's function that starts its threads when the library is loaded.
///
/// They would spin for a while before they sleep, in a process that only loaded us, and we never
/// use them. The shared library is linked with `--wrap`; elsewhere nobody calls this.
@_cdecl("__wrap_blas_thread_init")
package func startNoThreads() -> Int32 { 0 }
