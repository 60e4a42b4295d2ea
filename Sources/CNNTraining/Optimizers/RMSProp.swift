import CNNKernels
public import CNNLayerKit

/// Divides each gradient by a running root of its mean square.
///
/// s = decay · s + (1 − decay) · gradient²; parameter −= rate · gradient / (√s + epsilon)
/// (Tieleman and Hinton, lecture 6.5 of Neural Networks for Machine Learning, 2012).
public struct RMSProp: Optimizer {
  /// The share of the old mean square.
  public let decay: Double
  /// What is added to the denominator.
  public let epsilon: Double

  /// Creates the optimizer.
  ///
  /// - Parameters:
  ///   - decay: From 0 to 1.
  ///   - epsilon: Above 0, at most 1.
  public init(decay: Double = 0.99, epsilon: Double = 1e-8) throws(CNNError) {
    guard decay >= 0, decay <= 1 else {
      throw .invalidArgument("decay is from 0 to 1, got \(decay)")
    }
    try checkEpsilon(epsilon)
    self.decay = decay
    self.epsilon = epsilon
  }

  static let type = OptimizerType(
    "rmsprop", "gradients divided by a running root of their mean square",
    attributes: [
      AttributeSpecification(
        "decay", .number(0...1), default: 0.99, "the share of the old mean square"),
      epsilonAttribute,
    ],
    create: { attributes throws(CNNError) in
      try RMSProp(
        decay: try attributes.number("decay"), epsilon: try attributes.number("epsilon"))
    })

  /// The mean square.
  public let stateNames = ["square_avg"]

  /// 0.001.
  public var defaultLearningRate: Double { 0.001 }

  /// Changes a range of parameters.
  public func update(_ call: OptimizerCall) {
    guard let squares = call.state(0) else { return }
    OptimizerUpdate.rmsProp(
      call.parameters, gradient: call.gradients, squares: squares, count: call.count,
      decay: Float(decay), epsilon: Float(epsilon), attributes: call.attributes,
      slots: call.concurrency)
  }
}

/// The attribute of all rules that divide by a root.
let epsilonAttribute = AttributeSpecification(
  "epsilon", .number(1e-30...1), default: 1e-8, "what is added to the denominator")

/// Checks that a denominator stays above 0 also in 32 bits.
func checkEpsilon(_ epsilon: Double) throws(CNNError) {
  guard epsilon >= 1e-30, epsilon <= 1 else {
    throw .invalidArgument("epsilon is from 1e-30 to 1, got \(epsilon)")
  }
}
