import CNNKernels
import CNNLayerKit

/// Puts two or more inputs side by side along one axis of the sample.
///
/// The output's size along `axis` is the sum of the inputs'; all other sizes must be equal. Axis -1,
/// the default, joins the channels of images. Gradient: each input gets its part of `dy`; nothing
/// of the forward pass is read.
struct Concat: Layer {
  let outputs: [OutputDeclaration]
  /// How many numbers of each input lie next to each other in the output.
  private let runs: [Int]
  /// Their sum.
  private let period: Int
  /// How many periods a sample has.
  private let periods: Int

  static let type = LayerType(
    "concat", summary: "Inputs side by side along one axis, the channels by default.",
    inputCount: 2...LayerType.maximumInputs,
    attributes: [
      AttributeSpecification(
        "axis", .integer(-Shape.maximumRank...Shape.maximumRank - 1), default: -1,
        "The axis of a sample, from 0, or from -1 backwards.")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try Concat(inputs: inputs, axis: try attributes.integer("axis"))
  }

  init(inputs: [Shape], axis: Int) throws(CNNError) {
    let first = inputs[0]
    let axis = try ShapeRules.axis(axis, of: first, for: "concat")
    for (index, shape) in inputs.enumerated() {
      let fits =
        shape.rank == first.rank
        && (0..<first.rank).allSatisfy { $0 == axis || shape.sizes[$0] == first.sizes[$0] }
      guard fits else {
        throw .shapeMismatch(
          "concat expects inputs that differ along axis \(axis) only; input 0 is \(first), "
            + "input \(index) is \(shape)")
      }
    }
    guard let joined = checkedSum(inputs.map { $0.sizes[axis] }) else {
      throw .shapeMismatch("concat: the sum of the sizes along axis \(axis) does not fit")
    }
    var sizes = first.sizes
    sizes[axis] = joined
    // Checks the total, so the products below fit as well.
    let shape = try Shape(sizes)
    outputs = [OutputDeclaration(shape: shape)]
    runs = inputs.map { $0.sizes[axis...].reduce(1, *) }
    period = sizes[axis...].reduce(1, *)
    periods = sizes[..<axis].reduce(1, *)
  }

  var backwardReads: BackwardReads { [] }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let y = try call.outputs.required(0, "output")
    var start = 0
    for (index, run) in runs.enumerated() {
      Rows.copyColumns(
        from: try call.inputs.required(index, "input"), sourcePitch: run, to: y + start,
        targetPitch: period, rows: call.batch * periods, columns: run,
        slots: call.services.concurrency)
      start += run
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    var start = 0
    for (index, run) in runs.enumerated() {
      if let gradInput = call.inputGradients.pointer(index) {
        Rows.copyColumns(
          from: gradOutput + start, sourcePitch: period, to: gradInput, targetPitch: run,
          rows: call.batch * periods, columns: run, slots: call.services.concurrency)
      }
      start += run
    }
  }
}
