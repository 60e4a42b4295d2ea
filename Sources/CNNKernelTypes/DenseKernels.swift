/// Rows of a matrix that are multiplied with every sample of a block: `y[s][r] = Σ x[s][i] · w[r][i]`.
package struct DenseRows {
  /// The first row, and how many there are; rows and samples are `length` numbers, one behind the
  /// other.
  package var weight: UnsafePointer<Float>
  package var rows: Int
  package var length: Int
  package var input: UnsafePointer<Float>
  package var samples: Int
  /// The first sample's first output, and the elements from sample to sample.
  package var output: UnsafeMutablePointer<Float>
  package var outputStride: Int
  /// `DenseLimits.scratchCount(samples:)` numbers.
  package var scratch: UnsafeMutablePointer<Float>

  package init(
    weight: UnsafePointer<Float>, rows: Int, length: Int, input: UnsafePointer<Float>, samples: Int,
    output: UnsafeMutablePointer<Float>, outputStride: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    self.weight = weight
    self.rows = rows
    self.length = length
    self.input = input
    self.samples = samples
    self.output = output
    self.outputStride = outputStride
    self.scratch = scratch
  }
}

/// A block of a product of row-major matrices: `C[m, n] = A[m, k] · B[k, n]`, or that added to C.
package struct DenseProduct {
  package var m: Int
  package var n: Int
  package var k: Int
  /// The first element of each operand's block, and the elements from row to row.
  package var a: UnsafePointer<Float>
  package var aStride: Int
  package var b: UnsafePointer<Float>
  package var bStride: Int
  package var c: UnsafeMutablePointer<Float>
  package var cStride: Int
  /// Whether to add to C.
  package var adds: Bool
  /// `DenseLimits.panelCount` numbers.
  package var scratch: UnsafeMutablePointer<Float>

  package init(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>,
    bStride: Int, c: UnsafeMutablePointer<Float>, cStride: Int, adds: Bool,
    scratch: UnsafeMutablePointer<Float>
  ) {
    self.m = m
    self.n = n
    self.k = k
    self.a = a
    self.aStride = aStride
    self.b = b
    self.bStride = bStride
    self.c = c
    self.cStride = cStride
    self.adds = adds
    self.scratch = scratch
  }
}

/// The sizes of blocks in the kernels of dense layers.
package enum DenseLimits {
  /// Rows of the weight that are copied at once, so that their parts lie close together.
  package static let panelRows = 48
  /// How many numbers of each row.
  package static let panelDepth = 512
  /// The most samples of a block.
  package static let samples = 64
  /// Up to as many samples, rows are read where they are.
  package static let directSamples = 8
  /// The numbers of a copied block: 96 KB, a part of the second cache.
  package static let panelCount = panelRows * panelDepth
  /// The columns of a tile of the general product.
  package static let tileColumns = 24

  /// The scratch memory for a block of `samples` samples.
  package static func scratchCount(samples: Int) -> Int {
    if samples <= directSamples { return 128 }
    return panelCount + panelRows * 8 * ((min(samples, DenseLimits.samples) + 3) / 4 * 4)
  }
}

/// Kernels for dense layers.
package struct DenseKernels: Sendable {
  /// Multiplies rows with samples; outputs are overwritten.
  package var multiplyRows: @Sendable (borrowing DenseRows) -> Void
  /// Computes a block of a product.
  package var multiply: @Sendable (borrowing DenseProduct) -> Void

  package init(
    multiplyRows: @escaping @Sendable (borrowing DenseRows) -> Void,
    multiply: @escaping @Sendable (borrowing DenseProduct) -> Void
  ) {
    self.multiplyRows = multiplyRows
    self.multiply = multiply
  }
}
