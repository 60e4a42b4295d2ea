import CNNKernels
import CNNLayerKit

/// The mean of each channel's whole plane.
///
/// Forward: `y[c] = Σ x[h, w, c] / (H·W)` for x `[H, W, C]` and y `[C]`, or `[1, 1, C]` with
/// `keep_dims`. Gradient: `dx[h, w, c] = dy[c] / (H·W)`; nothing of the forward pass is read.
/// (Lin, Chen and Yan 2013, "Network in network".)
struct GlobalAvgPool2D: Layer {
  let outputs: [OutputDeclaration]
  private let pixels: Int
  private let channels: Int

  static let type = LayerType(
    "global_avg_pool2d", summary: "The mean of each channel's whole plane.",
    attributes: [
      AttributeSpecification(
        "keep_dims", .boolean, default: false,
        "Whether the output is an image [1, 1, channels] instead of [channels].")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try GlobalAvgPool2D(input: inputs[0], keepDims: try attributes.boolean("keep_dims"))
  }

  init(input: Shape, keepDims: Bool) throws(CNNError) {
    let image = try ShapeRules.image(input, for: "global_avg_pool2d")
    channels = image.channels
    pixels = input.count / image.channels
    outputs = [OutputDeclaration(shape: try Shape(keepDims ? [1, 1, channels] : [channels]))]
  }

  var backwardReads: BackwardReads { [] }
  var operationCount: Int { ShapeRules.operations(pixels, channels) }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    GlobalAveragePooling.forward(
      try call.inputs.required(0, "input"), try call.outputs.required(0, "output"),
      batch: call.batch, pixels: pixels, channels: channels, slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    GlobalAveragePooling.backward(
      gradOutput: try call.outputGradients.required(0, "output gradient"), gradInput: gradInput,
      batch: call.batch, pixels: pixels, channels: channels, slots: call.services.concurrency)
  }
}
