import CNNKernels
import CNNLayerKit

/// Puts each element back where a max pooling found it; everything else becomes 0.
///
/// Inputs: data x `[H, W, C]` and `indices` of the same shape, the second output of a `max_pool2d`
/// with `return_indices`. Forward: `y[indices[h, w, c], c] = x[h, w, c]`, positions counted
/// `oh·OW + ow`; where two windows found the same place, the last one in memory order counts.
///
/// Output size: `output_size`, or `(H - 1)·stride - p_top - p_bottom + kernel_size`, which is the
/// smallest plane that the pooling can have had. A position outside of the plane is an error.
///
/// Gradient: `dx[h, w, c] = dy[indices[h, w, c], c]`; only the indices are read, and no gradient
/// flows to them. (Zeiler et al. 2011; Noh et al. 2015.)
struct MaxUnpool2D: Layer {
  let outputs: [OutputDeclaration]
  private let input: (height: Int, width: Int, channels: Int)
  private let outputPixels: Int

  static let type = LayerType(
    "max_unpool2d", summary: "Elements back where a max pooling found them.",
    inputCount: 2...2,
    attributes: [
      AttributeSpecification(
        "kernel_size", .pair(ShapeRules.sizes), default: .null,
        "The pooling's window; required unless output_size is given."),
      PoolingRules.stride, PoolingRules.padding,
      AttributeSpecification(
        "output_size", .pair(ShapeRules.sizes), default: .null,
        "Height and width of the output, where the pooling dropped rows or columns."),
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try MaxUnpool2D(inputs: inputs, attributes: attributes)
  }

  init(inputs: [Shape], attributes: Attributes) throws(CNNError) {
    input = try ShapeRules.image(inputs[0], for: "max_unpool2d")
    guard inputs[1] == inputs[0] else {
      throw .shapeMismatch(
        "max_unpool2d expects data and indices of equal shape, got \(inputs[0]) and \(inputs[1])")
    }
    let size = try MaxUnpool2D.outputSize(input.height, input.width, attributes)
    guard let plane = checkedProduct([size.vertical, size.horizontal]),
      plane <= PoolingRules.positionLimit
    else {
      throw CNNError(
        .unsupported,
        "max_unpool2d: positions are exact up to \(PoolingRules.positionLimit); the plane of "
          + "\(size.vertical) x \(size.horizontal) is larger")
    }
    outputPixels = plane
    outputs = [
      OutputDeclaration(shape: try Shape([size.vertical, size.horizontal, input.channels]))
    ]
  }

  private static func outputSize(
    _ height: Int, _ width: Int, _ attributes: Attributes
  ) throws(CNNError) -> (vertical: Int, horizontal: Int) {
    if attributes.has("output_size") { return try attributes.pair("output_size") }
    guard attributes.has("kernel_size") else {
      throw .invalidArgument(
        "max_unpool2d needs the pooling's kernel_size, or an output_size")
    }
    let kernel = try attributes.pair("kernel_size")
    let stride = attributes.has("stride") ? try attributes.pair("stride") : kernel
    let sides: (top: Int, bottom: Int, left: Int, right: Int)
    switch try attributes.padding("padding") {
    case .valid: sides = (0, 0, 0, 0)
    case .explicit(let top, let bottom, let left, let right): sides = (top, bottom, left, right)
    case .same:
      throw .invalidArgument(
        "max_unpool2d cannot tell the size from padding \"same\"; give output_size instead")
    }
    return (
      try size("height", height, kernel.vertical, stride.vertical, sides.top, sides.bottom),
      try size("width", width, kernel.horizontal, stride.horizontal, sides.left, sides.right)
    )
  }

  private static func size(
    _ name: String, _ input: Int, _ kernel: Int, _ stride: Int, _ before: Int, _ after: Int
  ) throws(CNNError) -> Int {
    guard let steps = checkedProduct([input - 1, stride]),
      let size = checkedSum([steps, kernel, -before, -after])
    else {
      throw CNNError(.outOfMemory, "max_unpool2d: the output's \(name) would be too large")
    }
    guard size >= 1 else {
      throw .shapeMismatch(
        "max_unpool2d: the output's \(name) would be \(size); use less padding or give output_size")
    }
    return size
  }

  var backwardReads: BackwardReads { [.inputs] }

  func isDifferentiable(input index: Int) -> Bool { index == 0 }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let invalid = MaxUnpooling.forward(
      try call.inputs.required(0, "input"), indices: try call.inputs.required(1, "input"),
      try call.outputs.required(0, "output"), batch: call.batch,
      inputPixels: input.height * input.width, outputPixels: outputPixels,
      channels: input.channels, slots: call.services.concurrency)
    guard invalid == 0 else {
      throw .invalidArgument(
        "max_unpool2d: \(invalid) of the indices are not whole numbers from 0 to "
          + "\(outputPixels - 1), positions in the output \(outputs[0].shape); take the indices of a max_pool2d over a "
          + "plane of that size, or give its output_size")
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    MaxUnpooling.backward(
      gradOutput: try call.outputGradients.required(0, "output gradient"),
      indices: try call.inputs.required(1, "input"), gradInput: gradInput, batch: call.batch,
      inputPixels: input.height * input.width, outputPixels: outputPixels,
      channels: input.channels, slots: call.services.concurrency)
  }
}
