import CNNKernels
import Foundation
import Synchronization
import Testing

@Suite(.serialized) struct ThreadPoolTests {
  @Test(arguments: [(0, 3), (1, 1), (2, 8), (7, 3), (1000, 64), (5, 0), (-4, 2)])
  func everyChunkRunsOnce(chunks: Int, slots: Int) {
    let counts = (0..<1000).map { _ in Counter() }
    let total = Atomic<Int>(0)
    ThreadPool.parallelFor(chunks: chunks, slots: slots) { chunk, _ in
      counts[chunk].add()
      total.add(1, ordering: .relaxed)
    }
    #expect(total.load(ordering: .relaxed) == max(chunks, 0))
    for chunk in 0..<max(chunks, 0) { #expect(counts[chunk].value == 1) }
  }

  @Test func noSlotIsUsedTwiceAtATime() {
    ThreadPool.setThreadCount(8)
    defer { ThreadPool.setThreadCount(2) }
    let busy = (0..<5).map { _ in Counter() }
    let clashes = Counter()
    ThreadPool.parallelFor(chunks: 2000, slots: 5) { _, slot in
      if busy[slot].add() != 1 { clashes.add() }
      for _ in 0..<200 { _ = busy[slot].value }
      busy[slot].subtract()
    }
    #expect(clashes.value == 0)
  }

  @Test func sixtyFourCallersNestAndTheThreadCountChanges() {
    let total = Counter()
    let threads = (0..<64).map { caller in
      Thread {
        for turn in 0..<20 {
          ThreadPool.setThreadCount((caller + turn) % 9)
          ThreadPool.parallelFor(chunks: 7, slots: 4) { _, _ in
            ThreadPool.parallelFor(chunks: 5, slots: 3) { _, _ in total.add() }
          }
        }
        total.add()
      }
    }
    threads.forEach { $0.start() }
    while total.value < 64 * (20 * 35 + 1) { usleep(1000) }
    ThreadPool.setThreadCount(2)
    #expect(total.value == 64 * (20 * 35 + 1))
  }

  @Test(arguments: [(-3, 1), (0, 1), (1, 1), (64, 64), (65, 64), (Int.max, 64)])
  func theThreadCountIsBroughtIntoItsRange(wanted: Int, expected: Int) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    ThreadPool.setThreadCount(wanted)
    #expect(ThreadPool.threadCount == expected)
  }

  @Test(arguments: [(0, 4, 0), (-1, 4, 0), (1, 4, 1), (4, 4, 1), (5, 4, 2), (5, 0, 5)])
  func chunkCountRoundsUp(count: Int, grain: Int, expected: Int) {
    #expect(ThreadPool.chunkCount(of: count, grain: grain) == expected)
    #expect(ThreadPool.chunkCount(of: .max, grain: .max) == 1)
  }

  @Test func rangesCoverEverythingOnce() {
    let counts = (0..<103).map { _ in Counter() }
    ThreadPool.parallelRanges(count: 103, grain: 10, slots: 4) { range, _ in
      #expect(range.lowerBound % 10 == 0 && range.count <= 10)
      for index in range { counts[index].add() }
    }
    #expect(counts.allSatisfy { $0.value == 1 })
  }
}

/// A number that threads may change at once.
final class Counter: Sendable {
  private let number = Atomic<Int>(0)
  var value: Int { number.load(ordering: .acquiring) }
  @discardableResult func add() -> Int {
    number.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
  }
  func subtract() { number.wrappingSubtract(1, ordering: .acquiringAndReleasing) }
}
