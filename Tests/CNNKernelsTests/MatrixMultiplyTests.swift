import CNNKernels
import Testing

@Suite struct MatrixMultiplyTests {
  static let sizes = [
    (1, 1, 1), (1, 17, 5), (1, 100, 300), (3, 1, 7), (5, 33, 2), (13, 13, 13), (64, 17, 100),
    (1, 40, 16), (4, 3000, 40), (200, 100, 300), (100, 500, 300), (2, 5, 0), (1, 5, 0), (0, 3, 3),
  ]

  @Test(arguments: sizes, [(false, false), (false, true), (true, false), (true, true)])
  func matchesReference(size: (Int, Int, Int), transposed: (Bool, Bool)) {
    let (m, n, k) = size
    let lda = (transposed.0 ? m : k) + 3
    let ldb = (transposed.1 ? k : n) + 1
    let ldc = n + 2
    let a = testNumbers(lda * max(transposed.0 ? k : m, 1), seed: 1)
    let b = testNumbers(ldb * max(transposed.1 ? n : k, 1), seed: 2)
    for (alpha, beta) in [(Float(1), Float(0)), (1, 1), (0.5, -2)] {
      let start = testNumbers(ldc * max(m, 1), seed: 3)
      var expected = start
      ReferenceMatrixMultiply.multiply(
        transposeA: transposed.0, transposeB: transposed.1, m: m, n: n, k: k, alpha: alpha, a: a,
        lda: lda, b: b, ldb: ldb, beta: beta, c: &expected, ldc: ldc)
      var single = start
      if beta == 0 {
        for row in 0..<m { for column in 0..<n { single[row * ldc + column] = .nan } }
      }
      var parallel = single
      MatrixMultiply.multiply(
        transposeA: transposed.0, transposeB: transposed.1, m: m, n: n, k: k, alpha: alpha, a: a,
        lda: lda, b: b, ldb: ldb, beta: beta, c: &single, ldc: ldc)
      MatrixMultiply.multiplyParallel(
        transposeA: transposed.0, transposeB: transposed.1, m: m, n: n, k: k, alpha: alpha, a: a,
        lda: lda, b: b, ldb: ldb, beta: beta, c: &parallel, ldc: ldc, slots: 3)
      #expect(relativeError(single, expected) < 1e-6)
      #expect(relativeError(parallel, expected) < 1e-6)
    }
  }
}
