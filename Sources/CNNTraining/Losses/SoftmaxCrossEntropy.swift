import CNNKernels
public import CNNLayerKit

/// Cross-entropy of the softmax of logits with classes or with rows of probabilities.
///
/// For logits x at one position and target probabilities t, −Σ t · log softmax(x), averaged over
/// all positions of all samples. The classes lie along the last axis. As in PyTorch's
/// `cross_entropy`, label smoothing s replaces t by (1 − s) · t + s / classes, where a class is a row
/// of 1 at the class and 0 elsewhere (Szegedy et al., Rethinking the Inception Architecture, 2016).
public struct SoftmaxCrossEntropy: Loss {
  /// The share that is spread over all classes.
  public let labelSmoothing: Double

  /// Creates the loss.
  ///
  /// - Parameter labelSmoothing: From 0 up to, but not including, 1.
  public init(labelSmoothing: Double = 0) throws(CNNError) {
    guard labelSmoothing >= 0, labelSmoothing < 1 else {
      throw .invalidArgument("label_smoothing is at least 0 and below 1, got \(labelSmoothing)")
    }
    self.labelSmoothing = labelSmoothing
  }

  static let type = LossType(
    "softmax_cross_entropy", "cross-entropy of the softmax of logits with classes",
    attributes: [
      AttributeSpecification(
        "label_smoothing", .number(0...0.999_999), default: 0.0,
        "the share of each label that is spread over all classes")
    ],
    create: { attributes throws(CNNError) in
      try SoftmaxCrossEntropy(labelSmoothing: try attributes.number("label_smoothing"))
    })

  /// Class numbers, or a row of probabilities for each position.
  public let targets: LossTargets = [.labels, .values]

  /// Softmax.
  public var appliedFunction: ElementaryFunction? { .softmax }

  /// Checks that there are at least two classes.
  public func check(_ shape: Shape) throws(CNNError) {
    guard let classes = shape.sizes.last, classes >= 2 else {
      throw .shapeMismatch(
        "softmax_cross_entropy needs a logit for each of at least 2 classes along the last axis, "
          + "the output's shape is \(shape); sigmoid_cross_entropy takes a single logit")
    }
  }

  /// Returns the mean over all positions.
  public func evaluate(_ call: LossCall) throws(CNNError) -> Double {
    switch call.target {
    case .labels(let labels):
      let result = CNNKernels.Loss.softmaxCrossEntropy(
        logits: call.output, labels: labels, gradient: call.gradient, rows: call.rows,
        classes: call.classes, labelSmoothing: Float(labelSmoothing), gradientScale: call.weight,
        slots: call.concurrency)
      guard result.firstInvalidRow < 0 else {
        throw .invalidArgument(
          "the label of position \(result.firstInvalidRow) is \(labels[result.firstInvalidRow]), "
            + "and must be from 0 to \(call.classes - 1)")
      }
      return result.value
    case .values(let values):
      return CNNKernels.Loss.softmaxCrossEntropy(
        logits: call.output, probabilities: values, gradient: call.gradient, rows: call.rows,
        classes: call.classes, labelSmoothing: Float(labelSmoothing), gradientScale: call.weight,
        slots: call.concurrency)
    }
  }
}
