/// Kernels for depthwise convolution, where channels do not mix.
package struct DepthwiseKernels: Sendable {
  /// Writes `target[c · targetStep] = Σ sources[i][c · sourceStep] · weights[i][c]` for one pixel.
  ///
  /// Arguments: sources, where each begins, weights, where each begins, number of terms, channels,
  /// source step, target, target step.
  package typealias CombinePixels =
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Int>, UnsafePointer<Float>, UnsafePointer<Int>, Int, Int,
      Int, UnsafeMutablePointer<Float>, Int
    ) -> Void
  /// Adds `Σ x[p · xStride + c] · y[p · yStride + c · yStep]` over pixels p to `sums[c]`.
  ///
  /// Arguments: x, xStride, y, yStride, yStep, pixels, channels, sums.
  package typealias AddPixelProducts =
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, Int, Int, Int,
      UnsafeMutablePointer<Float>
    ) -> Void

  package var combinePixels: CombinePixels
  package var addPixelProducts: AddPixelProducts

  package init(
    combinePixels: @escaping CombinePixels, addPixelProducts: @escaping AddPixelProducts
  ) {
    self.combinePixels = combinePixels
    self.addPixelProducts = addPixelProducts
  }
}
