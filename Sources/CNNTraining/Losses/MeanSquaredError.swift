import CNNKernels
public import CNNLayerKit

/// The squared difference to the target, averaged over all elements of all samples.
public struct MeanSquaredError: Loss {
  /// Creates the loss.
  public init() {}

  static let type = LossType(
    "mean_squared_error", "the mean of the squared differences to the target",
    create: { (_) throws(CNNError) in MeanSquaredError() })

  /// Numbers.
  public let targets: LossTargets = .values

  /// Returns the mean over all elements.
  public func evaluate(_ call: LossCall) throws(CNNError) -> Double {
    let targets = try call.values("mean_squared_error")
    return CNNKernels.Loss.meanSquaredError(
      predictions: call.output, targets: targets, gradient: call.gradient, count: call.count,
      divisor: call.count, gradientScale: call.weight, slots: call.concurrency)
  }
}
