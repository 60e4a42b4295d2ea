import CNNKernelTypes

enum LossLoops: LossKernels {
  static func crossEntropyRow(
    _ logits: FloatPointer, _ label: Int, _ peak: Float, _ smooth: Float, _ factor: Float,
    _ classes: Int, _ gradient: MutableFloatPointer?
  ) -> Double {
    let shift = rowMaximum(logits, classes)
    let sum = exponentialSum(logits, shift, gradient, classes)
    let logSum = Double(shift) + Double(logarithm(lanes(sum))[0])
    // -Σ t · log p with t = smooth everywhere and peak more at the label.
    var loss = Double(peak) * (logSum - Double(logits[label]))
    if smooth != 0 {
      loss += Double(smooth) * (Double(classes) * logSum - ReductionLoops.sum(logits, classes))
    }
    if let gradient {
      let scale = lanes(factor / sum)
      let offset = lanes(factor * smooth)
      map(gradient, gradient, classes) { $0 * scale - offset }
      gradient[label] -= factor * peak
    }
    return loss
  }

  static func crossEntropyRow(
    _ logits: FloatPointer, _ target: FloatPointer, _ peak: Float, _ smooth: Float,
    _ factor: Float, _ classes: Int, _ gradient: MutableFloatPointer?
  ) -> Double {
    let shift = rowMaximum(logits, classes)
    let sum = exponentialSum(logits, shift, gradient, classes)
    let logSum = Double(shift) + Double(logarithm(lanes(sum))[0])
    var mass = Double(peak) * ReductionLoops.sum(target, classes)
    var product = Double(peak) * ReductionLoops.dot(target, logits, classes)
    if smooth != 0 {
      mass += Double(smooth) * Double(classes)
      product += Double(smooth) * ReductionLoops.sum(logits, classes)
    }
    if let gradient {
      let scale = lanes(factor * Float(mass) / sum)
      let f = lanes(factor * peak)
      let offset = lanes(factor * smooth)
      map(gradient, target, gradient, classes) { $0 * scale - f * $1 - offset }
    }
    return mass * logSum - product
  }

  static func sigmoidCrossEntropy(
    _ logits: FloatPointer, _ target: FloatPointer, _ factor: Float, _ count: Int,
    _ gradient: MutableFloatPointer?
  ) -> Double {
    let zero = lanes(0)
    let one = lanes(1)
    // log(1 + e^-|x|) is log 2 where nothing is: the two padded lanes of the last group are
    // x = -infinity with target 0, whose loss is 0.
    let loss = paddedSum(logits, target, count, -.infinity) { x, t in
      let e = exponential(zero - magnitude(x))
      let positive = zero.replacing(with: x, where: .!(x .<= zero))
      let product = zero.replacing(with: x * t, where: t .!= zero)
      return positive - product + logarithm(one + e)
    }
    if let gradient {
      let f = lanes(factor)
      map(logits, target, gradient, count) { f * (logisticSigmoid($0) - $1) }
    }
    return loss
  }

  static func squaredError(
    _ x: FloatPointer, _ target: FloatPointer, _ factor: Float, _ count: Int,
    _ gradient: MutableFloatPointer?
  ) -> Double {
    let loss = preciseSum(x, target, count) { a, b in
      let d = a - b
      return d * d
    }
    if let gradient {
      let f = lanes(2 * factor)
      map(x, target, gradient, count) { f * ($0 - $1) }
    }
    return loss
  }

  static func smoothL1(
    _ x: FloatPointer, _ target: FloatPointer, _ beta: Float, _ factor: Float, _ count: Int,
    _ gradient: MutableFloatPointer?
  ) -> Double {
    let b = lanes(beta)
    let half = lanes(0.5 * beta)
    let inverse = lanes(beta > 0 ? 1 / beta : 0)
    let loss = preciseSum(x, target, count) { a, t in
      let d = magnitude(a - t)
      return (d - half).replacing(with: lanes(0.5) * d * d * inverse, where: d .< b)
    }
    if let gradient {
      let f = lanes(factor)
      let zero = lanes(0)
      map(x, target, gradient, count) { a, t in
        let d = a - t
        let sign = (d * zero).replacing(with: f, where: d .> zero)
          .replacing(with: zero - f, where: d .< zero)
        return sign.replacing(with: f * d * inverse, where: magnitude(d) .< b)
      }
    }
    return loss
  }

  /// Σ f(a, b) where the missing lanes of the last group read `rest` and 0.
  @inline(__always)
  private static func paddedSum(
    _ a: FloatPointer, _ b: FloatPointer, _ count: Int, _ rest: Float,
    _ f: (Vector, Vector) -> Vector
  ) -> Double {
    var sum = 0.0
    var i = 0
    while i < count {
      var group = lanes(0)
      var vectors = 0
      while i < count, vectors < 16 {
        let width = count &- i
        group +=
          width >= 8
          ? f(load(a + i), load(b + i)) : f(load(a + i, width, rest: rest), load(b + i, width))
        i &+= 8
        vectors &+= 1
      }
      sum += preciseTotal(group)
    }
    return sum
  }
}
