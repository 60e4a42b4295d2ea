import CNNKernels
import CNNLayerKit

/// Gives a sample another shape; the numbers stay as they lie in memory.
///
/// Memory order is row-major over the sample's axes, so an image `[H, W, C]` is read pixel by pixel
/// with channels innermost. (`flatten` instead orders an image channel by channel, as PyTorch does.)
/// One size may be -1: it becomes what the others leave. Gradient: `dx = dy`. Works in place.
struct Reshape: Layer {
  let outputs: [OutputDeclaration]

  static let type = LayerType(
    "reshape", summary: "Another shape for the same numbers, in memory order.",
    attributes: [
      AttributeSpecification(
        "shape", .integers(-1...AttributeSpecification.largestSize),
        "The sizes of a sample, without the batch; one may be -1.")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try Reshape(input: inputs[0], shape: try attributes.integers("shape"))
  }

  init(input: Shape, shape requested: [Int]) throws(CNNError) {
    let known = requested.filter { $0 != -1 }
    guard requested.count - known.count <= 1, known.allSatisfy({ $0 >= 1 }) else {
      throw .invalidArgument(
        "reshape: shape \(requested) must have sizes of at least 1, of which one may be -1")
    }
    var sizes = requested
    if let open = sizes.firstIndex(of: -1) {
      guard let product = checkedProduct(known), input.count % product == 0 else {
        throw .shapeMismatch(
          "reshape: the \(input.count) numbers of \(input) cannot be divided into \(requested)")
      }
      sizes[open] = input.count / product
    }
    let shape = try Shape(sizes)
    guard shape.count == input.count else {
      throw .shapeMismatch(
        "reshape: \(input) has \(input.count) numbers and \(shape) has \(shape.count); "
          + "they must be equal")
    }
    outputs = [OutputDeclaration(shape: shape)]
  }

  var backwardReads: BackwardReads { [] }
  var supportsInPlace: Bool { true }
  var isIdentityInInference: Bool { true }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    Elementwise.copy(
      x, y, count: call.batch * outputs[0].shape.count, slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    Elementwise.copy(
      gradOutput, gradInput, count: call.batch * outputs[0].shape.count,
      slots: call.services.concurrency)
  }
}
