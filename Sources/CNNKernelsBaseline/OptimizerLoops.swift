import CNNKernelTypes

/// Applies f to a parameter, its gradient and one or two state numbers.
@inline(__always)
private func step(
  _ p: MutableFloatPointer, _ g: FloatPointer, _ s: MutableFloatPointer, _ count: Int,
  _ f: (Vector, Vector, Vector) -> (parameter: Vector, state: Vector)
) {
  var i = 0
  while i &+ 8 <= count {
    let (parameter, state) = f(load(p + i), load(g + i), load(s + i))
    store(state, s + i)
    store(parameter, p + i)
    i &+= 8
  }
  if i < count {
    let rest = count &- i
    let (parameter, state) = f(load(p + i, rest), load(g + i, rest), load(s + i, rest))
    store(state, s + i, rest)
    store(parameter, p + i, rest)
  }
}

/// The gradient as the update sees it: scaled, with the decay added.
private struct EffectiveGradient {
  let scale: Vector
  let decay: Vector

  @inline(__always)
  init(_ update: UpdateAttributes) {
    scale = lanes(update.gradientScale)
    decay = lanes(update.weightDecay)
  }

  @inline(__always)
  func callAsFunction(_ g: Vector, _ p: Vector) -> Vector { scale * g + decay * p }
}

enum OptimizerLoops: OptimizerKernels {
  static func sgd(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ count: Int, _ attributes: UpdateAttributes
  ) {
    let rate = lanes(attributes.learningRate)
    let effective = EffectiveGradient(attributes)
    var i = 0
    while i &+ 8 <= count {
      let old = load(p + i)
      store(old - rate * effective(load(g + i), old), p + i)
      i &+= 8
    }
    if i < count {
      let rest = count &- i
      let old = load(p + i, rest)
      store(old - rate * effective(load(g + i, rest), old), p + i, rest)
    }
  }

  static func momentum(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ velocity: MutableFloatPointer, _ count: Int,
    _ momentum: Float, _ nesterov: Bool, _ attributes: UpdateAttributes
  ) {
    let rate = lanes(attributes.learningRate)
    let mu = lanes(momentum)
    let effective = EffectiveGradient(attributes)
    if nesterov {
      step(p, g, velocity, count) { p, g, v in
        let d = effective(g, p)
        let next = mu * v + d
        return (p - rate * (d + mu * next), next)
      }
    } else {
      step(p, g, velocity, count) { p, g, v in
        let next = mu * v + effective(g, p)
        return (p - rate * next, next)
      }
    }
  }

  static func rmsProp(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ squares: MutableFloatPointer, _ count: Int,
    _ decay: Float, _ epsilon: Float, _ attributes: UpdateAttributes
  ) {
    let rate = lanes(attributes.learningRate)
    let old = lanes(decay)
    let new = lanes(1 - decay)
    let small = lanes(epsilon)
    let effective = EffectiveGradient(attributes)
    step(p, g, squares, count) { p, g, s in
      let d = effective(g, p)
      let next = old * s + new * (d * d)
      return (p - rate * (d / (squareRoot(next) + small)), next)
    }
  }

  static func adagrad(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ squares: MutableFloatPointer, _ count: Int,
    _ epsilon: Float, _ attributes: UpdateAttributes
  ) {
    let rate = lanes(attributes.learningRate)
    let small = lanes(epsilon)
    let effective = EffectiveGradient(attributes)
    step(p, g, squares, count) { p, g, s in
      let d = effective(g, p)
      let next = s + d * d
      return (p - rate * (d / (squareRoot(next) + small)), next)
    }
  }

  static func adam(
    _ p: MutableFloatPointer, _ g: FloatPointer, _ first: MutableFloatPointer,
    _ second: MutableFloatPointer, _ count: Int, _ adam: AdamAttributes,
    _ attributes: UpdateAttributes
  ) {
    // Decoupled decay shrinks the parameter and leaves the gradient alone.
    var gradient = attributes
    if adam.isDecoupled { gradient.weightDecay = 0 }
    let effective = EffectiveGradient(gradient)
    let shrink = lanes(
      adam.isDecoupled ? 1 - attributes.learningRate * attributes.weightDecay : 1)
    var i = 0
    while i &+ 8 <= count {
      let old = load(p + i)
      let d = effective(load(g + i), old)
      let (m, v) = moments(load(first + i), load(second + i), d, adam)
      store(m, first + i)
      store(v, second + i)
      store(shrink * old - adamStep(m, v, adam), p + i)
      i &+= 8
    }
    if i < count {
      let rest = count &- i
      let old = load(p + i, rest)
      let d = effective(load(g + i, rest), old)
      let (m, v) = moments(load(first + i, rest), load(second + i, rest), d, adam)
      store(m, first + i, rest)
      store(v, second + i, rest)
      store(shrink * old - adamStep(m, v, adam), p + i, rest)
    }
  }

  @inline(__always)
  private static func moments(_ m: Vector, _ v: Vector, _ d: Vector, _ adam: AdamAttributes)
    -> (Vector, Vector)
  {
    (
      lanes(adam.beta1) * m + lanes(adam.complement1) * d,
      lanes(adam.beta2) * v + lanes(adam.complement2) * (d * d)
    )
  }

  @inline(__always)
  private static func adamStep(_ m: Vector, _ v: Vector, _ adam: AdamAttributes) -> Vector {
    let root = squareRoot(v) * lanes(adam.inverseRootCorrection)
    return lanes(adam.stepSize) * (m / (root + lanes(adam.epsilon)))
  }
}
