import CNNKernelTypes
import COpenBLAS

/// Products of row-major float matrices.
package enum MatrixMultiply {
  typealias Input = UnsafePointer<Float>
  typealias Output = UnsafeMutablePointer<Float>

  /// Computes C = alpha · op(A) · op(B) + beta · C on the calling thread.
  ///
  /// op(A) is m by k and op(B) is k by n; a transposed operand is stored as k by m, or n by k.
  /// - Parameters:
  ///   - lda: Elements from one stored row of A to the next; likewise `ldb` and `ldc`.
  ///   - beta: 0 overwrites C, whatever it holds.
  package static func multiply(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    let product = MatrixProduct(
      transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a: a,
      lda: lda, b: b, ldb: ldb, beta: beta, c: c, ldc: ldc)
    product.compute()
  }

  /// Computes the same as `multiply` on up to `slots` threads.
  ///
  /// C is cut into blocks whose size follows from m, n and k alone, and k is never cut, so the bits
  /// of the result do not depend on the number of threads.
  package static func multiplyParallel(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
    c: UnsafeMutablePointer<Float>, ldc: Int, slots: Int
  ) {
    let product = MatrixProduct(
      transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a: a,
      lda: lda, b: b, ldb: ldb, beta: beta, c: c, ldc: ldc)
    guard m > 0, n > 0 else { return }
    let block = MatrixBlock(m: m, n: n, k: k, transposeB: transposeB)
    ThreadPool.parallelFor(chunks: block.count, slots: slots) { chunk, _ in
      let row = chunk / block.columnBlocks * block.rows
      let column = chunk % block.columnBlocks * block.columns
      product.block(
        rows: row..<min(row + block.rows, m), columns: column..<min(column + block.columns, n)
      ).compute()
    }
  }
}

/// How a product is cut for several threads: a function of its sizes.
struct MatrixBlock {
  let rows: Int
  let columns: Int
  let rowBlocks: Int
  let columnBlocks: Int
  var count: Int { rowBlocks * columnBlocks }

  /// Cuts by size: some 4 million multiplications (50 to 100 microseconds) in a block.
  ///
  /// Blocks are not thinner than 96, because OpenBLAS copies the other operand anew for each; for
  /// few rows, where reading B is the work, a block is 64 thousand elements of B, in long pieces of
  /// its rows. There are at most 64 blocks.
  init(m: Int, n: Int, k: Int, transposeB: Bool) {
    let elements = Double(n) * Double(max(k, 1))
    let few = m <= 8
    let wanted = few ? elements / 0x1p16 : elements * Double(m) / 0x1p22
    let blocks = Int(min(max(wanted, 1), 64))
    let byRows = !few && m >= n
    let size = byRows ? m : n
    let grain = max((size / blocks + 15) & ~15, few ? (transposeB ? 16 : 512) : 96)
    rows = byRows ? min(grain, m) : m
    columns = byRows ? n : min(grain, n)
    rowBlocks = ThreadPool.chunkCount(of: m, grain: rows)
    columnBlocks = ThreadPool.chunkCount(of: n, grain: columns)
  }
}

/// A product and its operands.
struct MatrixProduct {
  let transposeA: Bool
  let transposeB: Bool
  var m: Int
  var n: Int
  var k: Int
  let alpha: Float
  var a: UnsafePointer<Float>
  let lda: Int
  var b: UnsafePointer<Float>
  let ldb: Int
  var beta: Float
  var c: UnsafeMutablePointer<Float>
  let ldc: Int

  /// The largest size that one call of OpenBLAS takes; a multiple of every block in it.
  private static let largest = 1 << 30

  /// Returns the product that computes a part of C.
  func block(rows: Range<Int>, columns: Range<Int>) -> MatrixProduct {
    var part = self
    part.m = rows.count
    part.n = columns.count
    part.a += transposeA ? rows.lowerBound : rows.lowerBound * lda
    part.b += transposeB ? columns.lowerBound * ldb : columns.lowerBound
    part.c += rows.lowerBound * ldc + columns.lowerBound
    return part
  }

  func compute() {
    guard m > 0, n > 0 else { return }
    guard k > 0 else { return scaleOutput() }
    let largest = MatrixProduct.largest
    if m == 1, !transposeA || lda == 1, alpha == 1, beta == 0 || beta == 1 {
      return computeRow()
    }
    if max(m, n, k) <= largest, max(lda, ldb, ldc) <= largest { return callOpenBLAS() }
    if max(lda, ldb, ldc) > largest { return computeByLoops() }
    var row = 0
    while row < m {
      var column = 0
      while column < n {
        var part = block(
          rows: row..<min(row + largest, m), columns: column..<min(column + largest, n))
        part.computeInDepth()
        column += largest
      }
      row += largest
    }
  }

  /// Adds up products over parts of k that OpenBLAS takes.
  private mutating func computeInDepth() {
    var left = k
    while left > 0 {
      k = min(left, MatrixProduct.largest)
      callOpenBLAS()
      beta = 1
      a += transposeA ? k * lda : k
      b += transposeB ? k : k * ldb
      left -= k
    }
  }

  /// One row of output: a product of a matrix with a vector, where OpenBLAS would copy the matrix.
  private func computeRow() {
    let kernels = Kernels.active.matrix
    if transposeB {
      kernels.dotRows(a, b, ldb, n, k, beta == 1, c)
    } else {
      kernels.combineRows(a, b, ldb, k, n, beta == 1, c)
    }
  }

  private func callOpenBLAS() {
    OpenBLAS.call {
      cblas_sgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
        transposeB ? CblasTrans : CblasNoTrans, Int32(truncatingIfNeeded: m),
        Int32(truncatingIfNeeded: n), Int32(truncatingIfNeeded: k), alpha, a,
        Int32(truncatingIfNeeded: max(lda, transposeA ? m : k)), b,
        Int32(truncatingIfNeeded: max(ldb, transposeB ? k : n)), beta, c,
        Int32(truncatingIfNeeded: max(ldc, n)))
    }
  }

  private func scaleOutput() {
    var row = 0
    while row < m {
      var column = 0
      while column < n {
        c[row * ldc + column] = beta == 0 ? 0 : beta * c[row * ldc + column]
        column += 1
      }
      row += 1
    }
  }

  /// For rows that lie so far apart in memory that OpenBLAS cannot be told.
  private func computeByLoops() {
    var row = 0
    while row < m {
      var column = 0
      while column < n {
        var sum: Float = 0
        var i = 0
        while i < k {
          let x = transposeA ? a[i * lda + row] : a[row * lda + i]
          sum += x * (transposeB ? b[column * ldb + i] : b[i * ldb + column])
          i += 1
        }
        let old = beta == 0 ? 0 : beta * c[row * ldc + column]
        c[row * ldc + column] = alpha * sum + old
        column += 1
      }
      row += 1
    }
  }
}
