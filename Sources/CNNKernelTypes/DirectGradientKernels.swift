/// Where the gradient of a weight finds its numbers: positions of the output, with 16 channels.
package struct DirectGradientBlock {
  /// The image, and where in it the elements of the first position's window lie.
  package var image: UnsafePointer<Float>
  package var elements: UnsafePointer<Int>
  package var elementCount: Int
  /// How far the windows of all positions lie from the first's.
  package var positions: UnsafePointer<Int>
  package var positionCount: Int
  /// The output's gradient, `[positionCount, 16]`.
  package var gradient: UnsafePointer<Float>
  /// What is added to, `[elementCount, 16]`.
  package var sums: UnsafeMutablePointer<Float>

  package init(
    image: UnsafePointer<Float>, elements: UnsafePointer<Int>, elementCount: Int,
    positions: UnsafePointer<Int>, positionCount: Int, gradient: UnsafePointer<Float>,
    sums: UnsafeMutablePointer<Float>
  ) {
    self.image = image
    self.elements = elements
    self.elementCount = elementCount
    self.positions = positions
    self.positionCount = positionCount
    self.gradient = gradient
    self.sums = sums
  }
}

/// Kernels for the gradient of a convolution's weight.
package struct DirectGradientKernels: Sendable {
  /// Copies up to 16 channels beside each other, zeros for those that are missing, and adds their
  /// sums to 16 numbers.
  ///
  /// Arguments: source, stride, number of channels, positions, target, sums.
  package typealias Pack =
    @Sendable (
      UnsafePointer<Float>, Int, Int, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>
    ) -> Void
  /// Adds packed sums to up to 16 rows: `rows[row · stride + i] += sums[i · 16 + row]`.
  ///
  /// Arguments: sums, rows, stride, number of rows, row length.
  package typealias Unpack =
    @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Int, Int) -> Void

  /// Adds the products of each element, over all positions, with the gradient's 16 channels.
  package var addPanel: @Sendable (borrowing DirectGradientBlock) -> Void
  package var pack: Pack
  package var unpack: Unpack

  package init(
    addPanel: @escaping @Sendable (borrowing DirectGradientBlock) -> Void, pack: @escaping Pack,
    unpack: @escaping Unpack
  ) {
    self.addPanel = addPanel
    self.pack = pack
    self.unpack = unpack
  }
}
