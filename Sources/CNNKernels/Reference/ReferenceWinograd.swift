/// The matrices of Winograd's minimal filtering, from their definition; for tests.
///
/// The Cook-Toom construction: polynomials are evaluated at points, infinity among them, multiplied
/// there, and interpolated; transposition turns that product into a correlation. With A, B and G the
/// correlation of a tile d with a kernel g is `Aᵀ ((G g) ⊙ (Bᵀ d))`.
package struct ReferenceWinograd {
  /// `points` x `pixels`.
  package let a: [[Double]]
  /// `points` x `points`: the rows of Bᵀ.
  package let transposedB: [[Double]]
  /// `points` x `kernelSize`.
  package let g: [[Double]]

  /// - Parameter points: The side of a tile, 6, 8 or 10.
  package init(points: Int, kernelSize: Int) {
    let all: [Double] = [0, 1, -1, 2, -2, 0.5, -0.5, 0.75, -0.75]
    // Sums and products of small powers of two, and of three quarters, are exact.
    let finite = all.prefix(points - 1)
    func powers(_ count: Int) -> [[Double]] {
      let atInfinity = (0..<count).map { $0 == count - 1 ? 1.0 : 0 }
      return finite.map { p in
        (0..<count).reduce(into: []) { $0.append(($1 == 0 ? 1 : $0[$1 - 1] * p)) }
      }
        + [atInfinity]
    }
    func others(_ index: Int) -> [Double] {
      finite.indices.filter { $0 != index }.map { finite[$0] }
    }
    a = powers(points - kernelSize + 1)
    g = zip(powers(kernelSize), 0...).map { row, index in
      guard index < finite.count else { return row }
      let distance = others(index).reduce(1) { $0 * (finite[index] - $1) }
      return row.map { $0 / distance }
    }
    transposedB = (0..<points).map { index in
      // The coefficients of the polynomial that is zero at all other points.
      let roots = index < finite.count ? others(index) : Array(finite)
      let coefficients = roots.reduce([1.0]) { polynomial, root in
        zip([0] + polynomial, polynomial + [0]).map { $0 - root * $1 }
      }
      return coefficients + [Double](repeating: 0, count: points - coefficients.count)
    }
  }

  /// Returns left · matrix · leftᵀ, for a square matrix of numbers in row order.
  package static func transform(_ left: [[Double]], _ matrix: [Float]) -> [Double] {
    let side = left.first?.count ?? 0
    return left.flatMap { row in
      left.map { column in
        var sum = 0.0
        for i in 0..<side {
          for j in 0..<side { sum += row[i] * Double(matrix[i * side + j]) * column[j] }
        }
        return sum
      }
    }
  }

  /// Returns the matrix with rows and columns exchanged.
  package static func transposed(_ matrix: [[Double]]) -> [[Double]] {
    guard let first = matrix.first else { return [] }
    return first.indices.map { column in matrix.map { $0[column] } }
  }
}
