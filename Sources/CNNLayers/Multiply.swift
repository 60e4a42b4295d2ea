import CNNKernels
import CNNLayerKit

/// The product, element by element, of two or more inputs of equal shape: gates and attention.
///
/// Forward: `y = x0 · x1 · …`. Gradient: `dxi = dy · Π xj` over all `j` other than `i`, as a product
/// and not as `y / xi`, which would be undefined at 0. The output has the inputs' shape.
struct Multiply: Layer {
  let outputs: [OutputDeclaration]
  private let inputCount: Int

  static let type = LayerType(
    "multiply", summary: "Product, element by element, of inputs of equal shape.",
    inputCount: 2...LayerType.maximumInputs
  ) { (_, inputs) throws(CNNError) in
    try Multiply(inputs: inputs)
  }

  init(inputs: [Shape]) throws(CNNError) {
    outputs = [OutputDeclaration(shape: try ShapeRules.common(inputs, for: "multiply"))]
    inputCount = inputs.count
  }

  var backwardReads: BackwardReads { [.inputs] }
  var operationCount: Int { ShapeRules.operations(inputCount - 1, outputs[0].shape.count) }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let y = try call.outputs.required(0, "output")
    let count = call.batch * outputs[0].shape.count
    var product = try call.inputs.required(0, "input")
    for index in 1..<inputCount {
      let x = try call.inputs.required(index, "input")
      Elementwise.multiply(product, x, y, count: count, slots: call.services.concurrency)
      product = y
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let count = call.batch * outputs[0].shape.count
    for index in 0..<inputCount {
      guard let gradInput = call.inputGradients.pointer(index) else { continue }
      var product = gradOutput
      for other in 0..<inputCount where other != index {
        let x = try call.inputs.required(other, "input")
        Elementwise.multiply(
          product, x, gradInput, count: count, slots: call.services.concurrency)
        product = gradInput
      }
    }
  }
}
