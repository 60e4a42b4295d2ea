import CNNKernels
import CNNLayerKit

/// The sum of two or more inputs of equal shape: what joins the paths of a residual block.
///
/// Forward: `y = x0 + x1 + …`, from left to right. Gradient: `dx0 = dx1 = … = dy`; nothing of the
/// forward pass is read. The output has the inputs' shape. Works in place on the first input. For
/// prediction it is absorbed by a convolution that makes one of two inputs, or else absorbs a
/// rectifier that follows.
struct Add: Layer {
  let outputs: [OutputDeclaration]
  private let inputCount: Int
  /// Whether a rectifier was absorbed.
  private var rectifies = false

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
  var isDifferentiable: Bool { !rectifies }
  var isSumOfInputs: Bool { !rectifies }
  var operationCount: Int { ShapeRules.operations(inputCount - 1, outputs[0].shape.count) }

  func fused(with next: any Layer) -> (any Layer)? {
    guard next.elementaryFunction == .rectifier, !rectifies else { return nil }
    var layer = self
    layer.rectifies = true
    return layer
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let y = try call.outputs.required(0, "output")
    let count = call.batch * outputs[0].shape.count
    var sum = try call.inputs.required(0, "input")
    for index in 1..<inputCount {
      let x = try call.inputs.required(index, "input")
      if rectifies, index == inputCount - 1 {
        Elementwise.addRectified(sum, x, y, count: count, slots: call.services.concurrency)
      } else {
        Elementwise.add(sum, x, y, count: count, slots: call.services.concurrency)
      }
      sum = y
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard !rectifies else {
      throw CNNError(
        .unsupported, "add fused with the relu behind it can only predict; train it unfused")
    }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let count = call.batch * outputs[0].shape.count
    for index in 0..<inputCount {
      guard let gradInput = call.inputGradients.pointer(index) else { continue }
      Elementwise.copy(gradOutput, gradInput, count: count, slots: call.services.concurrency)
    }
  }
}
