import CNNKernels
import CNNLayerKit

/// The largest element of each window.
///
/// Forward, channel by channel: `y[oh, ow] = max x[oh·s + kh·d - p, ow·s + kw·d - p]` over the
/// window; padding never wins. A NaN in a window is its largest element.
///
/// Output size: `OH = (H + p_top + p_bottom - d·(KH - 1) - 1) / s + 1`, rounded down. The stride is
/// the window's size unless given, and no window may hold padding only.
///
/// With `return_indices` a second output, `indices`, tells where in the plane each element was
/// found: `h·W + w`, a whole number. `max_unpool2d` takes it; no gradient flows through it.
///
/// Gradient: each dy goes to the place its element came from, which forward keeps, in a byte for
/// windows of up to 255 cells; of equal elements that is the first. Neither inputs nor outputs are
/// read. In training it absorbs a rectifier in front of it.
struct MaxPool2D: InputRectifying {
  let outputs: [OutputDeclaration]
  private let geometry: PoolingGeometry
  private let returnsIndices: Bool
  /// Whether a rectifier was absorbed.
  private var rectifies = false

  static let type = LayerType(
    "max_pool2d", summary: "The largest element of each window, and where it was.",
    attributes: [
      PoolingRules.kernelSize, PoolingRules.stride, PoolingRules.padding,
      AttributeSpecification(
        "dilation", .pair(ShapeRules.sizes), default: 1,
        "The distance between the elements of a window; 1 means none are left out."),
      AttributeSpecification(
        "return_indices", .boolean, default: false,
        "Whether there is a second output, indices, with the place of each element."),
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try MaxPool2D(input: inputs[0], attributes: attributes)
  }

  init(input: Shape, attributes: Attributes) throws(CNNError) {
    let image = try ShapeRules.image(input, for: "max_pool2d")
    let window = try PoolingRules.window(
      attributes, image: image, dilation: try attributes.pair("dilation"), for: "max_pool2d")
    geometry = PoolingGeometry(window: window, channels: image.channels)
    returnsIndices = try attributes.boolean("return_indices")
    let shape = try Shape([window.vertical.output, window.horizontal.output, image.channels])
    let indices = OutputDeclaration("indices", shape: shape, isDifferentiable: false)
    outputs = [OutputDeclaration(shape: shape)] + (returnsIndices ? [indices] : [])
    if returnsIndices { try checkPositions() }
  }

  /// Whether training keeps a byte for each output, and not a position.
  private var isCompact: Bool { !returnsIndices && CompactMaxPooling.fits(geometry) }

  /// The largest of rectified numbers is the rectified largest number.
  func rectifyingInput() -> (any Layer)? {
    guard isCompact else { return nil }
    var layer = self
    layer.rectifies = true
    return layer
  }

  /// Throws `unsupported` if positions would not be exact.
  private func checkPositions() throws(CNNError) {
    let (height, width) = (geometry.inputHeight, geometry.inputWidth)
    guard let plane = checkedProduct([height, width]), plane <= PoolingRules.positionLimit else {
      throw CNNError(
        .unsupported,
        "max_pool2d remembers positions as 32-bit numbers, which are exact up to "
          + "\(PoolingRules.positionLimit); the plane of \(height) x \(width) is larger")
    }
  }

  var backwardReads: BackwardReads { [] }
  var operationCount: Int {
    ShapeRules.operations(outputs[0].shape.count, geometry.kernelHeight, geometry.kernelWidth)
  }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    guard mode == .training else { return Workspace() }
    let count = try elementCount(batch, outputs[0].shape.count, of: "max_pool2d: the positions")
    if isCompact { return Workspace(cache: CompactMaxPooling.cacheCount(count)) }
    try checkPositions()
    return Workspace(cache: count)
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    let slots = call.services.concurrency
    if call.mode == .training, isCompact {
      return CompactMaxPooling.forward(
        x, y, cells: try call.cache.required("cache"), rectifies: rectifies,
        geometry: geometry.samples(call.batch), slots: slots)
    }
    let indices = returnsIndices ? call.outputs.pointer(1) : nil
    let kept = call.mode == .training ? try call.cache.required("cache") : indices
    Pooling.maxForward(
      x, y, indices: kept, geometry: geometry.samples(call.batch), slots: slots)
    if let kept, let indices, kept != indices {
      Elementwise.copy(
        kept, indices, count: call.batch * outputs[0].shape.count, slots: slots)
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    if isCompact {
      return CompactMaxPooling.backward(
        gradOutput: gradOutput, cells: try call.cache.required("cache"), gradInput: gradInput,
        geometry: geometry.samples(call.batch), slots: call.services.concurrency)
    }
    Pooling.maxBackward(
      gradOutput: gradOutput,
      indices: try call.cache.required("cache"), gradInput: gradInput,
      geometry: geometry.samples(call.batch), slots: call.services.concurrency)
  }
}
