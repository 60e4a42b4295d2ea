import CNNKernels
import CNNLayerKit

/// The sum of two or more inputs of equal shape: what joins the paths of a residual block.
///
/// Forward: `y = x0 + x1 + …`, from left to right. Gradient: `dx0 = dx1 = … = dy`; nothing of the
/// forward pass is read. The output has the inputs' shape. Works in place on the first input.
struct Add: Layer {
  let outputs: [OutputDeclaration]
  private let inputCount: Int

  static let type = LayerType(
    "add", summary: "Sum of inputs of equal shape.", inputCount: 2...LayerType.maximumInputs
  ) { (_, inputs) throws(CNNError) in
    try Add(inputs: inputs)
  }

  init(inputs: [Shape]) throws(CNNError) {
    outputs = [OutputDeclaration(shape: try ShapeRules.common(inputs, for: "add"))]
    inputCount = inputs.count
  }

  var backwardReads: BackwardReads { [] }
  var supportsInPlace: Bool { true }
  var operationCount: Int { ShapeRules.operations(inputCount - 1, outputs[0].shape.count) }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let y = try call.outputs.required(0, "output")
    let count = call.batch * outputs[0].shape.count
    var sum = try call.inputs.required(0, "input")
    for index in 1..<inputCount {
      let x = try call.inputs.required(index, "input")
      Elementwise.add(sum, x, y, count: count, slots: call.services.concurrency)
      sum = y
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let count = call.batch * outputs[0].shape.count
    for index in 0..<inputCount {
      guard let gradInput = call.inputGradients.pointer(index) else { continue }
      Elementwise.copy(gradOutput, gradInput, count: count, slots: call.services.concurrency)
    }
  }
}
