import CNNKernels
public import CNNLayerKit

/// Gradient descent with momentum, optionally Nesterov's.
///
/// v = momentum · v + gradient; parameter −= rate · v, or with Nesterov's variant
/// rate · (gradient + momentum · v), as PyTorch has it (Sutskever et al., On the Importance of
/// Initialization and Momentum in Deep Learning, 2013).
public struct Momentum: Optimizer {
  /// The share of the old velocity.
  public let momentum: Double
  /// Whether the step looks ahead.
  public let isNesterov: Bool

  /// Creates the optimizer.
  ///
  /// - Parameters:
  ///   - momentum: From 0 to 1.
  ///   - nesterov: Whether the step looks ahead.
  public init(momentum: Double = 0.9, nesterov: Bool = false) throws(CNNError) {
    guard momentum >= 0, momentum <= 1 else {
      throw .invalidArgument("momentum is from 0 to 1, got \(momentum)")
    }
    self.momentum = momentum
    isNesterov = nesterov
  }

  private static let momentumAttribute = AttributeSpecification(
    "momentum", .number(0...1), default: 0.9, "the share of the old velocity")

  static let type = OptimizerType(
    "momentum", "gradient descent with momentum",
    attributes: [
      momentumAttribute,
      AttributeSpecification(
        "nesterov", .boolean, default: false, "whether the step looks ahead"),
    ],
    create: { attributes throws(CNNError) in
      try Momentum(
        momentum: try attributes.number("momentum"), nesterov: try attributes.boolean("nesterov"))
    })

  static let nesterovType = OptimizerType(
    "nesterov", "gradient descent with Nesterov's momentum", attributes: [momentumAttribute],
    create: { attributes throws(CNNError) in
      try Momentum(momentum: try attributes.number("momentum"), nesterov: true)
    })

  /// The velocity.
  public let stateNames = ["momentum_buffer"]

  /// Changes a range of parameters.
  public func update(_ call: OptimizerCall) {
    guard let velocity = call.state(0) else { return }
    OptimizerUpdate.momentum(
      call.parameters, gradient: call.gradients, velocity: velocity, count: call.count,
      momentum: Float(momentum), nesterov: isNesterov, attributes: call.attributes,
      slots: call.concurrency)
  }
}
