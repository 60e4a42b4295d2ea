import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A lock with two things to wait for: news for the consumer and work for the workers.
///
/// Safety: the POSIX objects live at fixed addresses and are made for concurrent use.
final class Monitor: @unchecked Sendable {
  private struct Parts {
    var mutex = pthread_mutex_t()
    var consumer = pthread_cond_t()
    var workers = pthread_cond_t()
  }

  private let parts: UnsafeMutablePointer<Parts>

  init() throws(CNNError) {
    guard let memory = malloc(MemoryLayout<Parts>.stride) else {
      throw CNNError(.outOfMemory, "the machine has no memory left for a batch loader's lock")
    }
    parts = memory.bindMemory(to: Parts.self, capacity: 1)
    parts.initialize(to: Parts())
    pthread_mutex_init(&parts.pointee.mutex, nil)
    pthread_cond_init(&parts.pointee.consumer, nil)
    pthread_cond_init(&parts.pointee.workers, nil)
  }

  deinit {
    pthread_cond_destroy(&parts.pointee.workers)
    pthread_cond_destroy(&parts.pointee.consumer)
    pthread_mutex_destroy(&parts.pointee.mutex)
    free(parts)
  }

  func lock() { pthread_mutex_lock(&parts.pointee.mutex) }
  func unlock() { pthread_mutex_unlock(&parts.pointee.mutex) }
  func waitForConsumerNews() {
    pthread_cond_wait(&parts.pointee.consumer, &parts.pointee.mutex)
  }
  func waitForWork() { pthread_cond_wait(&parts.pointee.workers, &parts.pointee.mutex) }
  func wakeConsumer() { pthread_cond_broadcast(&parts.pointee.consumer) }
  func wakeWorkers() { pthread_cond_broadcast(&parts.pointee.workers) }
}

/// The threads that fill a queue's batches.
///
/// Safety: the list of threads is complete when the initialiser returns.
final class WorkerThreads: @unchecked Sendable {
  private var threads: [pthread_t] = []

  /// Starts `count` threads that work until the queue is closed.
  ///
  /// - Throws: `outOfMemory` if the system refuses a thread; none is left running then.
  init(_ count: Int, serving queue: BatchQueue) throws(CNNError) {
    // The host's signals are for the host's threads.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    for index in 0..<count {
      var thread = pthread_t()
      let context = Unmanaged.passRetained(queue)
      let status = pthread_create(&thread, nil, runWorker, context.toOpaque())
      guard status == 0 else {
        context.release()
        queue.close()
        join()
        throw CNNError(
          .outOfMemory,
          "thread \(index + 1) of \(count) of a batch loader could not be started (error "
            + "\(status)); use fewer workers")
      }
      threads.append(thread)
    }
  }

  /// Waits until all threads have ended; the queue must be closed.
  func join() {
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }
}

private func runWorker(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context else { return nil }
  let queue = Unmanaged<BatchQueue>.fromOpaque(context).takeRetainedValue()
  queue.work()
  return nil
}
