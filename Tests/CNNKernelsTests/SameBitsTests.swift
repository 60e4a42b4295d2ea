import CNNKernels
import Testing

// In the suite of the pool, because the number of threads belongs to the process.
extension ThreadPoolTests {
  @Test(arguments: ConvolutionCase.all)
  func convolutionHasTheSameBitsForAnyNumberOfThreads(test: ConvolutionCase) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    for algorithm in test.algorithms {
      ThreadPool.setThreadCount(1)
      let expected = ConvolutionTests.everything(test, algorithm, slots: 1)
      for threads in [2, 3, 8] {
        ThreadPool.setThreadCount(threads)
        #expect(ConvolutionTests.everything(test, algorithm, slots: threads) == expected)
      }
    }
  }

  @Test(arguments: [(200, 700, 900), (1, 5000, 300), (900, 40, 800), (3, 3000, 200)])
  func productsHaveTheSameBitsForAnyNumberOfThreads(m: Int, n: Int, k: Int) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    let a = testNumbers(m * k, seed: 1)
    let b = testNumbers(k * n, seed: 2)
    var results: [[Float]] = []
    for threads in [1, 2, 3, 8] {
      ThreadPool.setThreadCount(threads)
      var c = [Float](repeating: .nan, count: m * n)
      MatrixMultiply.multiplyParallel(
        transposeB: true, m: m, n: n, k: k, a: a, lda: k, b: b, ldb: k, c: &c, ldc: n,
        slots: threads)
      results.append(c)
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
