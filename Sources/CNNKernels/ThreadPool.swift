import Glibc
import Synchronization

/// The one pool of threads of the process.
///
/// Work is handed out in chunks. What a chunk is must depend on the size of the work alone and
/// never on the number of threads: then results have the same bits for any number of threads.
/// Everything here may be called from any number of threads at once, and from within chunks.
package enum ThreadPool {
  /// The most threads that the pool works with.
  package static let maximumThreadCount = 64

  /// The number of threads that may work on one call, the caller included.
  ///
  /// It starts as `CNN_NUM_THREADS` where that is a whole number from 1 to 64, otherwise as the
  /// number of processors that are online, at most 64.
  package static var threadCount: Int { wantedThreads.load(ordering: .relaxed) }

  /// Sets the number of threads, brought into 1...64; calls that are running keep theirs.
  package static func setThreadCount(_ count: Int) {
    wantedThreads.store(min(max(count, 1), maximumThreadCount), ordering: .relaxed)
  }

  /// Runs `body` once for each chunk from 0 up to `chunks`, on several threads where possible.
  ///
  /// The caller takes part, so the work is done even where no other thread can be had.
  /// - Parameters:
  ///   - chunks: The number of chunks; nothing happens below 1.
  ///   - slots: The most chunks that may run at the same time.
  ///   - body: Receives the chunk and a slot below `slots`. No two chunks that run at the same time
  ///     have the same slot, so it may index scratch memory.
  package static func parallelFor(
    chunks: Int, slots: Int, _ body: (_ chunk: Int, _ slot: Int) -> Void
  ) {
    let limit = min(slots, threadCount, chunks)
    guard limit > 1 else {
      var chunk = 0
      while chunk < chunks {
        body(chunk, 0)
        chunk += 1
      }
      return
    }
    NonescapingBody.with(body) { PoolState.shared.run($0, chunks: chunks, limit: limit) }
  }

  /// Returns how many chunks of `grain` elements `count` elements make; the last may be smaller.
  package static func chunkCount(of count: Int, grain: Int) -> Int {
    guard count > 0 else { return 0 }
    let size = max(grain, 1)
    return count / size + (count % size == 0 ? 0 : 1)
  }

  /// Runs `body` for consecutive ranges of `grain` elements that cover `0..<count`.
  package static func parallelRanges(
    count: Int, grain: Int, slots: Int, body: (_ range: Range<Int>, _ slot: Int) -> Void
  ) {
    let size = max(grain, 1)
    parallelFor(chunks: chunkCount(of: count, grain: size), slots: slots) { chunk, slot in
      let start = chunk * size
      body(start..<(start + min(size, count - start)), slot)
    }
  }

  private static let wantedThreads = Atomic<Int>(initialThreadCount())

  private static func initialThreadCount() -> Int {
    if let text = getenv("CNN_NUM_THREADS"), let count = Int(String(cString: text)),
      (1...maximumThreadCount).contains(count)
    {
      return count
    }
    return min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), maximumThreadCount)
  }
}
