import CNNKernels
import CNNLayerKit

/// Makes one vector of an image, for the linear layers that follow.
///
/// With `order` `"chw"`, the default, the vector of an image `[H, W, C]` holds all of channel 0, row
/// by row, then all of channel 1: `y[(c·H + h)·W + w] = x[h, w, c]`, which is what PyTorch's flatten
/// gives, so the weights of a linear layer behind it mean the same there. `"hwc"` takes the numbers
/// as they lie in memory and costs nothing. Samples that are not images are taken as they lie.
/// Gradient: the same numbers back in their places.
struct Flatten: Layer {
  let outputs: [OutputDeclaration]
  private let pixels: Int
  private let channels: Int

  static let type = LayerType(
    "flatten", summary: "One vector per sample, channel by channel as in PyTorch.",
    attributes: [
      AttributeSpecification(
        "order", .choice(["chw", "hwc"]), default: "chw",
        "Whether an image's channels come one after the other, or its pixels.")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try Flatten(input: inputs[0], channelFirst: try attributes.string("order") == "chw")
  }

  init(input: Shape, channelFirst: Bool) throws(CNNError) {
    outputs = [OutputDeclaration(shape: try Shape([input.count]))]
    channels = channelFirst ? input.image?.channels ?? 1 : 1
    pixels = input.count / channels
  }

  /// Whether the order in memory is the order of the vector.
  private var isCopy: Bool { pixels == 1 || channels == 1 }

  var backwardReads: BackwardReads { [] }
  var supportsInPlace: Bool { isCopy }
  var isIdentityInInference: Bool { isCopy }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    move(x, to: y, rows: pixels, columns: channels, call.batch, call.services)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    move(gradOutput, to: gradInput, rows: channels, columns: pixels, call.batch, call.services)
  }

  private func move(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, rows: Int,
    columns: Int, _ batch: Int, _ services: LayerServices
  ) {
    let slots = services.concurrency
    if isCopy {
      Elementwise.copy(source, target, count: batch * rows * columns, slots: slots)
    } else {
      Transpose.forward(
        source, target, batch: batch, rows: rows, columns: columns, slots: slots)
    }
  }
}
