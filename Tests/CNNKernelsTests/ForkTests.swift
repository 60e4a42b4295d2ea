import CNNKernels
import Foundation
import Testing

extension ThreadPoolTests {
  /// Swift hides `fork`; hosts that are not written in Swift use it.
  private func fork() -> pid_t {
    guard let symbol = dlsym(nil, "fork") else { return -1 }
    return unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)()
  }

  @Test func poolAndProductsWorkInAForkedChild() {
    ThreadPool.setThreadCount(4)
    defer { ThreadPool.setThreadCount(2) }
    let stop = Counter()
    let done = Counter()
    let a = testNumbers(200 * 200, seed: 1)
    let work: @Sendable () -> [Float] = {
      var c = [Float](repeating: 0, count: 200 * 200)
      MatrixMultiply.multiplyParallel(
        m: 200, n: 200, k: 200, a: a, lda: 200, b: a, ldb: 200, c: &c, ldc: 200, slots: 4)
      return c
    }
    let expected = work()
    let others = (0..<3).map { _ in
      Thread {
        while stop.value == 0 { _ = work() }
        done.add()
      }
    }
    others.forEach { $0.start() }
    for _ in 0..<20 {
      let child = fork()
      if child == 0 {
        alarm(20)
        let counter = Counter()
        ThreadPool.parallelFor(chunks: 100, slots: 4) { _, _ in counter.add() }
        _exit(counter.value == 100 && work() == expected ? 0 : 1)
      }
      var status: Int32 = -1
      waitpid(child, &status, 0)
      #expect(status == 0)
    }
    stop.add()
    while done.value < 3 { usleep(1000) }
  }
}
