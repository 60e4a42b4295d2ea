import CNNKernels
import CNNLayerKit

/// Batch normalisation over the last axis: features of a vector, or channels of an image over all
/// samples and pixels (Ioffe and Szegedy 2015).
///
/// Training, with mean m and variance v of the n = batch · pixels numbers of a channel (v divided by
/// n): `y = (x - m) / √(v + epsilon) · weight + bias`. The running statistics follow as
/// `running = momentum · running + (1 - momentum) · current`, so momentum is the share of the OLD
/// value (PyTorch's is the share of the new one); the running variance takes v · n / (n - 1), as
/// PyTorch does. Prediction uses the running statistics; a convolution or linear layer in front
/// absorbs the whole layer then.
///
/// A frozen layer keeps its running statistics and uses them in training too, as prediction does:
/// then `dx = weight / √(running_var + epsilon) · dy`.
///
/// Gradients, with x̂ = (x - m) / √(v + epsilon): `dbias = Σ dy`, `dweight = Σ dy · x̂`,
/// `dx = weight / √(v + epsilon) · (dy - dbias / n - x̂ · dweight / n)`.
///
/// | parameter or state | shape | first values |
/// |---|---|---|
/// | weight | `[channels]` | 1 |
/// | bias | `[channels]` | 0 |
/// | running_mean (state) | `[channels]` | 0 |
/// | running_var (state) | `[channels]` | 1 |
struct BatchNorm: ChannelAffine, StateKeeping {
  let outputs: [OutputDeclaration]
  let parameters: [ParameterDeclaration]
  let states: [ParameterDeclaration]
  let channels: Int
  let epsilon: Float
  private let momentum: Float
  /// Whether a rectifier was absorbed, in training only.
  private var rectifies = false
  /// Whether training uses the running statistics and leaves them as they are.
  private var keepsStates = false

  static let type = LayerType(
    "batch_norm", summary: "Batch normalisation over the last axis: features or channels.",
    attributes: [
      AttributeSpecification(
        "epsilon", .number(1e-12...1), default: 1e-5, "What is added to the variance."),
      AttributeSpecification(
        "momentum", .number(0...1), default: 0.9,
        "The share of the old value in the running statistics."),
    ]
  ) { (attributes, inputs) throws(CNNError) in
    try BatchNorm(
      input: inputs[0], epsilon: Float(try attributes.number("epsilon")),
      momentum: Float(try attributes.number("momentum")))
  }

  init(input: Shape, epsilon: Float, momentum: Float) throws(CNNError) {
    guard let channels = input.sizes.last else {
      throw .shapeMismatch(
        "batch_norm expects features or channels along a last axis, got a single number per sample")
    }
    self.channels = channels
    self.epsilon = epsilon
    self.momentum = momentum
    outputs = [OutputDeclaration(shape: input)]
    let shape = try Shape([channels])
    parameters = [
      ParameterDeclaration("weight", shape: shape, initializer: .constant(1)),
      ParameterDeclaration("bias", shape: shape, initializer: .zeros),
    ]
    states = [
      ParameterDeclaration("running_mean", shape: shape, initializer: .zeros),
      ParameterDeclaration("running_var", shape: shape, initializer: .constant(1)),
    ]
  }

  var backwardReads: BackwardReads { [.inputs] }
  var supportsInPlace: Bool { true }
  var operationCount: Int { ShapeRules.operations(2, outputs[0].shape.count) }

  /// The rectifier's gradient follows from the input, so its output need not be read.
  func fusedForTraining(with next: any Layer) -> (any Layer)? {
    guard next.elementaryFunction == .rectifier, !rectifies else { return nil }
    var layer = self
    layer.rectifies = true
    return layer
  }

  var keepingStates: any Layer {
    var layer = self
    layer.keepsStates = true
    return layer
  }

  func scaleAndShift(
    of channel: Int, parameters: TensorList, states: TensorList
  ) throws(CNNError) -> (scale: Double, shift: Double) {
    let weight = try parameters.required(0, "parameter")[channel]
    let bias = try parameters.required(1, "parameter")[channel]
    let mean = try states.required(0, "state")[channel]
    let variance = try states.required(1, "state")[channel]
    let scale = Double(weight) / (Double(variance) + Double(epsilon)).squareRoot()
    return (scale, Double(bias) - Double(mean) * scale)
  }

  private func rows(_ batch: Int) -> Int { batch * (outputs[0].shape.count / channels) }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    guard mode == .training else { return Workspace() }
    return Workspace(
      cache: 2 * channels,
      backwardScratch: BatchNormalization.backwardScratchCount(channels: channels))
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let x = try call.inputs.required(0, "input")
    let y = try call.outputs.required(0, "output")
    let slots = call.services.concurrency
    let weight = try call.parameters.required(0, "parameter")
    let bias = try call.parameters.required(1, "parameter")
    let mean = try call.states.required(0, "state")
    let variance = try call.states.required(1, "state")
    guard call.mode == .training else {
      return BatchNormalization.forwardInference(
        x, y, rows: rows(call.batch), channels: channels, scale: weight, shift: bias,
        epsilon: epsilon, runningMean: mean, runningVariance: variance, slots: slots)
    }
    let saved = try call.cache.required("cache")
    guard !keepsStates else {
      return BatchNormalization.forwardRunning(
        x, y, rows: rows(call.batch), channels: channels, scale: weight, shift: bias,
        epsilon: epsilon, rectifies: rectifies, savedMean: saved,
        savedInverseDeviation: saved + channels, runningMean: mean, runningVariance: variance,
        slots: slots)
    }
    BatchNormalization.forwardTraining(
      x, y, rows: rows(call.batch), channels: channels, scale: weight, shift: bias,
      epsilon: epsilon, momentum: momentum, rectifies: rectifies, savedMean: saved,
      savedInverseDeviation: saved + channels, runningMean: mean, runningVariance: variance,
      slots: slots)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    let saved = try call.cache.required("cache")
    BatchNormalization.backward(
      input: try call.inputs.required(0, "input"),
      gradOutput: try call.outputGradients.required(0, "output gradient"),
      gradInput: call.inputGradients.pointer(0), rows: rows(call.batch), channels: channels,
      scale: try call.parameters.required(0, "parameter"),
      rectifier: rectifies ? try call.parameters.required(1, "parameter") : nil,
      isOfBatch: !keepsStates, savedMean: saved,
      savedInverseDeviation: saved + channels, gradScale: call.parameterGradients.pointer(0),
      gradShift: call.parameterGradients.pointer(1), scratch: try call.scratch.required(),
      slots: call.services.concurrency)
  }
}
