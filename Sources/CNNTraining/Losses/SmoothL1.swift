import CNNKernels
public import CNNLayerKit

/// A parabola near the target and straight lines farther away, so that outliers pull less.
///
/// For a difference d to the target, d² / (2 · beta) where |d| < beta and |d| − beta / 2 elsewhere,
/// averaged over all elements of all samples (Girshick, Fast R-CNN, 2015).
public struct SmoothL1: Loss {
  /// The difference at which the parabola ends.
  public let beta: Double

  /// Creates the loss.
  ///
  /// - Parameter beta: From 0, which means the absolute difference, to 1e6.
  public init(beta: Double = 1) throws(CNNError) {
    guard beta >= 0, beta <= 1e6 else {
      throw .invalidArgument("beta is from 0 to 1e6, got \(beta)")
    }
    self.beta = beta
  }

  static let type = LossType(
    "smooth_l1", "squared near the target, absolute farther away",
    attributes: [
      AttributeSpecification(
        "beta", .number(0...1e6), default: 1.0, "the difference at which the parabola ends")
    ],
    create: { attributes throws(CNNError) in try SmoothL1(beta: try attributes.number("beta")) })

  /// Numbers.
  public let targets: LossTargets = .values

  /// Returns the mean over all elements.
  public func evaluate(_ call: LossCall) throws(CNNError) -> Double {
    let targets = try call.values("smooth_l1")
    return CNNKernels.Loss.smoothL1(
      predictions: call.output, targets: targets, gradient: call.gradient, count: call.count,
      divisor: call.count, beta: Float(beta), gradientScale: call.weight, slots: call.concurrency)
  }
}
