/// A list of arrays of numbers in memory that the host owns: the inputs of a call, say.
///
/// Valid during the call only. Indexes are not checked against anything but the list: a layer
/// knows how many inputs it has.
public struct TensorList: @unchecked Sendable {
  // Safety: the host guarantees that nobody else writes this memory during the call.
  private let base: UnsafePointer<UnsafeMutableBufferPointer<Float>>?
  /// How many arrays there are.
  public let count: Int

  /// Lists `count` arrays that `base` points to.
  public init(_ base: UnsafePointer<UnsafeMutableBufferPointer<Float>>?, count: Int) {
    self.base = base
    self.count = base == nil ? 0 : count
  }

  /// The array at `index`; an empty one if the list is shorter, or if the host did not supply that
  /// array (a gradient that nobody asked for).
  public subscript(index: Int) -> UnsafeMutableBufferPointer<Float> {
    guard let base, index >= 0, index < count else {
      return UnsafeMutableBufferPointer(start: nil, count: 0)
    }
    return base[index]
  }

  /// The arrays after the first `count`.
  public func dropFirst(_ count: Int) -> TensorList {
    guard let base, count >= 0, count <= self.count else { return TensorList(nil, count: 0) }
    return TensorList(base + count, count: self.count - count)
  }

  /// The first number of the array at `index`, or nil if the host did not supply it.
  public func pointer(_ index: Int) -> UnsafeMutablePointer<Float>? { self[index].baseAddress }
}

/// What a layer's forward pass reads and writes.
public struct ForwardCall: ~Copyable {
  /// The number of samples.
  public let batch: Int
  /// Whether this call trains or predicts.
  public let mode: ExecutionMode
  /// The inputs, to read.
  public let inputs: TensorList
  /// The outputs, to write; those after the first are empty where nobody uses them.
  public let outputs: TensorList
  /// The parameters, to read.
  public let parameters: TensorList
  /// The states: to read, and in training to write.
  public let states: TensorList
  /// What `prepare` wrote, to read; empty when training.
  public let prepared: UnsafeMutableBufferPointer<Float>
  /// To write for `backward`; empty when predicting.
  public let cache: UnsafeMutableBufferPointer<Float>
  /// Temporary memory.
  public let scratch: UnsafeMutableBufferPointer<Float>
  /// The key of every random number that this call may use.
  public let random: RandomKey
  /// Threads, random numbers and products of matrices.
  public let services: LayerServices

  /// Describes a call; the host does this.
  public init(
    batch: Int, mode: ExecutionMode, inputs: TensorList, outputs: TensorList,
    parameters: TensorList, states: TensorList, prepared: UnsafeMutableBufferPointer<Float>,
    cache: UnsafeMutableBufferPointer<Float>, scratch: UnsafeMutableBufferPointer<Float>,
    random: RandomKey, services: LayerServices
  ) {
    self.batch = batch
    self.mode = mode
    self.inputs = inputs
    self.outputs = outputs
    self.parameters = parameters
    self.states = states
    self.prepared = prepared
    self.cache = cache
    self.scratch = scratch
    self.random = random
    self.services = services
  }
}

/// What a layer's backward pass reads and writes.
public struct BackwardCall: ~Copyable {
  /// The number of samples.
  public let batch: Int
  /// The inputs of the forward pass; empty unless the layer's `backwardReads` has them.
  public let inputs: TensorList
  /// The outputs of the forward pass; empty unless the layer's `backwardReads` has them.
  public let outputs: TensorList
  /// The gradients of the outputs, to read; empty for outputs that nobody uses.
  public let outputGradients: TensorList
  /// The gradients of the inputs, to overwrite; empty where nobody wants them.
  public let inputGradients: TensorList
  /// The parameters, to read.
  public let parameters: TensorList
  /// The gradients of the parameters, to add to; empty where a parameter is frozen.
  public let parameterGradients: TensorList
  /// Takes the gradients of parameters that the layer hands over in parts, where there is one: then
  /// `parameterGradients` are empty for them.
  public let gradientReceiver: (any GradientReceiver)?
  /// The states, to read.
  public let states: TensorList
  /// What `forward` wrote.
  public let cache: UnsafeMutableBufferPointer<Float>
  /// Temporary memory.
  public let scratch: UnsafeMutableBufferPointer<Float>
  /// The key that the forward pass had.
  public let random: RandomKey
  /// Threads, random numbers and products of matrices.
  public let services: LayerServices

  /// Describes a call; the host does this.
  public init(
    batch: Int, inputs: TensorList, outputs: TensorList, outputGradients: TensorList,
    inputGradients: TensorList, parameters: TensorList, parameterGradients: TensorList,
    gradientReceiver: (any GradientReceiver)? = nil, states: TensorList,
    cache: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableBufferPointer<Float>, random: RandomKey, services: LayerServices
  ) {
    self.batch = batch
    self.inputs = inputs
    self.outputs = outputs
    self.outputGradients = outputGradients
    self.inputGradients = inputGradients
    self.parameters = parameters
    self.parameterGradients = parameterGradients
    self.gradientReceiver = gradientReceiver
    self.states = states
    self.cache = cache
    self.scratch = scratch
    self.random = random
    self.services = services
  }
}

/// What a layer's preparation reads and writes.
public struct PrepareCall: ~Copyable {
  /// The parameters, to read.
  public let parameters: TensorList
  /// The states, to read.
  public let states: TensorList
  /// Room for the `preparedCount` numbers to write.
  public let prepared: UnsafeMutableBufferPointer<Float>
  /// Threads, random numbers and products of matrices.
  public let services: LayerServices

  /// Describes a call; the host does this.
  public init(
    parameters: TensorList, states: TensorList, prepared: UnsafeMutableBufferPointer<Float>,
    services: LayerServices
  ) {
    self.parameters = parameters
    self.states = states
    self.prepared = prepared
    self.services = services
  }
}
