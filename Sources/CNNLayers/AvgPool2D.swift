import CNNKernels
import CNNLayerKit

/// The mean of each window.
///
/// Forward, channel by channel: `y[oh, ow] = Σ x[oh·s + kh - p, ow·s + kw - p] / n` over the window.
/// With `count_include_pad`, the default as in PyTorch, n counts padding as zeros; without it only
/// elements of the input are counted.
///
/// Output size: `OH = (H + p_top + p_bottom - KH) / s + 1`, rounded down. The stride is the window's
/// size unless given, and no window may hold padding only.
///
/// Gradient: `dx += dy / n` for each window that an element lies in; nothing of the forward pass is
/// read.
struct AvgPool2D: Layer {
  let outputs: [OutputDeclaration]
  private let geometry: PoolingGeometry
  private let countIncludePad: Bool

  static let type = LayerType(
    "avg_pool2d", summary: "The mean of each window.",
    attributes: [
      PoolingRules.kernelSize, PoolingRules.stride, PoolingRules.padding,
      AttributeSpecification(
        "count_include_pad", .boolean, default: true,
        "Whether the mean counts padding as zeros."),
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try AvgPool2D(input: inputs[0], attributes: attributes)
  }

  init(input: Shape, attributes: Attributes) throws(CNNError) {
    let image = try ShapeRules.image(input, for: "avg_pool2d")
    let window = try PoolingRules.window(
      attributes, image: image, dilation: (1, 1), for: "avg_pool2d")
    geometry = PoolingGeometry(window: window, channels: image.channels)
    countIncludePad = try attributes.boolean("count_include_pad")
    outputs = [
      OutputDeclaration(
        shape: try Shape([window.vertical.output, window.horizontal.output, image.channels]))
    ]
  }

  var backwardReads: BackwardReads { [] }
  var operationCount: Int {
    ShapeRules.operations(outputs[0].shape.count, geometry.kernelHeight, geometry.kernelWidth)
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    Pooling.averageForward(
      try call.inputs.required(0, "input"), try call.outputs.required(0, "output"),
      countIncludePad: countIncludePad, geometry: geometry.samples(call.batch),
      slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    Pooling.averageBackward(
      gradOutput: try call.outputGradients.required(0, "output gradient"), gradInput: gradInput,
      countIncludePad: countIncludePad, geometry: geometry.samples(call.batch),
      slots: call.services.concurrency)
  }
}
