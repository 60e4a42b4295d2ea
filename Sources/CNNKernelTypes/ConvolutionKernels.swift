/// Kernels for copying windows, depthwise convolution, bias and activation.
package struct ConvolutionKernels: Sendable {
  /// Replaces each number by `activation(x · scale[c] + shift[c])` with its column c.
  ///
  /// Arguments: block, rows, columns, elements from row to row, scale, shift, factor of negatives.
  package typealias ScaleShiftActivate =
    @Sendable (
      UnsafeMutablePointer<Float>, Int, Int, Int, UnsafePointer<Float>?, UnsafePointer<Float>?,
      Float
    ) -> Void
  /// Adds the sum of each column to `sums`.
  ///
  /// Arguments: block, rows, columns, elements from row to row, sums.
  package typealias AddColumnSums =
    @Sendable (UnsafePointer<Float>, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// Adds `x` to `y`.
  ///
  /// Arguments: x, y, count.
  package typealias Add = @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void

  package var scaleShiftActivate: ScaleShiftActivate
  package var addColumnSums: AddColumnSums
  package var add: Add

  package init(
    scaleShiftActivate: @escaping ScaleShiftActivate, addColumnSums: @escaping AddColumnSums,
    add: @escaping Add
  ) {
    self.scaleShiftActivate = scaleShiftActivate
    self.addColumnSums = addColumnSums
    self.add = add
  }
}
