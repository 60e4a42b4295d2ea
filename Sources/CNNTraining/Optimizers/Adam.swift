import CNNKernels
public import CNNLayerKit

/// Steps of running means of the gradient over roots of running means of its square, both corrected
/// for having started at zero (Kingma and Ba, Adam, 2015); with decoupled weight decay it is AdamW
/// (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019).
public struct Adam: Optimizer {
  /// The share of the old mean of the gradient.
  public let beta1: Double
  /// The share of the old mean of its square.
  public let beta2: Double
  /// What is added to the denominator.
  public let epsilon: Double
  /// Whether weight decay shrinks the parameters instead of joining the gradients.
  public let isDecoupled: Bool

  /// Creates the optimizer.
  ///
  /// - Parameters:
  ///   - beta1: From 0 up to, but not including, 1.
  ///   - beta2: From 0 up to, but not including, 1.
  ///   - epsilon: Above 0, at most 1.
  ///   - decoupled: Whether weight decay is decoupled.
  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, decoupled: Bool = false
  ) throws(CNNError) {
    for (name, beta) in [("beta1", beta1), ("beta2", beta2)] where !(0..<1).contains(beta) {
      throw .invalidArgument("\(name) is at least 0 and below 1, got \(beta)")
    }
    try checkEpsilon(epsilon)
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    isDecoupled = decoupled
  }

  static let type = makeType("adam", "Adam, with bias correction", decoupled: false)

  static let decoupledType = makeType("adamw", "Adam with decoupled weight decay", decoupled: true)

  private static func makeType(
    _ name: String, _ summary: String, decoupled: Bool
  ) -> OptimizerType {
    OptimizerType(
      name, summary,
      attributes: [
        AttributeSpecification(
          "beta1", .number(0...0.999_999_9), default: 0.9, "the share of the old mean"),
        AttributeSpecification(
          "beta2", .number(0...0.999_999_9), default: 0.999, "the share of the old mean square"),
        epsilonAttribute,
      ],
      create: { attributes throws(CNNError) in
        try Adam(
          beta1: try attributes.number("beta1"), beta2: try attributes.number("beta2"),
          epsilon: try attributes.number("epsilon"), decoupled: decoupled)
      })
  }

  /// The mean of the gradient and the mean of its square.
  public let stateNames = ["exp_avg", "exp_avg_sq"]

  /// 0.001.
  public var defaultLearningRate: Double { 0.001 }

  /// Changes a range of parameters.
  public func update(_ call: OptimizerCall) {
    guard let first = call.state(0), let second = call.state(1) else { return }
    OptimizerUpdate.adam(
      call.parameters, gradient: call.gradients, firstMoment: first, secondMoment: second,
      count: call.count, step: call.step, beta1: beta1, beta2: beta2, epsilon: Float(epsilon),
      isDecoupled: isDecoupled, attributes: call.attributes, slots: call.concurrency)
  }
}
