import Glibc

/// What `OptimizerUpdate` computes, for one parameter; for tests.
package struct ReferenceOptimizer {
  /// The parameter.
  package var parameter: Double
  /// Velocity, first moment, or sum of squares.
  package var first = 0.0
  /// The second moment.
  package var second = 0.0
  /// The learning rate.
  package var rate: Double
  /// The weight decay.
  package var decay: Double
  /// The factor of the gradient.
  package var gradientScale: Double

  /// Starts with empty state.
  package init(parameter: Double, rate: Double, decay: Double, gradientScale: Double) {
    self.parameter = parameter
    self.rate = rate
    self.decay = decay
    self.gradientScale = gradientScale
  }

  private func effective(_ gradient: Double) -> Double {
    gradientScale * gradient + decay * parameter
  }

  /// Gradient descent.
  package mutating func sgd(_ gradient: Double) { parameter -= rate * effective(gradient) }

  /// Momentum.
  package mutating func momentum(_ gradient: Double, momentum: Double, nesterov: Bool) {
    let g = effective(gradient)
    first = momentum * first + g
    parameter -= rate * (nesterov ? g + momentum * first : first)
  }

  /// RMSProp.
  package mutating func rmsProp(_ gradient: Double, decay: Double, epsilon: Double) {
    let g = effective(gradient)
    first = decay * first + (1 - decay) * g * g
    parameter -= rate * g / (sqrt(first) + epsilon)
  }

  /// Adagrad.
  package mutating func adagrad(_ gradient: Double, epsilon: Double) {
    let g = effective(gradient)
    first += g * g
    parameter -= rate * g / (sqrt(first) + epsilon)
  }

  /// Adam, and AdamW if `isDecoupled`.
  package mutating func adam(
    _ gradient: Double, step: Int, beta1: Double, beta2: Double, epsilon: Double,
    isDecoupled: Bool
  ) {
    let g = isDecoupled ? gradientScale * gradient : effective(gradient)
    if isDecoupled { parameter *= 1 - rate * decay }
    first = beta1 * first + (1 - beta1) * g
    second = beta2 * second + (1 - beta2) * g * g
    let m = first / (1 - pow(beta1, Double(step)))
    let v = second / (1 - pow(beta2, Double(step)))
    parameter -= rate * m / (sqrt(v) + epsilon)
  }
}
