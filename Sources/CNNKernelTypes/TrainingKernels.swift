/// Losses of a range, summed, with their gradients; `factor` multiplies the gradient.
package protocol LossKernels: Sendable {
  /// The cross-entropy of one row with a target that is `smooth` everywhere and `smooth + peak` at
  /// `label`.
  static func crossEntropyRow(
    _ logits: FloatPointer, _ label: Int, _ peak: Float, _ smooth: Float, _ factor: Float,
    _ classes: Int, _ gradient: MutableFloatPointer?
  ) -> Double
  /// The cross-entropy of one row with `smooth` + `peak` times a row of probabilities.
  static func crossEntropyRow(
    _ logits: FloatPointer, _ target: FloatPointer, _ peak: Float, _ smooth: Float,
    _ factor: Float, _ classes: Int, _ gradient: MutableFloatPointer?
  ) -> Double
  /// Σ max(x, 0) - x · t + log(1 + exp(-|x|))
  static func sigmoidCrossEntropy(
    _ logits: FloatPointer, _ target: FloatPointer, _ factor: Float, _ count: Int,
    _ gradient: MutableFloatPointer?
  ) -> Double
  /// Σ (x - t)²
  static func squaredError(
    _ x: FloatPointer, _ target: FloatPointer, _ factor: Float, _ count: Int,
    _ gradient: MutableFloatPointer?
  ) -> Double
  /// Σ d² / 2 / beta for |d| below beta and |d| - beta / 2 elsewhere, d = x - t
  static func smoothL1(
    _ x: FloatPointer, _ target: FloatPointer, _ beta: Float, _ factor: Float, _ count: Int,
    _ gradient: MutableFloatPointer?
  ) -> Double
}

/// What all updates of parameters share.
package struct UpdateAttributes: Hashable, Sendable {
  /// The step size.
  package var learningRate: Float
  /// The factor of the parameters in the gradient (L2), or their decay in AdamW.
  package var weightDecay: Float
  /// What the gradient is multiplied with first, for clipping and averaging.
  package var gradientScale: Float

  /// Creates attributes.
  package init(learningRate: Float, weightDecay: Float = 0, gradientScale: Float = 1) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.gradientScale = gradientScale
  }
}

/// The numbers of one step of Adam.
package struct AdamAttributes: Hashable, Sendable {
  /// The share of the old first moment.
  package var beta1: Float
  /// The share of the old second moment.
  package var beta2: Float
  /// 1 - beta1, rounded once.
  package var complement1: Float
  /// 1 - beta2, rounded once.
  package var complement2: Float
  /// The learning rate divided by 1 - beta1^step.
  package var stepSize: Float
  /// 1 divided by the root of 1 - beta2^step.
  package var inverseRootCorrection: Float
  /// What is added to the denominator.
  package var epsilon: Float
  /// Whether the weight decay is decoupled (AdamW).
  package var isDecoupled: Bool

  /// Creates attributes.
  package init(
    beta1: Float, beta2: Float, complement1: Float, complement2: Float, stepSize: Float,
    inverseRootCorrection: Float, epsilon: Float, isDecoupled: Bool
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.complement1 = complement1
    self.complement2 = complement2
    self.stepSize = stepSize
    self.inverseRootCorrection = inverseRootCorrection
    self.epsilon = epsilon
    self.isDecoupled = isDecoupled
  }
}

/// Updates of parameters, in one pass over everything.
package protocol OptimizerKernels: Sendable {
  /// p -= rate · g
  static func sgd(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ count: Int, _ update: UpdateAttributes)
  /// v = momentum · v + g; p -= rate · (g + momentum · v if nesterov, else v)
  static func momentum(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ velocity: MutableFloatPointer, _ count: Int,
    _ momentum: Float, _ nesterov: Bool, _ update: UpdateAttributes)
  /// s = decay · s + (1 - decay) · g²; p -= rate · g / (√s + epsilon)
  static func rmsProp(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ squares: MutableFloatPointer, _ count: Int,
    _ decay: Float, _ epsilon: Float, _ update: UpdateAttributes)
  /// s += g²; p -= rate · g / (√s + epsilon)
  static func adagrad(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ squares: MutableFloatPointer, _ count: Int,
    _ epsilon: Float, _ update: UpdateAttributes)
  /// Adam and AdamW.
  static func adam(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ first: MutableFloatPointer,
    _ second: MutableFloatPointer, _ count: Int, _ adam: AdamAttributes,
    _ update: UpdateAttributes)
}
