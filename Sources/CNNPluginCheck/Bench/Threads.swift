import Glibc

/// Runs bodies at the same time, each on a thread of its own, and throws the first error of them.
///
/// All begin when the last thread is there.
func runAtOnce(_ bodies: [() throws -> Void]) throws {
  let barrier = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)
  defer { barrier.deallocate() }
  guard pthread_barrier_init(barrier, nil, UInt32(bodies.count)) == 0 else {
    throw Skip("threads cannot be made to wait for each other")
  }
  defer { pthread_barrier_destroy(barrier) }
  let jobs = bodies.map { Job($0, barrier) }
  var threads: [pthread_t] = []
  for job in jobs {
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Job>.fromOpaque(argument).takeUnretainedValue().run() }
        return nil
      }, Unmanaged.passUnretained(job).toOpaque())
    // Those that were started wait for this one, so there is no way back.
    guard status == 0 else { abort() }
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
  for job in jobs { if let error = job.error { throw error } }
}

/// What a thread does, and how it ended.
private final class Job {
  private let body: () throws -> Void
  private let barrier: UnsafeMutablePointer<pthread_barrier_t>
  private(set) var error: (any Error)?

  init(
    _ body: @escaping () throws -> Void, _ barrier: UnsafeMutablePointer<pthread_barrier_t>
  ) {
    (self.body, self.barrier) = (body, barrier)
  }

  func run() {
    pthread_barrier_wait(barrier)
    do { try body() } catch { self.error = error }
  }
}

/// Runs `body` a number of times, or until its time is over.
func repeating(_ rounds: Int, _ body: () throws -> Void) rethrows {
  let start = ContinuousClock.now
  for _ in 0..<rounds where ContinuousClock.now - start < .milliseconds(250) { try body() }
}
