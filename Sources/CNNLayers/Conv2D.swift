import CNNKernels
import CNNLayerKit

/// Two-dimensional convolution, or rather cross-correlation: the window is not flipped.
///
/// Forward, for input x `[H, W, C]`, output y `[OH, OW, out_channels]`, stride s, dilation d and
/// padding p:
/// `y[oh, ow, oc] = bias[oc] + Σ x[oh·s + kh·d - p, ow·s + kw·d - p, ic] · weight[oc, kh, kw, ic]`
/// over the window and the channels of oc's group; elements outside of x count as 0.
///
/// Output size: `OH = (H + p_top + p_bottom - d·(KH - 1) - 1) / s + 1`, rounded down; `"same"` gives
/// `H / s` rounded up.
///
/// Gradients: `dx` is the transposed convolution of dy with the weight, `dweight` the sum over all
/// positions of dy times the window of x, `dbias` the sum of dy.
///
/// | parameter | shape in memory | shape in files |
/// |---|---|---|
/// | weight | `[out_channels, KH, KW, C / groups]` | `[out_channels, C / groups, KH, KW]` |
/// | bias | `[out_channels]` | the same |
///
/// With `groups` equal to C each channel has filters of its own (depthwise). For prediction it
/// absorbs a batch norm, a sum with another path, and a rectifier that follow. (LeCun et al. 1998;
/// Dumoulin and Visin 2016, "A guide to convolution arithmetic".)
struct Conv2D: Layer {
  let outputs: [OutputDeclaration]
  private var geometry: ConvolutionGeometry
  private let own: [ParameterDeclaration]
  private let hasBias: Bool
  /// The number of floats of the packed weight, 0 where there is none.
  private var packedCount: Int
  private var tail = FusedTail()

  static let type = LayerType(
    "conv2d", summary: "Two-dimensional convolution with groups, stride, padding and dilation.",
    attributes: ConvolutionAttributes.specifications
  ) { (attributes, inputs) throws(CNNError) in
    try Conv2D(input: inputs[0], attributes: try ConvolutionAttributes(attributes))
  }

  init(input: Shape, attributes: ConvolutionAttributes) throws(CNNError) {
    let image = try ShapeRules.image(input, for: "conv2d")
    try attributes.checkGroups(inChannels: image.channels, for: "conv2d")
    let window = try Window2D(
      height: image.height, width: image.width, kernel: attributes.kernelSize,
      stride: attributes.stride, dilation: attributes.dilation, padding: attributes.padding)
    let outChannels = attributes.outChannels
    outputs = [
      OutputDeclaration(
        shape: try Shape([window.vertical.output, window.horizontal.output, outChannels]))
    ]
    geometry = try ConvolutionGeometry(
      input: image, outChannels: outChannels, window: window, groups: attributes.groups,
      for: "conv2d")
    // A valid geometry's products are known to fit.
    let (rows, columns) = attributes.kernelSize
    let fanIn = rows * columns * (image.channels / attributes.groups)
    let weight = ParameterDeclaration(
      "weight", shape: try Shape([outChannels, rows, columns, image.channels / attributes.groups]),
      initializer: attributes.weightInitializer, fanIn: fanIn,
      fanOut: ShapeRules.operations(rows, columns, outChannels / attributes.groups),
      decays: true, fileAxes: [0, 3, 1, 2])
    own = [weight] + (try attributes.biasDeclaration(fanIn: fanIn))
    hasBias = attributes.hasBias
    packedCount = Convolution.packedWeightCount(geometry)
  }

  var parameters: [ParameterDeclaration] { own + tail.parameters }
  var states: [ParameterDeclaration] { tail.states }
  var backwardReads: BackwardReads { [.inputs] }
  var isDifferentiable: Bool { tail.isEmpty }
  /// What the tail prepares, and behind it the packed weight.
  var preparedCount: Int {
    packedCount == 0 ? tail.preparedCount : packedOffset + packedCount
  }
  private var packedOffset: Int { (tail.preparedCount + 15) & ~15 }

  var precise: any Layer {
    var layer = self
    layer.geometry.isPrecise = true
    layer.packedCount = Convolution.packedWeightCount(layer.geometry)
    return layer
  }

  var operationCount: Int {
    let bias = hasBias ? outputs[0].shape.count : 0
    let products = ShapeRules.operations(2, outputs[0].shape.count, own[0].fanIn)
    return checkedSum([products, bias]) ?? Int.max
  }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    let isPacked = mode == .inference && packedCount > 0
    var workspace = Workspace(
      forwardScratch: try scratch(.forward, batch, concurrency, packed: isPacked))
    if mode == .training {
      workspace.backwardScratch = max(
        try scratch(.backwardData, batch, concurrency),
        try scratch(.backwardWeights, batch, concurrency),
        ChannelSums.scratchCount(channels: geometry.outputChannels))
    }
    return workspace
  }

  private func scratch(
    _ pass: ConvolutionPass, _ batch: Int, _ slots: Int, packed: Bool = false
  ) throws(CNNError) -> Int {
    let count = Convolution.scratchCount(
      geometry, batch: batch, pass: pass, slots: slots, packed: packed)
    guard let count, count <= Shape.maximumCount else {
      throw CNNError(
        .outOfMemory, "conv2d: \(batch) samples need more temporary memory than can be addressed")
    }
    return max(count, 1)
  }

  func prepare(_ call: borrowing PrepareCall) throws(CNNError) {
    try tail.prepare(
      call, firstParameter: own.count, bias: hasBias ? call.parameters.pointer(1) : nil)
    guard packedCount > 0 else { return }
    Convolution.packWeight(
      geometry, weight: try call.parameters.required(0, "parameter"),
      packed: try packedWeight(call.prepared), slots: call.services.concurrency)
  }

  /// Returns where the packed weight lies.
  private func packedWeight(
    _ prepared: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) -> UnsafeMutablePointer<Float> {
    guard let base = prepared.baseAddress, prepared.count >= preparedCount else {
      throw CNNError(.internal, "the call has no prepared weight for conv2d")
    }
    return base + packedOffset
  }

  func fused(with next: any Layer) -> (any Layer)? {
    guard let longer = tail.absorbing(next, channels: geometry.outputChannels) else { return nil }
    var layer = self
    layer.tail = longer
    return layer
  }

  func fusedWithAddend() -> (any Layer)? {
    guard Convolution.takesAddend(geometry), let longer = tail.withAddend else { return nil }
    var layer = self
    layer.tail = longer
    return layer
  }

  /// In place on what is added.
  func supportsInPlace(input index: Int) -> Bool { index == 1 && tail.hasAddend }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    let weight = try call.parameters.required(0, "parameter")
    let bias = hasBias ? try call.parameters.required(1, "parameter") : nil
    let addend = tail.hasAddend ? try call.inputs.required(1, "input") : nil
    let epilogue = try tail.epilogue(prepared: call.prepared, bias: bias, addend: addend)
    let isPacked = call.mode == .inference && packedCount > 0
    Convolution.forward(
      geometry, batch: call.batch, input: x, weight: weight,
      packedWeight: isPacked ? UnsafePointer(try packedWeight(call.prepared)) : nil,
      epilogue: epilogue, output: y, scratch: try call.scratch.required(),
      slots: call.services.concurrency)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    try tail.requireTrainable("conv2d")
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let scratch = try call.scratch.required()
    let slots = call.services.concurrency
    let gradBias = hasBias ? call.parameterGradients.pointer(1) : nil
    if let gradWeight = call.parameterGradients.pointer(0) {
      Convolution.backwardWeights(
        geometry, batch: call.batch, input: try call.inputs.required(0, "input"),
        gradOutput: gradOutput, gradWeight: gradWeight, gradBias: gradBias, scratch: scratch,
        slots: slots)
    } else if let gradBias {
      ChannelSums.add(
        gradOutput, rows: call.batch * geometry.outputHeight * geometry.outputWidth,
        channels: geometry.outputChannels, to: gradBias, scratch: scratch, slots: slots)
    }
    if let gradInput = call.inputGradients.pointer(0) {
      Convolution.backwardData(
        geometry, batch: call.batch, gradOutput: gradOutput,
        weight: try call.parameters.required(0, "parameter"), gradInput: gradInput,
        scratch: scratch, slots: slots)
    }
  }
}
