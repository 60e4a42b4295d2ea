import CNNKernels
import CNNLayerKit

/// The rectifier that lets a part of negative numbers through.
///
/// Forward: `y = x` where `x > 0`, `negative_slope · x` elsewhere. Gradient: `dx = dy` where
/// `y > 0`, `negative_slope · dy` elsewhere; from the output alone, because the slope is not
/// negative and so keeps the sign. Any shape; the output has the input's. Works in place.
/// (Maas, Hannun and Ng 2013.)
struct LeakyReLU: Layer {
  let outputs: [OutputDeclaration]
  private let negativeSlope: Float

  static let type = LayerType(
    "leaky_relu", summary: "Leaky rectifier: x where positive, negative_slope · x elsewhere.",
    attributes: [
      AttributeSpecification(
        "negative_slope", .number(0...1_000_000), default: 0.01,
        "The factor of negative numbers.")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    LeakyReLU(
      shape: inputs[0], negativeSlope: Float(try attributes.number("negative_slope")))
  }

  init(shape: Shape, negativeSlope: Float) {
    outputs = [OutputDeclaration(shape: shape)]
    self.negativeSlope = negativeSlope
  }

  var backwardReads: BackwardReads { [.outputs] }
  var supportsInPlace: Bool { true }
  var operationCount: Int { outputs[0].shape.count }
  var elementaryFunction: ElementaryFunction? { .leakyRectifier(negativeSlope: negativeSlope) }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    Activation.leakyRelu(
      x, y, count: call.batch * outputs[0].shape.count, slope: negativeSlope,
      slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let y = try call.outputs.required(0, "output")
    Activation.leakyReluBackward(
      output: y, gradOutput: gradOutput, gradInput: gradInput,
      count: call.batch * outputs[0].shape.count, slope: negativeSlope,
      slots: call.services.concurrency)
  }
}
