import CCNN
import CNNGraph
import CNNLayerKit
import CNNPlugins
import Glibc

/// Sees what layers ask of the host, and refuses memory at will.
///
/// In the processes that checks have for themselves, some functions of the host's table are replaced by
/// ones that take notes and then do what the others did.
enum HostHooks {
  private struct Notes {
    var keys: Set<RandomKey> = []
    var allocations = 0
    var refusedAllocation = Int.max
    var order: ChunkOrder?
    var pauses = false
  }

  /// In which order the chunks of a parallel_for run, one after the other: any is allowed.
  enum ChunkOrder: Sendable {
    /// The last one first.
    case reversed
    /// Every third one, then those between, each with another slot.
    case scattered

    fileprivate func run(_ chunks: Int, slots: Int, _ body: (_ chunk: Int, _ slot: Int) -> Void) {
      switch self {
      case .reversed: for chunk in (0..<max(0, chunks)).reversed() { body(chunk, 0) }
      case .scattered:
        for first in 0..<3 {
          for chunk in stride(from: first, to: chunks, by: 3) { body(chunk, chunk % max(1, slots)) }
        }
      }
    }
  }

  /// Runs `body` with pauses where it takes memory or starts chunks, so that threads meet there.
  static func pausing<Result>(_ body: () throws -> Result) rethrows -> Result {
    notes.withLock { $0.pauses = true }
    defer { notes.withLock { $0.pauses = false } }
    return try body()
  }

  private static func pause() {
    if notes.withLock({ $0.pauses }) { usleep(100) }
  }

  /// Runs `body` with chunks in another order than usual.
  static func ordering<Result>(
    _ order: ChunkOrder?, _ body: () throws -> Result
  ) rethrows -> Result {
    notes.withLock { $0.order = order }
    defer { notes.withLock { $0.order = nil } }
    return try body()
  }

  private static func parallelFor(
    _ chunks: Int64, _ concurrency: Int64, _ body: cnn_parallel_body?,
    _ user: UnsafeMutableRawPointer?
  ) -> Int32 {
    pause()
    defer { pause() }
    guard let order = notes.withLock({ $0.order }), let body, chunks >= 0, concurrency >= 1 else {
      return original.parallel_for?(chunks, concurrency, body, user) ?? Int32(CNN_UNSUPPORTED)
    }
    order.run(Int(chunks), slots: Int(concurrency)) { body(user, Int64($0), Int64($1)) }
    return Int32(CNN_OK)
  }

  private static let notes = Locked(Notes())
  private nonisolated(unsafe) static let original = Host.table.pointee

  /// Replaces the functions, for good.
  static func install() {
    _ = original
    let table = UnsafeMutablePointer(mutating: Host.table)
    table.pointee.allocate = { HostHooks.allocate($0) }
    table.pointee.parallel_for = { HostHooks.parallelFor($0, $1, $2, $3) }
    table.pointee.random_uniform = { key, offset, count, numbers in
      HostHooks.note(key)
      return HostHooks.original.random_uniform?(key, offset, count, numbers)
        ?? Int32(CNN_UNSUPPORTED)
    }
    table.pointee.random_normal = { key, offset, count, numbers in
      HostHooks.note(key)
      return HostHooks.original.random_normal?(key, offset, count, numbers)
        ?? Int32(CNN_UNSUPPORTED)
    }
  }

  private static func note(_ key: UnsafePointer<cnn_random_key>?) {
    guard let key = key?.pointee else { return }
    note(RandomKey(seed: key.seed, node: key.node, step: key.step))
  }

  private static func note(_ key: RandomKey) {
    notes.withLock { _ = $0.keys.insert(key) }
  }

  private static func allocate(_ bytes: Int64) -> UnsafeMutableRawPointer? {
    pause()
    let isRefused = notes.withLock { notes in
      defer { notes.allocations += 1 }
      return notes.allocations == notes.refusedAllocation
    }
    return isRefused ? nil : original.allocate?(bytes)
  }

  /// Runs `body` and refuses memory once.
  ///
  /// - Parameter number: Which request is refused, from 0.
  /// - Returns: How many requests there were.
  static func refusingAllocation(_ number: Int, _ body: () throws -> Void) rethrows -> Int {
    notes.withLock { ($0.allocations, $0.refusedAllocation) = (0, number) }
    defer { notes.withLock { $0.refusedAllocation = .max } }
    try body()
    return notes.withLock { $0.allocations }
  }

  /// How many requests for memory there were in the last `refusingAllocation`.
  static var allocations: Int { notes.withLock { $0.allocations } }

  /// The keys of the random numbers that were taken since the last call.
  static func takeKeys() -> Set<RandomKey> {
    notes.withLock { notes in
      defer { notes.keys = [] }
      return notes.keys
    }
  }

  /// The services of the library, which take notes of random numbers.
  static func services(concurrency: Int) -> LayerServices {
    let own = LayerServices(concurrency: concurrency, functions: HostServices.functions)
    return LayerServices(
      concurrency: concurrency,
      functions: LayerServices.Functions(
        parallelFor: { chunks, slots, body in
          if let order = notes.withLock({ $0.order }) {
            order.run(chunks, slots: slots, body)
          } else {
            HostServices.functions.parallelFor(chunks, slots, body)
          }
        },
        fillUniform: { destination, key, offset in
          note(key)
          own.fillUniform(destination, key: key, offset: offset)
        },
        fillNormal: { destination, key, offset in
          note(key)
          own.fillNormal(destination, key: key, offset: offset)
        },
        multiply: { HostServices.functions.multiply($0, $1) }))
  }
}
