/// The sizes of a pooling: input [batch, inputHeight, inputWidth, channels], output
/// [batch, outputHeight, outputWidth, channels].
///
/// Window (oh, ow) covers the rows oh · strideHeight - paddingTop + i · dilationHeight, i below
/// kernelHeight, and columns likewise. Cells outside the input are padding; what lies to the right
/// and below follows from the output size.
package struct PoolingGeometry: Hashable, Sendable {
  /// Samples.
  package var batch: Int
  /// Rows of the input.
  package var inputHeight: Int
  /// Columns of the input.
  package var inputWidth: Int
  /// Channels of both.
  package var channels: Int
  /// Rows of the output.
  package var outputHeight: Int
  /// Columns of the output.
  package var outputWidth: Int
  /// Rows of a window.
  package var kernelHeight: Int
  /// Columns of a window.
  package var kernelWidth: Int
  /// Distance between windows, in rows.
  package var strideHeight: Int
  /// Distance between windows, in columns.
  package var strideWidth: Int
  /// Rows of padding above.
  package var paddingTop: Int
  /// Columns of padding at the left.
  package var paddingLeft: Int
  /// Rows of padding below; only the mean that counts padding asks.
  package var paddingBottom: Int
  /// Columns of padding at the right; only the mean that counts padding asks.
  package var paddingRight: Int
  /// Distance between the rows of a window; 1 is none.
  package var dilationHeight: Int
  /// Distance between the columns of a window; 1 is none.
  package var dilationWidth: Int

  /// Creates a geometry from validated sizes.
  package init(
    batch: Int, inputHeight: Int, inputWidth: Int, channels: Int, outputHeight: Int,
    outputWidth: Int, kernelHeight: Int, kernelWidth: Int, strideHeight: Int, strideWidth: Int,
    paddingTop: Int = 0, paddingLeft: Int = 0, paddingBottom: Int = 0, paddingRight: Int = 0,
    dilationHeight: Int = 1, dilationWidth: Int = 1
  ) {
    self.batch = batch
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.channels = channels
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideHeight = strideHeight
    self.strideWidth = strideWidth
    self.paddingTop = paddingTop
    self.paddingLeft = paddingLeft
    self.paddingBottom = paddingBottom
    self.paddingRight = paddingRight
    self.dilationHeight = dilationHeight
    self.dilationWidth = dilationWidth
  }
}

/// Pooling of one row of windows, for all columns of the row and a block of channels.
///
/// Pointers point at the first channel of the block in the sample's first pixel; `row` is the row
/// of the output. Pixels are `geometry.channels` apart.
package protocol PoolingKernels: Sendable {
  /// The largest element of each window, and where it lies in the plane if `indices` is given.
  static func maxRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ indices: MutableFloatPointer?, _ row: Int,
    _ channels: Int, _ geometry: PoolingGeometry)
  /// Adds the gradients of a row of windows to the remembered positions.
  static func maxRowBackward(
    _ gradOutput: FloatPointer, _ indices: FloatPointer, _ gradInput: MutableFloatPointer,
    _ row: Int, _ channels: Int, _ geometry: PoolingGeometry)
  /// The largest element of each window, and which cell of the window it is; `rectifies` puts 0 in
  /// place of negative ones and 255 in place of the cells of those that are not positive.
  static func maxCellsRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ cells: UnsafeMutablePointer<UInt8>, _ row: Int,
    _ rectifies: Bool, _ geometry: PoolingGeometry)
  /// Writes a row of the input's gradient from the gradients of all windows that reach it.
  static func maxCellsRowBackward(
    _ gradOutput: FloatPointer, _ cells: UnsafePointer<UInt8>, _ gradInput: MutableFloatPointer,
    _ row: Int, _ geometry: PoolingGeometry)
  /// The mean of each window.
  static func averageRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ countIncludePad: Bool, _ geometry: PoolingGeometry)
  /// Spreads the gradients of a row of windows over their elements.
  static func averageRowBackward(
    _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ countIncludePad: Bool, _ geometry: PoolingGeometry)
}
