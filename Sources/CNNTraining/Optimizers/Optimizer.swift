import CNNKernels
public import CNNLayerKit

/// A rule that changes parameters by their gradients.
///
/// An optimizer is made once from its attributes and never changes: what it remembers from step to
/// step lies in state buffers that the host keeps, saves and restores.
public protocol Optimizer: Sendable {
  /// The names of the numbers that are remembered for each parameter, as PyTorch has them:
  /// `momentum_buffer`, `exp_avg`. They start as zeros.
  var stateNames: [String] { get }

  /// The learning rate where options give none.
  var defaultLearningRate: Double { get }

  /// Whether each call has to be for all numbers of one parameter, because the rule looks at its norm,
  /// say. False by default: then parameters come in any ranges, as soon as their gradients are there.
  var needsWholeParameters: Bool { get }

  /// Changes a range of parameters and their states.
  ///
  /// Allocates nothing, and gives the same bits for any number of threads and, unless
  /// `needsWholeParameters`, however parameters are cut into ranges. May be called from several
  /// threads at once, for ranges that do not overlap.
  /// - Throws: What keeps the rule from working; parameters that were changed before stay so.
  func update(_ call: OptimizerCall) throws(CNNError)
}

extension Optimizer {
  /// None.
  public var stateNames: [String] { [] }
  /// 0.01.
  public var defaultLearningRate: Double { 0.01 }
  /// False.
  public var needsWholeParameters: Bool { false }
}

/// A range of parameters to change; valid during the call.
///
/// The gradient to use is `gradientScale` times what `gradients` hold, and, for L2 decay,
/// `weightDecay` times the parameter is added to it.
public struct OptimizerCall {
  /// The parameters, to change.
  public let parameters: UnsafeMutablePointer<Float>
  /// Their gradients, to read.
  public let gradients: UnsafePointer<Float>
  /// How many there are.
  public let count: Int
  /// The number of this step, from 1.
  public let step: Int
  /// The learning rate of this step.
  public let learningRate: Double
  /// The factor of the decay; 0 for parameters that are exempt.
  public let weightDecay: Double
  /// The factor of the gradients, from clipping and from adding up several batches.
  public let gradientScale: Double
  /// How many threads may work.
  public let concurrency: Int

  private let states: UnsafeMutablePointer<Float>?
  private let stateStride: Int

  /// Describes a call.
  ///
  /// - Parameters:
  ///   - states: The first state of the first parameter, or nil if there are none.
  ///   - stateStride: The distance from one state of a parameter to the next.
  public init(
    parameters: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, count: Int,
    states: UnsafeMutablePointer<Float>?, stateStride: Int, step: Int, learningRate: Double,
    weightDecay: Double = 0, gradientScale: Double = 1, concurrency: Int = 1
  ) {
    self.parameters = parameters
    self.gradients = gradients
    self.count = count
    self.states = states
    self.stateStride = stateStride
    self.step = step
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.gradientScale = gradientScale
    self.concurrency = concurrency
  }

  /// State `index` of the parameters, in the order of `stateNames`; nil if there is none.
  public func state(_ index: Int) -> UnsafeMutablePointer<Float>? {
    states.map { $0 + index * stateStride }
  }
}

/// A kind of optimizer: a name for options, and how to make one.
public struct OptimizerType: NamedType {
  /// "optimizer".
  public static let kind = "optimizer"
  /// The name, as options give it.
  public let name: String
  /// What the optimizer does, in one sentence.
  public let summary: String
  /// The attributes that options may give beside "type".
  public let attributes: [AttributeSpecification]
  /// Makes an optimizer from checked attributes.
  public let create: @Sendable (Attributes) throws(CNNError) -> any Optimizer

  /// Describes a kind of optimizer.
  public init(
    _ name: String, _ summary: String, attributes: [AttributeSpecification] = [],
    create: @escaping @Sendable (Attributes) throws(CNNError) -> any Optimizer
  ) {
    self.name = name
    self.summary = summary
    self.attributes = attributes
    self.create = create
  }
}

/// The kinds of optimizer that options may name.
public typealias OptimizerRegistry = NamedRegistry<OptimizerType>

private let sharedOptimizers = OptimizerRegistry([
  SGD.type, Momentum.type, Momentum.nesterovType, RMSProp.type, Adagrad.type, Adam.type,
  Adam.decoupledType,
])

extension NamedRegistry where Entry == OptimizerType {
  /// The registry of the process, which knows the built-in optimizers.
  public static var shared: OptimizerRegistry { sharedOptimizers }
}

/// Which optimizer, with which attributes.
public struct OptimizerSpecification: Hashable, Sendable {
  /// The name of the optimizer, as `OptimizerRegistry` knows it.
  public var type: String
  /// The attributes that differ from its defaults.
  public var attributes: [String: AttributeValue]

  /// Specifies an optimizer.
  public init(_ type: String, attributes: [String: AttributeValue] = [:]) {
    self.type = type
    self.attributes = attributes
  }

  /// Reads the value of the option "optimizer".
  ///
  /// - Throws: `invalidArgument`, or `unknownName` for an optimizer or attribute that does not
  ///   exist.
  public init(_ value: AttributeValue) throws(CNNError) {
    (type, attributes) = try typeAndAttributes(value, of: "an optimizer")
    _ = try make()
  }

  /// Makes the optimizer.
  ///
  /// - Throws: `unknownName`, `invalidArgument`.
  func make(registry: OptimizerRegistry = .shared) throws(CNNError) -> any Optimizer {
    let entry = try registry.entry(named: type)
    do throws(CNNError) {
      return try entry.create(Attributes(attributes, checkedAgainst: entry.attributes))
    } catch {
      throw error.prefixed(by: "optimizer \"\(type)\"")
    }
  }

  var value: AttributeValue { jsonValue(type: type, attributes: attributes) }
}

extension OptimizerCall {
  /// The numbers that all built-in rules hand to their kernel.
  var attributes: UpdateAttributes {
    UpdateAttributes(
      learningRate: Float(learningRate), weightDecay: Float(weightDecay),
      gradientScale: Float(gradientScale))
  }
}
