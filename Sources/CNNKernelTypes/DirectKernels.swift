/// Where a direct convolution finds its numbers: a block of output lines of one group.
///
/// All strides are in floats.
package struct DirectBlock {
  /// The first window's first number, in an image in which no window leaves the memory.
  package var image: UnsafePointer<Float>
  /// From the window of an output pixel to that of its right, and of its lower neighbour.
  package var pixelStride: Int
  package var lineStride: Int
  /// Output pixels of a line, and lines.
  package var width: Int
  package var lines: Int
  /// The contiguous pieces of a window: where they begin, how many, and how long each is.
  package var runs: UnsafePointer<Int>
  package var runCount: Int
  package var runLength: Int
  /// The weights of 16 output channels, `[runCount · runLength, 16]`.
  package var panel: UnsafePointer<Float>
  /// The first output number, the elements from pixel to pixel and from line to line, and how many
  /// of the 16 to write.
  package var output: UnsafeMutablePointer<Float>
  package var outputStride: Int
  package var outputLineStride: Int
  package var columns: Int
  /// What is written for a sum: `activation(sum · scale + shift + addend)`.
  ///
  /// `slope` is the activation's factor of negative numbers, and nil stands for ones and zeros.
  /// Addends lie as outputs do, and may be the memory of the outputs.
  package var scale: UnsafePointer<Float>?
  package var shift: UnsafePointer<Float>?
  package var addend: UnsafePointer<Float>?
  package var slope: Float

  /// - Parameter outputLineStride: Nil where output lines lie behind each other.
  package init(
    image: UnsafePointer<Float>, pixelStride: Int, lineStride: Int, width: Int, lines: Int,
    runs: UnsafePointer<Int>, runCount: Int, runLength: Int, panel: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, outputStride: Int, outputLineStride: Int? = nil,
    columns: Int, scale: UnsafePointer<Float>? = nil, shift: UnsafePointer<Float>? = nil,
    addend: UnsafePointer<Float>? = nil, slope: Float = 1
  ) {
    self.image = image
    self.pixelStride = pixelStride
    self.lineStride = lineStride
    self.width = width
    self.lines = lines
    self.runs = runs
    self.runCount = runCount
    self.runLength = runLength
    self.panel = panel
    self.output = output
    self.outputStride = outputStride
    self.outputLineStride = outputLineStride ?? width * outputStride
    self.columns = columns
    self.scale = scale
    self.shift = shift
    self.addend = addend
    self.slope = slope
  }
}

/// Kernels for convolution straight from the image.
package struct DirectKernels: Sendable {
  /// Computes the block's 16 output channels; outputs are overwritten.
  package var multiplyPanel: @Sendable (borrowing DirectBlock) -> Void
  /// Packs rows, up to 16, beside each other: `target[i · 16 + row] = rows[row · stride + i]`, and
  /// zeros for the rows that are missing.
  ///
  /// Arguments: rows, stride, number of rows, row length, target.
  package var packRows:
    @Sendable (UnsafePointer<Float>, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// The kernels of the weight's gradient.
  package var gradient: DirectGradientKernels
  /// Whether the variant has the registers and instructions that make this worth while.
  package var isFast: Bool

  package init(
    isFast: Bool, multiplyPanel: @escaping @Sendable (borrowing DirectBlock) -> Void,
    packRows:
      @escaping @Sendable (UnsafePointer<Float>, Int, Int, Int, UnsafeMutablePointer<Float>) ->
      Void,
    gradient: DirectGradientKernels
  ) {
    self.packRows = packRows
    self.isFast = isFast
    self.multiplyPanel = multiplyPanel
    self.gradient = gradient
  }
}
