import CNNKernels
import CNNLayerKit

/// Adds rows and columns around an image.
///
/// `constant` fills them with `value`; `reflect` mirrors the image at its outermost rows and columns
/// without repeating them (so padding must be less than the size); `replicate` repeats the outermost
/// ones. Output size: `H + top + bottom`. Gradient: dy of each added element goes to the element it
/// was copied from; nothing of the forward pass is read.
struct Pad2D: Layer {
  let outputs: [OutputDeclaration]
  private let input: (height: Int, width: Int, channels: Int)
  private let sides: (top: Int, bottom: Int, left: Int, right: Int)
  private let mode: PaddingMode

  static let type = LayerType(
    "pad2d", summary: "Rows and columns added around an image.",
    attributes: [
      AttributeSpecification(
        "padding", .padding, "How many: a number, [vertical, horizontal] or both sides of both."),
      AttributeSpecification(
        "mode", .choice(["constant", "reflect", "replicate"]), default: "constant",
        "What the added rows and columns hold."),
      AttributeSpecification(
        "value", .number(-1e30...1e30), default: 0, "For constant: the number they hold."),
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try Pad2D(input: inputs[0], attributes: attributes)
  }

  init(input shape: Shape, attributes: Attributes) throws(CNNError) {
    input = try ShapeRules.image(shape, for: "pad2d")
    guard
      case .explicit(let top, let bottom, let left, let right) = try attributes.padding(
        "padding")
    else {
      throw .invalidArgument(
        "pad2d expects numbers for padding: a number, [vertical, horizontal] or "
          + "[[top, bottom], [left, right]]")
    }
    sides = (top, bottom, left, right)
    let value = Float(try attributes.number("value"))
    switch try attributes.string("mode") {
    case "reflect": mode = .reflect
    case "replicate": mode = .replicate
    default: mode = .constant(value)
    }
    if mode == .reflect, max(top, bottom) >= input.height || max(left, right) >= input.width {
      throw .shapeMismatch(
        "pad2d: reflect needs padding below the size; got \(top) and \(bottom) for the height "
          + "\(input.height), \(left) and \(right) for the width \(input.width)")
    }
    guard let height = checkedSum([input.height, top, bottom]),
      let width = checkedSum([input.width, left, right])
    else {
      throw CNNError(.outOfMemory, "pad2d: the output would be too large")
    }
    outputs = [OutputDeclaration(shape: try Shape([height, width, input.channels]))]
  }

  var backwardReads: BackwardReads { [] }

  private func geometry(_ batch: Int) -> PaddingGeometry {
    PaddingGeometry(
      batch: batch, inputHeight: input.height, inputWidth: input.width, channels: input.channels,
      top: sides.top, bottom: sides.bottom, left: sides.left, right: sides.right)
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    Padding.forward(
      try call.inputs.required(0, "input"), try call.outputs.required(0, "output"), mode: mode,
      geometry: geometry(call.batch), slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    Padding.backward(
      gradOutput: try call.outputGradients.required(0, "output gradient"), gradInput: gradInput,
      mode: mode, geometry: geometry(call.batch), slots: call.services.concurrency)
  }
}
