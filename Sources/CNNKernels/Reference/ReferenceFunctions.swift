import Glibc

/// Plain loops that say what `Activation` computes; for tests.
package enum ReferenceActivation {
  /// x where x > 0 and slope · x elsewhere.
  package static func leakyRelu(_ x: Double, slope: Double = 0) -> Double {
    x > 0 ? x : slope * x
  }

  /// 1 / (1 + exp(-x)).
  package static func sigmoid(_ x: Double) -> Double {
    x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))
  }
}

/// Plain loops that say what `Softmax` computes; for tests.
package enum ReferenceSoftmax {
  /// Softmax of each row.
  package static func forward(_ x: [Double], rows: Int, classes: Int) -> [Double] {
    var y = x
    for row in 0..<rows {
      let range = row * classes..<(row + 1) * classes
      let largest = x[range].max() ?? 0
      let sum = x[range].reduce(0) { $0 + exp($1 - largest) }
      for i in range { y[i] = exp(x[i] - largest) / sum }
    }
    return y
  }
}

/// Plain loops that say what `Loss` computes; for tests.
package enum ReferenceLoss {
  /// Cross-entropy with rows of probabilities, summed.
  package static func softmaxCrossEntropy(
    _ logits: [Double], targets: [Double], rows: Int, classes: Int
  ) -> Double {
    var loss = 0.0
    for row in 0..<rows {
      let range = row * classes..<(row + 1) * classes
      let largest = logits[range].max() ?? 0
      let logSum = largest + log(logits[range].reduce(0) { $0 + exp($1 - largest) })
      for i in range { loss += targets[i] * (logSum - logits[i]) }
    }
    return loss
  }

  /// The probabilities that stand for class labels with smoothing.
  package static func smoothTargets(_ labels: [Int32], classes: Int, smoothing: Double)
    -> [Double]
  {
    labels.flatMap { label in
      (0..<classes).map { c in
        smoothing / Double(classes) + (c == Int(label) ? 1 - smoothing : 0)
      }
    }
  }

  /// Cross-entropy of the sigmoid, summed.
  package static func sigmoidCrossEntropy(_ logits: [Double], targets: [Double]) -> Double {
    zip(logits, targets).reduce(0) { sum, pair in
      let (x, t) = pair
      return sum + max(x, 0) - x * t + log1p(exp(-abs(x)))
    }
  }

  /// Squared error, summed.
  package static func squaredError(_ x: [Double], targets: [Double]) -> Double {
    zip(x, targets).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  /// Smooth L1 loss, summed.
  package static func smoothL1(_ x: [Double], targets: [Double], beta: Double) -> Double {
    zip(x, targets).reduce(0) { sum, pair in
      let d = abs(pair.0 - pair.1)
      return sum + (d < beta ? d * d / 2 / beta : d - beta / 2)
    }
  }
}
