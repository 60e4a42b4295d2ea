import CNNKernels
import CNNLayerKit

/// Transposed convolution: spreads each input pixel over a window of the output.
///
/// The plane grows by the stride. It is the input gradient of `conv2d`, taken as a layer.
///
/// Forward, for input x `[H, W, C]`, stride s, dilation d and padding p:
/// `y[h·s + kh·d - p, w·s + kw·d - p, oc] += x[h, w, ic] · weight[ic, kh, kw, oc]`, plus the bias.
///
/// Output size: `(H - 1)·s - p_top - p_bottom + d·(KH - 1) + 1 + output_padding`. `"valid"` means no
/// padding, and `"same"` an output of `H·s`. In one dimension, [a, b] with weight [x, y, z] and stride
/// 2 gives [ax, ay, az + bx, by, bz].
///
/// Gradients: `dx` is the convolution of dy with the weight, `dweight` the sum over all positions of
/// x times the window of dy, `dbias` the sum of dy.
///
/// | parameter | shape in memory | shape in files |
/// |---|---|---|
/// | weight | `[C, KH, KW, out_channels / groups]` | `[C, out_channels / groups, KH, KW]` |
/// | bias | `[out_channels]` | the same |
///
/// For prediction it absorbs a batch norm and a rectifier that follow. (Zeiler et al. 2010;
/// Dumoulin and Visin 2016.)
struct TransposedConv2D: Layer {
  let outputs: [OutputDeclaration]
  /// The ordinary convolution from this layer's output to its input.
  private let geometry: ConvolutionGeometry
  private let own: [ParameterDeclaration]
  private let hasBias: Bool
  private var tail = FusedTail()

  static let type = LayerType(
    "transposed_conv2d", summary: "Transposed convolution: learned upsampling by the stride.",
    attributes: ConvolutionAttributes.specifications + [
      AttributeSpecification(
        "output_padding", .pair(0...AttributeSpecification.largestSize), default: 0,
        "How many rows and columns are added at the bottom and right; less than the stride.")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try TransposedConv2D(
      input: inputs[0], attributes: try ConvolutionAttributes(attributes),
      outputPadding: try attributes.pair("output_padding"))
  }

  init(
    input: Shape, attributes: ConvolutionAttributes,
    outputPadding: (vertical: Int, horizontal: Int)
  ) throws(CNNError) {
    let type = "transposed_conv2d"
    let image = try ShapeRules.image(input, for: type)
    try attributes.checkGroups(inChannels: image.channels, for: type)
    let (rows, columns) = attributes.kernelSize
    let (top, bottom, left, right) = TransposedConv2D.padding(attributes)
    let gap = TransposedConv2D.gap(attributes)
    let height = try TransposedConv2D.outputSize(
      "height", image.height, rows, attributes.stride.vertical, attributes.dilation.vertical,
      top, bottom, outputPadding.vertical + gap.rows)
    let width = try TransposedConv2D.outputSize(
      "width", image.width, columns, attributes.stride.horizontal,
      attributes.dilation.horizontal, left, right, outputPadding.horizontal + gap.columns)
    let outChannels = attributes.outChannels
    outputs = [OutputDeclaration(shape: try Shape([height, width, outChannels]))]
    let window = try Window2D(
      height: height, width: width, kernel: attributes.kernelSize, stride: attributes.stride,
      dilation: attributes.dilation,
      padding: .explicit(top: top, bottom: bottom, left: left, right: right))
    geometry = try ConvolutionGeometry(
      input: (height, width, outChannels), outChannels: image.channels, window: window,
      groups: attributes.groups, for: type)
    guard geometry.outputHeight == image.height, geometry.outputWidth == image.width else {
      throw CNNError(.internal, "\(type): the inverse of the output size is not \(input)")
    }
    let fanIn = max(
      1,
      rows * columns * (image.channels / attributes.groups)
        / ShapeRules.operations(attributes.stride.vertical, attributes.stride.horizontal))
    let weight = ParameterDeclaration(
      "weight", shape: try Shape([image.channels, rows, columns, outChannels / attributes.groups]),
      initializer: attributes.weightInitializer, fanIn: fanIn,
      fanOut: ShapeRules.operations(rows, columns, outChannels / attributes.groups),
      decays: true, fileAxes: [0, 3, 1, 2])
    own = [weight] + (try attributes.biasDeclaration(fanIn: fanIn))
    hasBias = attributes.hasBias
  }

  /// Returns how many rows and columns `"same"` adds where the stride leaves gaps between windows.
  private static func gap(_ attributes: ConvolutionAttributes) -> (rows: Int, columns: Int) {
    guard attributes.padding == .same else { return (0, 0) }
    let rows = attributes.dilation.vertical * (attributes.kernelSize.vertical - 1) + 1
    let columns = attributes.dilation.horizontal * (attributes.kernelSize.horizontal - 1) + 1
    return (
      max(0, attributes.stride.vertical - rows), max(0, attributes.stride.horizontal - columns)
    )
  }

  /// Returns how much of each side is cut off.
  private static func padding(
    _ attributes: ConvolutionAttributes
  ) -> (top: Int, bottom: Int, left: Int, right: Int) {
    switch attributes.padding {
    case .valid: return (0, 0, 0, 0)
    case .explicit(let top, let bottom, let left, let right): return (top, bottom, left, right)
    case .same:
      // What makes the output H·s; attributes are at most 2^31.
      let rows = attributes.dilation.vertical * (attributes.kernelSize.vertical - 1) + 1
      let columns = attributes.dilation.horizontal * (attributes.kernelSize.horizontal - 1) + 1
      let vertical = max(0, rows - attributes.stride.vertical)
      let horizontal = max(0, columns - attributes.stride.horizontal)
      return (
        vertical / 2, vertical - vertical / 2, horizontal / 2, horizontal - horizontal / 2
      )
    }
  }

  /// The output size along one axis.
  private static func outputSize(
    _ name: String, _ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ before: Int,
    _ after: Int, _ outputPadding: Int
  ) throws(CNNError) -> Int {
    guard outputPadding < stride else {
      throw .invalidArgument(
        "transposed_conv2d: output_padding \(outputPadding) must be less than stride \(stride)")
    }
    let steps = checkedProduct([input - 1, stride])
    let reach = checkedProduct([dilation, kernel - 1])
    guard let steps, let reach,
      let size = checkedSum([steps, reach, 1, outputPadding, -before, -after]),
      size <= AttributeSpecification.largestSize
    else {
      throw CNNError(.outOfMemory, "transposed_conv2d: the output's \(name) would be too large")
    }
    guard size >= 1 else {
      throw .shapeMismatch(
        "transposed_conv2d: the output's \(name) would be \(size): padding \(before) and \(after) "
          + "cut off more than the input of \(input) gives; use less padding")
    }
    return size
  }

  var parameters: [ParameterDeclaration] { own + tail.parameters }
  var states: [ParameterDeclaration] { tail.states }
  var backwardReads: BackwardReads { [.inputs] }
  var isDifferentiable: Bool { tail.isEmpty }
  var preparedCount: Int { tail.preparedCount }

  var operationCount: Int {
    let bias = hasBias ? outputs[0].shape.count : 0
    let products = ShapeRules.operations(
      2, geometry.outputHeight, geometry.outputWidth, own[0].shape.count)
    return checkedSum([products, bias]) ?? Int.max
  }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    var workspace = Workspace(forwardScratch: try scratch(.forward, batch, concurrency))
    if mode == .training {
      workspace.backwardScratch = max(
        try scratch(.backwardData, batch, concurrency),
        try scratch(.backwardWeights, batch, concurrency),
        ChannelSums.scratchCount(channels: geometry.inputChannels))
    }
    return workspace
  }

  private func scratch(
    _ pass: ConvolutionPass, _ batch: Int, _ slots: Int
  ) throws(CNNError) -> Int {
    let count = TransposedConvolution.scratchCount(
      geometry, batch: batch, pass: pass, slots: slots)
    guard let count, count <= Shape.maximumCount else {
      throw CNNError(
        .outOfMemory,
        "transposed_conv2d: \(batch) samples need more temporary memory than can be addressed")
    }
    return max(count, 1)
  }

  func prepare(_ call: borrowing PrepareCall) throws(CNNError) {
    try tail.prepare(
      call, firstParameter: own.count, bias: hasBias ? call.parameters.pointer(1) : nil)
  }

  func fused(with next: any Layer) -> (any Layer)? {
    guard let longer = tail.absorbing(next, channels: geometry.inputChannels) else { return nil }
    var layer = self
    layer.tail = longer
    return layer
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    let weight = try call.parameters.required(0, "parameter")
    let bias = hasBias ? try call.parameters.required(1, "parameter") : nil
    let epilogue = try tail.epilogue(prepared: call.prepared, bias: bias)
    TransposedConvolution.forward(
      geometry, batch: call.batch, input: x, weight: weight, epilogue: epilogue, output: y,
      scratch: try call.scratch.required(), slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    try tail.requireTrainable("transposed_conv2d")
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let scratch = try call.scratch.required()
    let slots = call.services.concurrency
    let gradBias = hasBias ? call.parameterGradients.pointer(1) : nil
    if let gradWeight = call.parameterGradients.pointer(0) {
      TransposedConvolution.backwardWeights(
        geometry, batch: call.batch, input: try call.inputs.required(0, "input"),
        gradOutput: gradOutput, gradWeight: gradWeight, gradBias: gradBias, scratch: scratch,
        slots: slots)
    } else if let gradBias {
      ChannelSums.add(
        gradOutput, rows: call.batch * geometry.inputHeight * geometry.inputWidth,
        channels: geometry.inputChannels, to: gradBias, scratch: scratch, slots: slots)
    }
    if let gradInput = call.inputGradients.pointer(0) {
      TransposedConvolution.backwardData(
        geometry, batch: call.batch, gradOutput: gradOutput,
        weight: try call.parameters.required(0, "parameter"), gradInput: gradInput,
        scratch: scratch, slots: slots)
    }
  }
}
