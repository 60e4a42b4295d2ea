import CNNKernels
import CNNLayerKit

/// Turns scores into probabilities along the last axis.
///
/// Forward: `y[i] = exp(x[i]) / Σ exp(x[j])`, with the largest score subtracted first so that
/// nothing overflows. Gradient: `dx = y · (dy - Σ dy · y)`, from the output alone. A feature vector
/// is one distribution; an image has one per pixel, over its channels. Works in place.
///
/// To train a classifier, leave this layer out and use the softmax cross-entropy loss on the
/// scores: it is exact where probabilities round to 0.
struct Softmax: Layer {
  let outputs: [OutputDeclaration]
  private let classes: Int

  static let type = LayerType(
    "softmax", summary: "Probabilities from scores, along the last axis."
  ) { (_, inputs) throws(CNNError) in
    try Softmax(shape: inputs[0])
  }

  init(shape: Shape) throws(CNNError) {
    guard let classes = shape.sizes.last else {
      throw .shapeMismatch("softmax expects at least one axis, got a single number per sample")
    }
    self.classes = classes
    outputs = [OutputDeclaration(shape: shape)]
  }

  var backwardReads: BackwardReads { [.outputs] }
  var supportsInPlace: Bool { true }
  var operationCount: Int { ShapeRules.operations(5, outputs[0].shape.count) }
  var elementaryFunction: ElementaryFunction? { .softmax }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    CNNKernels.Softmax.forward(
      x, y, rows: call.batch * outputs[0].shape.count / classes, classes: classes,
      slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let y = try call.outputs.required(0, "output")
    CNNKernels.Softmax.backward(
      output: y, gradOutput: gradOutput, gradInput: gradInput,
      rows: call.batch * outputs[0].shape.count / classes, classes: classes,
      slots: call.services.concurrency)
  }
}
