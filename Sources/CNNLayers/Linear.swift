import CNNKernels
import CNNLayerKit

/// The affine layer: each output is a weighted sum of all inputs, plus a bias.
///
/// Forward: `y = x · weightᵀ + bias` for x `[in]` and y `[out_features]`. Gradients:
/// `dx = dy · weight`, `dweight = Σ dyᵀ · x` and `dbias = Σ dy` over the batch.
///
/// | parameter | shape |
/// |---|---|
/// | weight | `[out_features, in]` |
/// | bias | `[out_features]` |
///
/// Images go through `flatten` first. For prediction it absorbs a batch norm and a rectifier that
/// follow.
struct Linear: Layer {
  let outputs: [OutputDeclaration]
  private let inFeatures: Int
  private let outFeatures: Int
  private let own: [ParameterDeclaration]
  private let hasBias: Bool
  private var tail = FusedTail()

  static let type = LayerType(
    "linear", summary: "Affine layer: weighted sums of all inputs, plus a bias.",
    attributes: [
      AttributeSpecification(
        "out_features", .integer(ShapeRules.sizes), "The number of outputs.")
    ] + ConvolutionAttributes.biasAndInitializers
  ) { (attributes, inputs) throws(CNNError) in
    try Linear(input: inputs[0], attributes: attributes)
  }

  init(input: Shape, attributes: Attributes) throws(CNNError) {
    guard input.rank == 1 else {
      throw .shapeMismatch(
        "linear expects a feature vector [features], got \(input); put a flatten layer in front")
    }
    inFeatures = input.sizes[0]
    outFeatures = try attributes.integer("out_features")
    outputs = [OutputDeclaration(shape: try Shape([outFeatures]))]
    hasBias = try attributes.boolean("bias")
    let bias = ParameterDeclaration(
      "bias", shape: outputs[0].shape,
      initializer: try Initializer(try attributes.value("bias_initializer")), fanIn: inFeatures)
    own =
      [
        ParameterDeclaration(
          "weight", shape: try Shape([outFeatures, inFeatures]),
          initializer: try Initializer(try attributes.value("weight_initializer")),
          fanIn: inFeatures, fanOut: outFeatures, decays: true)
      ] + (hasBias ? [bias] : [])
  }

  var parameters: [ParameterDeclaration] { own + tail.parameters }
  var states: [ParameterDeclaration] { tail.states }
  var backwardReads: BackwardReads { [.inputs] }
  var isDifferentiable: Bool { tail.isEmpty }
  var preparedCount: Int { tail.preparedCount }

  func handsOverGradient(parameter index: Int) -> Bool { index == 0 }

  var operationCount: Int {
    ShapeRules.operations(2, own[0].shape.count) + (hasBias ? outFeatures : 0)
  }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    var workspace = Workspace(
      forwardScratch: Dense.forwardScratchCount(batch: batch, slots: concurrency))
    if mode == .training {
      workspace.backwardScratch = max(
        hasBias ? ChannelSums.scratchCount(channels: outFeatures) : 0,
        Dense.backwardScratchCount(slots: concurrency),
        LinearGradient.scratchCount(batch: batch, slots: concurrency))
    }
    return workspace
  }

  func prepare(_ call: borrowing PrepareCall) throws(CNNError) {
    try tail.prepare(
      call, firstParameter: own.count, bias: hasBias ? call.parameters.pointer(1) : nil)
  }

  func fused(with next: any Layer) -> (any Layer)? {
    guard let longer = tail.absorbing(next, channels: outFeatures) else { return nil }
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
    let slots = call.services.concurrency
    Dense.forward(
      batch: call.batch, inFeatures: inFeatures, outFeatures: outFeatures, input: x,
      weight: weight, epilogue: epilogue, output: y, scratch: try call.scratch.required(),
      slots: slots)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    try tail.requireTrainable("linear")
    let gradOutput = try call.outputGradients.required(0, "output gradient")
    let slots = call.services.concurrency
    let scratch = try call.scratch.required()
    if hasBias, let gradBias = call.parameterGradients.pointer(1) {
      ChannelSums.add(
        gradOutput, rows: call.batch, channels: outFeatures, to: gradBias, scratch: scratch,
        slots: slots)
    }
    if let gradInput = call.inputGradients.pointer(0) {
      Dense.backwardInput(
        batch: call.batch, inFeatures: inFeatures, outFeatures: outFeatures, gradOutput: gradOutput,
        weight: try call.parameters.required(0, "parameter"), gradInput: gradInput,
        scratch: scratch, slots: slots)
    }
    try weightGradient(call, gradOutput, scratch)
  }

  /// Comes last: who takes the gradient over may change the weight at once.
  private func weightGradient(
    _ call: borrowing BackwardCall, _ gradOutput: UnsafePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) throws(CNNError) {
    let receiver = call.gradientReceiver.flatMap { $0.wants(parameter: 0) ? $0 : nil }
    let sum = call.parameterGradients.pointer(0)
    guard receiver != nil || sum != nil else { return }
    let gradient = LinearGradient(
      input: try call.inputs.required(0, "input"), gradOutput: gradOutput, batch: call.batch,
      inFeatures: inFeatures, outFeatures: outFeatures)
    if let sum {
      gradient.add(to: sum, scratch: scratch, slots: call.services.concurrency)
    } else if let receiver {
      gradient.forEachPart(scratch: scratch, slots: call.services.concurrency) {
        part, offset, count in
        receiver.take(part, parameter: 0, offset: offset, count: count)
      }
    }
  }
}
