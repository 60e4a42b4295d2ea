import CNNKernels
import CNNLayerKit

/// The hyperbolic tangent.
///
/// Forward: `y = tanh(x)`. Gradient: `dx = dy · (1 - y²)`, from the output alone, so the input's memory is free and the layer
/// works in place. Any shape; the output has the input's. Training and prediction do the same.
struct Tanh: Layer {
  let outputs: [OutputDeclaration]

  static let type = LayerType(
    "tanh", summary: "Hyperbolic tangent."
  ) { (_, inputs) throws(CNNError) in
    Tanh(shape: inputs[0])
  }

  init(shape: Shape) { outputs = [OutputDeclaration(shape: shape)] }

  var backwardReads: BackwardReads { [.outputs] }
  var supportsInPlace: Bool { true }
  var operationCount: Int { ShapeRules.operations(4, outputs[0].shape.count) }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    Activation.tanh(
      x, y, count: call.batch * outputs[0].shape.count, slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let y = try call.outputs.required(0, "output")
    Activation.tanhBackward(
      output: y, gradOutput: gradOutput, gradInput: gradInput,
      count: call.batch * outputs[0].shape.count, slots: call.services.concurrency)
  }
}
