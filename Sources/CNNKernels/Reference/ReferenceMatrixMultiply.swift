/// Plain loops that say what `MatrixMultiply` computes; for tests.
package enum ReferenceMatrixMultiply {
  /// Computes C = alpha · op(A) · op(B) + beta · C, summing in double precision.
  package static func multiply(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    for row in 0..<m {
      for column in 0..<n {
        var sum = 0.0
        for i in 0..<k {
          let x = transposeA ? a[i * lda + row] : a[row * lda + i]
          let y = transposeB ? b[column * ldb + i] : b[i * ldb + column]
          sum += Double(x) * Double(y)
        }
        let old = beta == 0 ? 0 : Double(beta) * Double(c[row * ldc + column])
        c[row * ldc + column] = Float(Double(alpha) * sum + old)
      }
    }
  }
}
