import CProcessor
import Glibc
import Synchronization

/// What the threads in a job share without a lock.
struct PoolCounters: ~Copyable {
  /// The next chunk that nobody has taken.
  let nextChunk = Atomic<Int>(0)
  /// Workers inside the job; changed with the pool's lock held, read without while spinning.
  let active = Atomic<Int>(0)
}

/// What a thread needs to know to work on a job.
struct PoolTask {
  let chunks: Int
  let body: NonescapingBody
  let counters: UnsafePointer<PoolCounters>

  func work(slot: Int) {
    while true {
      let chunk = counters.pointee.nextChunk.wrappingAdd(1, ordering: .relaxed).oldValue
      if chunk >= chunks { return }
      body(chunk: chunk, slot: slot)
    }
  }
}

/// One call of `ThreadPool.parallelFor`; it lives on the caller's stack until all chunks are done.
///
/// Everything here is read and written with the pool's lock held.
struct PoolJob {
  let task: PoolTask
  /// The most threads that may work on the job, the caller included.
  let limit: Int
  /// Threads that have joined so far, the caller included: the next slot.
  var joined = 1
  var callerSleeps = false
  let finished: UnsafeMutablePointer<pthread_cond_t>
  var next: UnsafeMutablePointer<PoolJob>?
  var previous: UnsafeMutablePointer<PoolJob>?

  var hasRoom: Bool {
    joined < limit && task.counters.pointee.nextChunk.load(ordering: .relaxed) < task.chunks
  }
}

/// The workers' side of the pool: the open jobs, and who waits.
///
/// Safety: lives from first use to the end of the process, at one address, because workers never
/// end. The lock guards everything that is not atomic.
final class PoolState: @unchecked Sendable {
  typealias Job = UnsafeMutablePointer<PoolJob>

  /// The pool, known to `fork`.
  static let shared: PoolState = {
    let pool = instance
    pthread_atfork(
      { pthread_mutex_lock(PoolState.instance.lock) },
      { pthread_mutex_unlock(PoolState.instance.lock) },
      { PoolState.instance.startAfresh() })
    return pool
  }()

  /// The handlers of `fork` must not wait for `shared`: they may run while it is being made.
  private static let instance = PoolState()

  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let wake: UnsafeMutablePointer<pthread_cond_t>
  /// The job that came last; workers prefer it, because others may be waiting for it.
  private var newest: Job?
  private var workers = 0
  private var sleeping = 0
  /// Counts the processes from the first pool's on: after a fork, workers of the past are no more.
  private var generation = 0
  /// Counts jobs, so that a worker can see without the lock that something has come.
  private let arrivals = Atomic<Int>(0)

  private init() {
    // A handful of bytes once per process, before any caller's data are involved.
    lock = .allocate(capacity: 1)
    wake = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wake, nil)
  }

  /// In the child of a fork only the forking thread is left: no workers, and no jobs to help with.
  private func startAfresh() {
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wake, nil)
    newest = nil
    workers = 0
    sleeping = 0
    generation += 1
  }

  /// Works through all chunks together with the workers that have time.
  func run(_ body: NonescapingBody, chunks: Int, limit: Int) {
    let counters = PoolCounters()
    var finished = pthread_cond_t()
    pthread_cond_init(&finished, nil)
    withUnsafePointer(to: counters) { counters in
      withUnsafeMutablePointer(to: &finished) { finished in
        let task = PoolTask(chunks: chunks, body: body, counters: counters)
        var job = PoolJob(task: task, limit: limit, finished: finished)
        withUnsafeMutablePointer(to: &job) { run($0, task, limit: limit, finished) }
      }
    }
    pthread_cond_destroy(&finished)
  }

  private func run(
    _ job: Job, _ task: PoolTask, limit: Int, _ finished: UnsafeMutablePointer<pthread_cond_t>
  ) {
    let counters = task.counters
    pthread_mutex_lock(lock)
    let started = generation
    insert(job)
    addWorkers(limit - 1)
    arrivals.wrappingAdd(1, ordering: .releasing)
    var wanted = min(limit - 1, sleeping)
    pthread_mutex_unlock(lock)
    while wanted > 0 {
      pthread_cond_signal(wake)
      wanted -= 1
    }
    task.work(slot: 0)
    // The last chunks of the others are about to end: sleeping at once would cost more than that.
    spin { counters.pointee.active.load(ordering: .acquiring) == 0 }
    pthread_mutex_lock(lock)
    // After a fork within a chunk, the job and the workers on it belong to the parent.
    if generation == started {
      remove(job)
      job.pointee.callerSleeps = true
      while counters.pointee.active.load(ordering: .relaxed) > 0 {
        pthread_cond_wait(finished, lock)
      }
    }
    pthread_mutex_unlock(lock)
  }

  private func insert(_ job: Job) {
    job.pointee.next = newest
    newest?.pointee.previous = job
    newest = job
  }

  private func remove(_ job: Job) {
    let next = job.pointee.next
    let previous = job.pointee.previous
    next?.pointee.previous = previous
    if let previous { previous.pointee.next = next } else { newest = next }
  }

  /// Creates workers until there are `count`.
  ///
  /// Called with the lock held.
  private func addWorkers(_ count: Int) {
    guard workers < count else { return }
    // The host's signal handlers must not run on threads that it knows nothing of.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    while workers < count {
      var thread = pthread_t()
      let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { _ in
        PoolState.instance.workForEver()
        return nil
      }
      guard pthread_create(&thread, nil, main, nil) == 0
      else { return }
      pthread_detach(thread)
      workers += 1
    }
  }

  private func workForEver() {
    pthread_mutex_lock(lock)
    while true {
      if let job = openJob() {
        help(job)
        continue
      }
      let seen = arrivals.load(ordering: .relaxed)
      pthread_mutex_unlock(lock)
      spin { arrivals.load(ordering: .relaxed) != seen }
      pthread_mutex_lock(lock)
      if openJob() == nil {
        sleeping += 1
        pthread_cond_wait(wake, lock)
        sleeping -= 1
      }
    }
  }

  /// Returns a job that another thread may join, or nil.
  private func openJob() -> Job? {
    var candidate = newest
    while let job = candidate, !job.pointee.hasRoom { candidate = job.pointee.next }
    return candidate
  }

  /// Works on a job.
  ///
  /// Called with the lock held, and returns so.
  private func help(_ job: Job) {
    let slot = job.pointee.joined
    let task = job.pointee.task
    job.pointee.joined += 1
    task.counters.pointee.active.wrappingAdd(1, ordering: .relaxed)
    pthread_mutex_unlock(lock)
    task.work(slot: slot)
    pthread_mutex_lock(lock)
    let left = task.counters.pointee.active.wrappingSubtract(1, ordering: .releasing).newValue
    if left == 0, job.pointee.callerSleeps { pthread_cond_signal(job.pointee.finished) }
  }

  /// Waits for a moment (some 100 microseconds) or until `condition` holds.
  ///
  /// To wake a thread takes about as long, so a wait of this length at most doubles what it costs to
  /// have none; the steps of small networks follow each other faster, and so do predictions.
  private func spin(_ condition: () -> Bool) {
    var turns = 0
    while turns < 4000, !condition() {
      cnn_processor_pause()
      turns += 1
    }
  }
}
