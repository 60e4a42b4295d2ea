import CNNKernels
import CNNLayerKit

/// Sets a random part of the numbers to 0 while training.
///
/// Training: each number is dropped with probability p, and the others become `x / (1 - p)`, so the
/// mean stays. Prediction: `y = x`, so nothing has to be scaled later. Which numbers are dropped
/// follows from the key of the call alone: the same seed, node and step drop the same ones, with any
/// number of threads. Gradient: `dx = dy / (1 - p)` where x was kept, 0 elsewhere, from a mask of one
/// bit per number. Any shape; works in place. When predicting, the host leaves it out.
/// (Srivastava et al. 2014.)
struct Dropout: Layer {
  let outputs: [OutputDeclaration]
  private let probability: Float

  static let type = LayerType(
    "dropout", summary: "Random zeros while training, nothing when predicting.",
    attributes: [
      AttributeSpecification(
        "p", .number(0...1), default: 0.5, "The probability that a number is dropped.")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    Dropout(shape: inputs[0], probability: Float(try attributes.number("p")))
  }

  init(shape: Shape, probability: Float) {
    outputs = [OutputDeclaration(shape: shape)]
    self.probability = probability
  }

  var backwardReads: BackwardReads { [] }
  var supportsInPlace: Bool { true }
  var isIdentityInInference: Bool { true }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    guard mode == .training else { return Workspace() }
    let count = try elementCount(batch, outputs[0].shape.count, of: "dropout: the mask")
    return Workspace(cache: max(1, CNNKernels.Dropout.maskCount(count)))
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    let count = call.batch * outputs[0].shape.count
    let slots = call.services.concurrency
    guard call.mode == .training else {
      return Elementwise.copy(x, y, count: count, slots: slots)
    }
    CNNKernels.Dropout.forward(
      x, y, mask: try call.cache.required("cache"), count: count, probability: probability,
      key: PhiloxKey(
        seed: call.random.seed, node: call.random.node, step: call.random.step), slots: slots)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    CNNKernels.Dropout.backward(
      gradOutput: try call.outputGradients.required(0, "output gradient"),
      mask: try call.cache.required("cache"), gradInput: gradInput,
      count: call.batch * outputs[0].shape.count,
      probability: probability, slots: call.services.concurrency)
  }
}
