import CNNKernels
import CNNLayerKit

/// Makes an image larger (or smaller) by a fixed rule.
///
/// `nearest`: `y[oh, ow] = x[⌊oh·H / OH⌋, ⌊ow·W / OW⌋]`. `bilinear`: a weighted mean of the four
/// pixels around the place where the output pixel lies in the input: `(oh + 1/2)·H / OH - 1/2` at
/// least 0, or with `align_corners` `oh·(H - 1) / (OH - 1)`, so that the corners are the same.
///
/// Output size: `size`, or the input's times `scale_factor`; one of the two is required. Gradient:
/// each dy goes to the pixels it came from, with the same weights; nothing of the forward pass is
/// read.
struct Upsample2D: Layer {
  let outputs: [OutputDeclaration]
  private let geometry: ResamplingGeometry
  private let isBilinear: Bool
  private let alignCorners: Bool

  static let type = LayerType(
    "upsample2d", summary: "Another height and width, by nearest or bilinear interpolation.",
    attributes: [
      AttributeSpecification(
        "scale_factor", .pair(ShapeRules.sizes), default: .null,
        "How many times as high and wide the output is; exclusive with size."),
      AttributeSpecification(
        "size", .pair(ShapeRules.sizes), default: .null,
        "Height and width of the output; exclusive with scale_factor."),
      AttributeSpecification(
        "mode", .choice(["nearest", "bilinear"]), default: "nearest",
        "How pixels between pixels are found."),
      AttributeSpecification(
        "align_corners", .boolean, default: false,
        "For bilinear: whether the centres of the corner pixels stay at the corners."),
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try Upsample2D(input: inputs[0], attributes: attributes)
  }

  init(input: Shape, attributes: Attributes) throws(CNNError) {
    let image = try ShapeRules.image(input, for: "upsample2d")
    guard attributes.has("scale_factor") != attributes.has("size") else {
      throw .invalidArgument("upsample2d needs either scale_factor or size")
    }
    isBilinear = try attributes.string("mode") == "bilinear"
    alignCorners = try attributes.boolean("align_corners")
    guard isBilinear || !alignCorners else {
      throw .invalidArgument("upsample2d: align_corners has a meaning for mode \"bilinear\" only")
    }
    let height: Int?
    let width: Int?
    if attributes.has("size") {
      let size = try attributes.pair("size")
      height = size.vertical
      width = size.horizontal
    } else {
      let factor = try attributes.pair("scale_factor")
      height = checkedProduct([image.height, factor.vertical])
      width = checkedProduct([image.width, factor.horizontal])
    }
    guard let height, let width else {
      throw CNNError(.outOfMemory, "upsample2d: the output would be too large")
    }
    outputs = [OutputDeclaration(shape: try Shape([height, width, image.channels]))]
    geometry = ResamplingGeometry(
      batch: 1, inputHeight: image.height, inputWidth: image.width, channels: image.channels,
      outputHeight: height, outputWidth: width)
  }

  var backwardReads: BackwardReads { [] }
  var operationCount: Int {
    isBilinear ? ShapeRules.operations(7, outputs[0].shape.count) : 0
  }

  private func samples(_ count: Int) -> ResamplingGeometry {
    var geometry = geometry
    geometry.batch = count
    return geometry
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    let slots = call.services.concurrency
    if isBilinear {
      Upsampling.bilinearForward(
        x, y, alignCorners: alignCorners, geometry: samples(call.batch), slots: slots)
    } else {
      Upsampling.nearestForward(x, y, geometry: samples(call.batch), slots: slots)
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let gradInput = call.inputGradients.pointer(0) else { return }
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let slots = call.services.concurrency
    if isBilinear {
      Upsampling.bilinearBackward(
        gradOutput: gradOutput, gradInput: gradInput, alignCorners: alignCorners,
        geometry: samples(call.batch), slots: slots)
    } else {
      Upsampling.nearestBackward(
        gradOutput: gradOutput, gradInput: gradInput, geometry: samples(call.batch), slots: slots)
    }
  }
}
