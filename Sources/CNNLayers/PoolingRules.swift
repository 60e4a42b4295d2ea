import CNNKernels
import CNNLayerKit

/// What the poolings share: attributes, the check of the padding, and the kernel's geometry.
enum PoolingRules {
  static let kernelSize = AttributeSpecification(
    "kernel_size", .pair(ShapeRules.sizes), "The size of the window.")
  static let stride = AttributeSpecification(
    "stride", .pair(ShapeRules.sizes), default: .null,
    "The distance between windows; the size of the window if left out.")
  static let padding = AttributeSpecification(
    "padding", .padding, default: 0, "How many rows and columns lie around the plane.")

  /// The largest position in a plane that a 32-bit number holds exactly.
  static let positionLimit = 1 << 24

  /// Places the window of `attributes`, and makes sure that each position has an element of the
  /// input in it.
  static func window(
    _ attributes: Attributes, image: (height: Int, width: Int, channels: Int),
    dilation: (vertical: Int, horizontal: Int), for type: String
  ) throws(CNNError) -> Window2D {
    let kernel = try attributes.pair("kernel_size")
    let stride = attributes.has("stride") ? try attributes.pair("stride") : kernel
    let window = try Window2D(
      height: image.height, width: image.width, kernel: kernel, stride: stride, dilation: dilation,
      padding: try attributes.padding("padding"))
    for (name, axis) in [("height", window.vertical), ("width", window.horizontal)] {
      // Attributes are at most 2^31, so nothing here leaves 64 bits.
      let span = axis.dilation * (axis.kernel - 1) + 1
      let lastStart = (axis.output - 1) * axis.stride - axis.padBefore
      let isPadded = axis.padBefore > 0 || axis.padAfter > 0
      guard axis.padBefore < span, lastStart < axis.input,
        !isPadded || axis.kernel == 1 || axis.dilation <= axis.input
      else {
        throw .shapeMismatch(
          "\(type): with padding \(axis.padBefore) and \(axis.padAfter), kernel_size \(axis.kernel) "
            + "and dilation \(axis.dilation) a window over the \(name) of \(axis.input) would hold "
            + "padding only; use less padding")
      }
    }
    try checkWork(window, image.channels, for: type)
    return window
  }

  /// Throws `outOfMemory` if the number of elements in all windows cannot be counted.
  private static func checkWork(
    _ window: Window2D, _ channels: Int, for type: String
  ) throws(CNNError) {
    let (rows, columns) = (window.vertical, window.horizontal)
    let work = checkedProduct([rows.output, columns.output, rows.kernel, columns.kernel, channels])
    guard work != nil else {
      throw CNNError(
        .outOfMemory,
        "\(type): \(rows.output) x \(columns.output) windows of \(rows.kernel) x "
          + "\(columns.kernel) are more work than can be counted; use smaller sizes")
    }
  }
}

extension PoolingGeometry {
  /// Describes a pooling of one shape of sample; the batch is set for each call.
  init(window: Window2D, channels: Int) {
    let (rows, columns) = (window.vertical, window.horizontal)
    self.init(
      batch: 1, inputHeight: rows.input, inputWidth: columns.input, channels: channels,
      outputHeight: rows.output, outputWidth: columns.output, kernelHeight: rows.kernel,
      kernelWidth: columns.kernel, strideHeight: rows.stride, strideWidth: columns.stride,
      paddingTop: rows.padBefore, paddingLeft: columns.padBefore, paddingBottom: rows.padAfter,
      paddingRight: columns.padAfter, dilationHeight: rows.dilation,
      dilationWidth: columns.dilation)
  }

  /// The same pooling of `count` samples.
  func samples(_ count: Int) -> PoolingGeometry {
    var geometry = self
    geometry.batch = count
    return geometry
  }
}
