import CNNKernels
import CNNLayerKit

/// Stochastic gradient descent: parameter −= rate · gradient.
public struct SGD: Optimizer {
  /// Creates the optimizer.
  public init() {}

  static let type = OptimizerType(
    "sgd", "stochastic gradient descent", create: { (_) throws(CNNError) in SGD() })

  /// Changes a range of parameters.
  public func update(_ call: OptimizerCall) {
    OptimizerUpdate.sgd(
      call.parameters, gradient: call.gradients, count: call.count, attributes: call.attributes,
      slots: call.concurrency)
  }
}
