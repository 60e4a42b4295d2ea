import Glibc

/// Plain loops that say what `BatchNormalization` computes; for tests.
package enum ReferenceBatchNormalization {
  /// The gradients of a backward pass.
  package struct Gradients {
    /// [rows, channels].
    package var input: [Double]
    /// [channels].
    package var scale: [Double]
    /// [channels].
    package var shift: [Double]
  }

  /// The mean and the biased variance of each channel.
  package static func moments(_ x: [Double], rows: Int, channels: Int)
    -> (mean: [Double], variance: [Double])
  {
    var mean = [Double](repeating: 0, count: channels)
    var variance = mean
    for c in 0..<channels {
      for r in 0..<rows { mean[c] += x[r * channels + c] / Double(rows) }
      for r in 0..<rows {
        let d = x[r * channels + c] - mean[c]
        variance[c] += d * d / Double(rows)
      }
    }
    return (mean, variance)
  }

  /// Normalises with the given moments.
  package static func forward(
    _ x: [Double], channels: Int, scale: [Double], shift: [Double], epsilon: Double,
    mean: [Double], variance: [Double]
  ) -> [Double] {
    x.indices.map { i in
      let c = i % channels
      return (x[i] - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c]
    }
  }

  /// The gradients, step by step backwards through the graph of the forward pass.
  package static func backwardStepByStep(
    _ x: [Double], gradOutput: [Double], rows: Int, channels: Int, scale: [Double],
    epsilon: Double
  ) -> Gradients {
    let (mean, variance) = moments(x, rows: rows, channels: channels)
    var result = Gradients(
      input: x, scale: [Double](repeating: 0, count: channels),
      shift: [Double](repeating: 0, count: channels))
    let n = Double(rows)
    for c in 0..<channels {
      let places = (0..<rows).map { $0 * channels + c }
      let centred = places.map { x[$0] - mean[c] }
      let root = sqrt(variance[c] + epsilon)
      let inverse = 1 / root
      // out = scaled + shift; scaled = scale · normalised
      for (r, i) in places.enumerated() {
        result.shift[c] += gradOutput[i]
        result.scale[c] += gradOutput[i] * centred[r] * inverse
      }
      let gradNormalised = places.map { gradOutput[$0] * scale[c] }
      // normalised = centred · inverse
      var gradCentred = gradNormalised.map { $0 * inverse }
      let gradInverse = zip(gradNormalised, centred).reduce(0) { $0 + $1.0 * $1.1 }
      // inverse = 1 / root; root = √(variance + epsilon)
      let gradRoot = -gradInverse / (root * root)
      let gradVariance = gradRoot / (2 * root)
      // variance = Σ centred² / n
      for r in 0..<rows { gradCentred[r] += gradVariance * 2 * centred[r] / n }
      // centred = x - mean; mean = Σ x / n
      let gradMean = -gradCentred.reduce(0, +)
      for (r, i) in places.enumerated() { result.input[i] = gradCentred[r] + gradMean / n }
    }
    return result
  }

  /// The gradients by the simplified expression.
  package static func backwardSimplified(
    _ x: [Double], gradOutput: [Double], rows: Int, channels: Int, scale: [Double],
    epsilon: Double
  ) -> Gradients {
    let (mean, variance) = moments(x, rows: rows, channels: channels)
    var result = Gradients(
      input: x, scale: [Double](repeating: 0, count: channels),
      shift: [Double](repeating: 0, count: channels))
    let n = Double(rows)
    for c in 0..<channels {
      let inverse = 1 / sqrt(variance[c] + epsilon)
      for r in 0..<rows {
        let i = r * channels + c
        result.shift[c] += gradOutput[i]
        result.scale[c] += gradOutput[i] * (x[i] - mean[c]) * inverse
      }
      for r in 0..<rows {
        let i = r * channels + c
        let normalised = (x[i] - mean[c]) * inverse
        result.input[i] =
          scale[c] * inverse / n
          * (n * gradOutput[i] - result.shift[c] - normalised * result.scale[c])
      }
    }
    return result
  }
}

/// Plain loops that say what `LocalResponseNormalization` computes; for tests.
package enum ReferenceLocalResponseNormalization {
  /// Normalises across channels.
  package static func forward(
    _ x: [Double], pixels: Int, channels: Int, size: Int, alpha: Double, beta: Double, k: Double
  ) -> [Double] {
    var y = x
    for p in 0..<pixels {
      for c in 0..<channels {
        var sum = 0.0
        for offset in 0..<size {
          let other = c - size / 2 + offset
          if other >= 0, other < channels {
            sum += x[p * channels + other] * x[p * channels + other]
          }
        }
        y[p * channels + c] = x[p * channels + c] / pow(k + alpha / Double(size) * sum, beta)
      }
    }
    return y
  }
}
