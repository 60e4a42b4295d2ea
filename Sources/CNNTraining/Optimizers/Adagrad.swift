import CNNKernels
public import CNNLayerKit

/// Divides each gradient by the root of the sum of all its squares so far.
///
/// s += gradient²; parameter −= rate · gradient / (√s + epsilon) (Duchi, Hazan and Singer, Adaptive
/// Subgradient Methods, 2011).
public struct Adagrad: Optimizer {
  /// What is added to the denominator.
  public let epsilon: Double

  /// Creates the optimizer.
  ///
  /// - Parameter epsilon: Above 0, at most 1.
  public init(epsilon: Double = 1e-8) throws(CNNError) {
    try checkEpsilon(epsilon)
    self.epsilon = epsilon
  }

  static let type = OptimizerType(
    "adagrad", "gradients divided by the root of the sum of their squares",
    attributes: [epsilonAttribute],
    create: { attributes throws(CNNError) in
      try Adagrad(epsilon: try attributes.number("epsilon"))
    })

  /// The sum of the squares.
  public let stateNames = ["sum"]

  /// Changes a range of parameters.
  public func update(_ call: OptimizerCall) {
    guard let squares = call.state(0) else { return }
    OptimizerUpdate.adagrad(
      call.parameters, gradient: call.gradients, squares: squares, count: call.count,
      epsilon: Float(epsilon), attributes: call.attributes, slots: call.concurrency)
  }
}
