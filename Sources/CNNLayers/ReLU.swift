import CNNKernels
import CNNLayerKit

/// The rectifier (Nair and Hinton 2010).
///
/// Forward: `y = max(x, 0)`. Gradient: `dx = dy` where `y > 0`, 0 elsewhere, from the output
/// alone, so the input's memory is free and the layer works in place. Any shape; the output has the input's. Training and prediction do the same.
struct ReLU: Layer {
  let outputs: [OutputDeclaration]

  static let type = LayerType(
    "relu", summary: "Rectified linear unit: max(x, 0)."
  ) { (_, inputs) throws(CNNError) in
    ReLU(shape: inputs[0])
  }

  init(shape: Shape) { outputs = [OutputDeclaration(shape: shape)] }

  var backwardReads: BackwardReads { [.outputs] }
  var supportsInPlace: Bool { true }
  var operationCount: Int { outputs[0].shape.count }
  var elementaryFunction: ElementaryFunction? { .rectifier }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    Activation.relu(
      x, y, count: call.batch * outputs[0].shape.count, slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let y = try call.outputs.required(0, "output")
    Activation.reluBackward(
      output: y, gradOutput: gradOutput, gradInput: gradInput,
      count: call.batch * outputs[0].shape.count, slots: call.services.concurrency)
  }
}
