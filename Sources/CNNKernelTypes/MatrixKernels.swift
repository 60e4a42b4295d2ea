/// Kernels for products of a matrix with a vector.
package struct MatrixKernels: Sendable {
  /// Writes, or adds, the dot product of `x` with each row: `y[r] = Σ x[i] · rows[r][i]`.
  ///
  /// Arguments: x, rows, elements from row to row, number of rows, row length, whether to add, y.
  package var dotRows:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, Int, Int, Bool, UnsafeMutablePointer<Float>
    ) -> Void

  /// Writes, or adds, the sum of rows with the weights `x`: `y[i] = Σ x[r] · rows[r][i]`.
  ///
  /// Arguments: x, rows, elements from row to row, number of rows, row length, whether to add, y.
  package var combineRows:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, Int, Int, Bool, UnsafeMutablePointer<Float>
    ) -> Void

  package init(
    dotRows:
      @escaping @Sendable (
        UnsafePointer<Float>, UnsafePointer<Float>, Int, Int, Int, Bool, UnsafeMutablePointer<Float>
      ) -> Void,
    combineRows:
      @escaping @Sendable (
        UnsafePointer<Float>, UnsafePointer<Float>, Int, Int, Int, Bool, UnsafeMutablePointer<Float>
      ) -> Void
  ) {
    self.dotRows = dotRows
    self.combineRows = combineRows
  }
}
