import CNNKernels
import CNNLayerKit

/// Divides each number by a power of the squares in the neighbouring channels.
///
/// Forward, with the sum over the `size` channels around c that exist:
/// `d[c] = k + alpha / size · Σ x[j]²`, `y[c] = x[c] · d[c]^-beta`. The division of alpha by size is
/// PyTorch's; AlexNet's k is 2. The shape stays.
///
/// Gradient: `dx[c] = dy[c] · d[c]^-beta - 2 · alpha · beta / size · x[c] · Σ dy[j] · x[j] ·
/// d[j]^(-beta - 1)` over the channels j that x[c] is counted in. (Krizhevsky, Sutskever and
/// Hinton 2012, section 3.3.)
struct LocalResponseNorm: Layer {
  let outputs: [OutputDeclaration]
  private let channels: Int
  private let response: ResponseAttributes

  static let type = LayerType(
    "local_response_norm", summary: "Each number divided by the size of neighbouring channels.",
    attributes: [
      AttributeSpecification(
        "size", .integer(ShapeRules.sizes), default: 5, "How many channels are summed."),
      AttributeSpecification(
        "alpha", .number(0...1e6), default: 1e-4, "The factor of the mean of squares."),
      AttributeSpecification("beta", .number(0...100), default: 0.75, "The exponent."),
      AttributeSpecification(
        "k", .number(1e-6...1e6), default: 1, "What is added to the mean of squares."),
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try LocalResponseNorm(input: inputs[0], attributes: attributes)
  }

  init(input: Shape, attributes: Attributes) throws(CNNError) {
    channels = try ShapeRules.image(input, for: "local_response_norm").channels
    response = ResponseAttributes(
      size: try attributes.integer("size"), alpha: Float(try attributes.number("alpha")),
      beta: Float(try attributes.number("beta")), k: Float(try attributes.number("k")))
    outputs = [OutputDeclaration(shape: input)]
  }

  var backwardReads: BackwardReads { [.inputs] }
  var supportsInPlace: Bool { true }
  var operationCount: Int {
    ShapeRules.operations(2, outputs[0].shape.count, min(response.size, channels))
  }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    let count = LocalResponseNormalization.scratchCount(
      channels: channels, attributes: response, slots: concurrency)
    guard let count, count <= Shape.maximumCount else {
      throw CNNError(
        .outOfMemory, "local_response_norm: \(channels) channels need too much temporary memory")
    }
    return Workspace(forwardScratch: count, backwardScratch: mode == .training ? count : 0)
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    LocalResponseNormalization.forward(
      try call.inputs.required(0, "input"), try call.outputs.required(0, "output"),
      pixels: call.batch * (outputs[0].shape.count / channels), channels: channels,
      attributes: response, scratch: try call.scratch.required(), slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    LocalResponseNormalization.backward(
      input: try call.inputs.required(0, "input"),
      gradOutput: try call.outputGradients.required(0, "output gradient"), gradInput: gradInput,
      pixels: call.batch * (outputs[0].shape.count / channels), channels: channels,
      attributes: response, scratch: try call.scratch.required(), slots: call.services.concurrency)
  }
}
