import CNNKernels
import CNNLayerKit

/// The logistic function.
///
/// Forward: `y = 1 / (1 + exp(-x))`. Gradient: `dx = dy · y · (1 - y)`, from the output alone, so the
/// input's memory is free and the layer works in place. Any shape; the output has the input's. Training and prediction do the same.
struct Sigmoid: Layer {
  let outputs: [OutputDeclaration]

  static let type = LayerType(
    "sigmoid", summary: "Logistic function: 1 / (1 + exp(-x))."
  ) { (_, inputs) throws(CNNError) in
    Sigmoid(shape: inputs[0])
  }

  init(shape: Shape) { outputs = [OutputDeclaration(shape: shape)] }

  var backwardReads: BackwardReads { [.outputs] }
  var supportsInPlace: Bool { true }
  var operationCount: Int { ShapeRules.operations(4, outputs[0].shape.count) }
  var elementaryFunction: ElementaryFunction? { .sigmoid }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    Activation.sigmoid(
      x, y, count: call.batch * outputs[0].shape.count, slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let y = try call.outputs.required(0, "output")
    Activation.sigmoidBackward(
      output: y, gradOutput: gradOutput, gradInput: gradInput,
      count: call.batch * outputs[0].shape.count, slots: call.services.concurrency)
  }
}
