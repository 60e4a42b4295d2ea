import CNNKernels
public import CNNLayerKit

/// Cross-entropy of the sigmoid of logits with probabilities, each element a question of its own.
///
/// For a logit x and a target t from 0 to 1, −t · log σ(x) − (1 − t) · log(1 − σ(x)), averaged over
/// all elements of all samples; PyTorch's `binary_cross_entropy_with_logits`.
public struct SigmoidCrossEntropy: Loss {
  /// Creates the loss.
  public init() {}

  static let type = LossType(
    "sigmoid_cross_entropy", "cross-entropy of the sigmoid of logits with targets from 0 to 1",
    create: { (_) throws(CNNError) in SigmoidCrossEntropy() })

  /// Numbers from 0 to 1.
  public let targets: LossTargets = .values

  /// The logistic function.
  public var appliedFunction: ElementaryFunction? { .sigmoid }

  /// Returns the mean over all elements.
  public func evaluate(_ call: LossCall) throws(CNNError) -> Double {
    let targets = try call.values("sigmoid_cross_entropy")
    return CNNKernels.Loss.sigmoidCrossEntropy(
      logits: call.output, targets: targets, gradient: call.gradient, count: call.count,
      divisor: call.count, gradientScale: call.weight, slots: call.concurrency)
  }
}
