/// A layer: a function of tensors with trained parameters, and the gradient of that function.
///
/// A layer is made once, from its attributes and the shapes of its inputs, and never changes
/// afterwards: parameters, running statistics, and everything written while computing live in
/// memory that the host hands to each call. So one layer serves any number of threads, and saving,
/// optimizing, gradient checks and memory limits work without the layer's help.
///
/// Shapes are those of one sample. Tensors in a call have the batch axis in front, are contiguous,
/// and image-shaped ones are NHWC.
///
/// Only `outputs` and `forward` have to be there:
///
/// ```swift
/// struct Swish: Layer {
///   let outputs: [OutputDeclaration]
///   init(inputs: [Shape]) { outputs = [OutputDeclaration(shape: inputs[0])] }
///   func forward(_ call: borrowing ForwardCall) throws(CNNError) {
///     let (x, y) = (call.inputs[0], call.outputs[0])
///     for i in 0..<y.count { y[i] = x[i] / (1 + exp(-x[i])) }
///   }
/// }
/// ```
public protocol Layer: Sendable {
  /// What the layer produces, in order; at least one.
  var outputs: [OutputDeclaration] { get }

  /// The parameters that training changes. None by default.
  var parameters: [ParameterDeclaration] { get }

  /// Numbers that are kept with the model and not trained, such as running statistics. None by
  /// default.
  var states: [ParameterDeclaration] { get }

  /// What `backward` reads beside the gradients, so that the host can reuse the memory of
  /// everything else. Inputs and outputs by default.
  var backwardReads: BackwardReads { get }

  /// Whether `backward` exists. True by default; training a graph with a layer that says false is
  /// an error that names the layer.
  var isDifferentiable: Bool { get }

  /// Whether the first output may share memory with the first input in `forward`, and the first
  /// input's gradient with the first output's in `backward`. False by default.
  ///
  /// In training the host never lets a forward pass overwrite an input that `backward` reads, so a
  /// layer with `backwardReads` of inputs may say true.
  var supportsInPlace: Bool { get }

  /// Whether, when predicting, the first output may share memory with the input at `index`: by
  /// default with the first one, if `supportsInPlace`.
  func supportsInPlace(input index: Int) -> Bool

  /// Whether, when predicting, the first output has the numbers of the first input in the same
  /// order, so that the host may leave the layer out. False by default.
  var isIdentityInInference: Bool { get }

  /// Whether `backward` hands the gradient of the parameter at `index` to the call's
  /// `gradientReceiver`, where there is one, instead of adding it to memory for the whole gradient.
  /// False by default.
  func handsOverGradient(parameter index: Int) -> Bool

  /// An estimate of the additions and multiplications of `forward` for one sample. 0 by default.
  var operationCount: Int { get }

  /// Whether a gradient flows to the input at `index`. True by default; false for inputs that only
  /// select, such as remembered positions.
  func isDifferentiable(input index: Int) -> Bool

  /// How much memory calls with up to `batch` samples need beside the tensors. None by default.
  ///
  /// - Parameters:
  ///   - batch: The largest number of samples of a call, at least 1.
  ///   - mode: Whether the calls train or predict.
  ///   - concurrency: How many slots `parallelFor` will have.
  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace

  /// How many numbers `prepare` writes. 0 by default.
  var preparedCount: Int { get }

  /// Computes what depends on parameters and states alone, once before any number of predictions:
  /// folded scales, packed or transformed weights. Nothing by default.
  func prepare(_ call: borrowing PrepareCall) throws(CNNError)

  /// The function that the layer computes of its one input, if it is one that others may compute for
  /// it, bit for bit within rounding. Nil by default.
  var elementaryFunction: ElementaryFunction? { get }

  /// Returns one layer that computes this layer and then `next`, for prediction, or nil if there
  /// is none. Nil by default.
  ///
  /// The parameters and states of the returned layer are those of this layer followed by those of
  /// `next`.
  func fused(with next: any Layer) -> (any Layer)?

  /// Whether the output is the sum of the inputs and nothing else, so that a layer that makes one of
  /// two inputs may add the other one itself. False by default.
  var isSumOfInputs: Bool { get }

  /// Returns a layer of one more input that computes this layer and then adds that input to the
  /// output, for prediction, or nil if there is none. Nil by default.
  ///
  /// The new input is the last one and has the output's shape. Parameters and states are those of
  /// this layer.
  func fusedWithAddend() -> (any Layer)?

  /// A layer of the same function that computes it with the smallest rounding error, however long
  /// it takes. The layer itself by default.
  ///
  /// Graphs that ask for it (`"precise": true`) use it in place of the layer, so parameters, states
  /// and outputs have to be the same.
  var precise: any Layer { get }

  /// Returns one layer that computes this layer and then `next`, forward and backward, for training,
  /// or nil if there is none. By default a rectifier lets `next` do its work, if that is
  /// `InputRectifying`.
  ///
  /// The host asks where nobody else needs what lies between the two, and then there is no memory for
  /// it. The parameters and states of the returned layer are those of this layer followed by those of
  /// `next`. It gives the same bits as the two.
  func fusedForTraining(with next: any Layer) -> (any Layer)?

  /// Computes the outputs from the inputs.
  ///
  /// Writes every element of every output. May write `cache`, which `backward` will read, and, when
  /// training, `states`.
  func forward(_ call: borrowing ForwardCall) throws(CNNError)

  /// Computes gradients from the gradients of the outputs.
  ///
  /// Overwrites the gradient of each input that is asked for, and adds to the gradient of each
  /// parameter; see `handsOverGradient(parameter:)` for another way.
  func backward(_ call: borrowing BackwardCall) throws(CNNError)
}

extension Layer {
  /// No parameters.
  public var parameters: [ParameterDeclaration] { [] }
  /// No states.
  public var states: [ParameterDeclaration] { [] }
  /// Inputs and outputs.
  public var backwardReads: BackwardReads { [.inputs, .outputs] }
  /// True.
  public var isDifferentiable: Bool { true }
  /// False.
  public var supportsInPlace: Bool { false }
  /// The first input alone, if the layer supports it.
  public func supportsInPlace(input index: Int) -> Bool { index == 0 && supportsInPlace }
  /// False.
  public var isIdentityInInference: Bool { false }
  /// False.
  public func handsOverGradient(parameter index: Int) -> Bool { false }
  /// Unknown, counted as none.
  public var operationCount: Int { 0 }
  /// True.
  public func isDifferentiable(input index: Int) -> Bool { true }
  /// No memory.
  public func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError)
    -> Workspace
  {
    Workspace()
  }
  /// Nothing is prepared.
  public var preparedCount: Int { 0 }
  /// Nothing is prepared.
  public func prepare(_ call: borrowing PrepareCall) throws(CNNError) {}
  /// The layer itself.
  public var precise: any Layer { self }
  /// None that others know.
  public var elementaryFunction: ElementaryFunction? { nil }
  /// A rectifier lets the next layer do its work.
  public func fusedForTraining(with next: any Layer) -> (any Layer)? {
    guard elementaryFunction == .rectifier, parameters.isEmpty, states.isEmpty else { return nil }
    return (next as? any InputRectifying)?.rectifyingInput()
  }
  /// No fusion.
  public func fused(with next: any Layer) -> (any Layer)? { nil }
  /// False.
  public var isSumOfInputs: Bool { false }
  /// No fusion.
  public func fusedWithAddend() -> (any Layer)? { nil }
  /// Reports that the layer cannot be trained through.
  public func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    throw CNNError(.unsupported, "this layer has no backward pass, so it can only predict")
  }
}

/// One output of a layer.
public struct OutputDeclaration: Hashable, Sendable {
  /// The name by which graphs refer to it after a dot, as in `pool1.indices`; the first output
  /// also goes by the node's name alone.
  public let name: String
  /// The shape of one sample.
  public let shape: Shape
  /// Whether a gradient flows back into it; false for remembered positions.
  public let isDifferentiable: Bool

  /// Declares an output.
  public init(_ name: String = "output", shape: Shape, isDifferentiable: Bool = true) {
    self.name = name
    self.shape = shape
    self.isDifferentiable = isDifferentiable
  }
}

/// What a backward pass reads beside the gradients of the outputs.
public struct BackwardReads: OptionSet, Hashable, Sendable {
  /// The bits.
  public let rawValue: Int
  /// Creates a set from its bits.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// The inputs of the forward pass.
  public static let inputs = BackwardReads(rawValue: 1)
  /// The outputs of the forward pass.
  public static let outputs = BackwardReads(rawValue: 2)
}

/// Whether a call trains or predicts.
public enum ExecutionMode: Hashable, Sendable {
  /// Prediction: dropout passes everything, batch normalisation uses its running statistics.
  case inference
  /// Training: what `backward` needs is kept.
  case training
}

/// Memory that a layer needs for a call beside its tensors, in numbers of 4 bytes.
public struct Workspace: Hashable, Sendable {
  /// Memory that `forward` writes and `backward` reads, in training only.
  public var cache: Int
  /// Temporary memory during `forward`; its contents are undefined at the start.
  public var forwardScratch: Int
  /// Temporary memory during `backward`; its contents are undefined at the start.
  public var backwardScratch: Int

  /// Creates a workspace; every part is 0 unless given.
  public init(cache: Int = 0, forwardScratch: Int = 0, backwardScratch: Int = 0) {
    self.cache = cache
    self.forwardScratch = forwardScratch
    self.backwardScratch = backwardScratch
  }
}
