import Glibc

/// Updates of parameters, fused into one pass over parameter, gradient and state.
///
/// In all of them g = gradientScale · gradient + weightDecay · parameter, except in decoupled Adam.
/// State buffers have the parameter's count and start as zeros. Gradients are not changed.
package enum OptimizerUpdate {
  private static var kernels: any OptimizerKernels.Type { Kernels.active.vector.optimizer }

  /// Stochastic gradient descent: p -= learningRate · g.
  package static func sgd(
    _ parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, count: Int,
    attributes: UpdateAttributes, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      kernels.sgd(
        parameter + range.lowerBound, gradient + range.lowerBound, range.count, attributes)
    }
  }

  /// Momentum: v = momentum · v + g; p -= learningRate · v, or with Nesterov's variant
  /// p -= learningRate · (g + momentum · v).
  package static func momentum(
    _ parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    velocity: UnsafeMutablePointer<Float>, count: Int, momentum: Float, nesterov: Bool = false,
    attributes: UpdateAttributes, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.momentum(
        parameter + start, gradient + start, velocity + start, range.count, momentum, nesterov,
        attributes)
    }
  }

  /// RMSProp: s = decay · s + (1 - decay) · g²; p -= learningRate · g / (√s + epsilon).
  package static func rmsProp(
    _ parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    squares: UnsafeMutablePointer<Float>, count: Int, decay: Float = 0.99, epsilon: Float = 1e-8,
    attributes: UpdateAttributes, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.rmsProp(
        parameter + start, gradient + start, squares + start, range.count, decay, epsilon,
        attributes)
    }
  }

  /// Adagrad: s += g²; p -= learningRate · g / (√s + epsilon).
  package static func adagrad(
    _ parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    squares: UnsafeMutablePointer<Float>, count: Int, epsilon: Float = 1e-10,
    attributes: UpdateAttributes, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.adagrad(
        parameter + start, gradient + start, squares + start, range.count, epsilon, attributes)
    }
  }

  /// Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) if `isDecoupled`.
  ///
  /// m = beta1 · m + (1 - beta1) · g; v = beta2 · v + (1 - beta2) · g²;
  /// p -= learningRate · m / (1 - beta1^step) / (√(v / (1 - beta2^step)) + epsilon). AdamW leaves the
  /// weight decay out of g and multiplies p by 1 - learningRate · weightDecay first.
  ///
  /// - Parameter step: 1 for the first update, and one more for each.
  package static func adam(
    _ parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>,
    count: Int, step: Int, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Float = 1e-8,
    isDecoupled: Bool = false, attributes: UpdateAttributes, slots: Int
  ) {
    let exponent = Double(max(step, 1))
    let adam = AdamAttributes(
      beta1: Float(beta1), beta2: Float(beta2), complement1: Float(1 - beta1),
      complement2: Float(1 - beta2),
      stepSize: Float(Double(attributes.learningRate) / (1 - pow(beta1, exponent))),
      inverseRootCorrection: Float(1 / (1 - pow(beta2, exponent)).squareRoot()),
      epsilon: epsilon, isDecoupled: isDecoupled)
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.adam(
        parameter + start, gradient + start, firstMoment + start, secondMoment + start,
        range.count, adam, attributes)
    }
  }
}
