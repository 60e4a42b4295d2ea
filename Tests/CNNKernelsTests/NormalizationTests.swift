import CNNKernelTypes
import CNNKernels
import Foundation
import Testing

struct BatchNormalizationTests {
  static let epsilon: Float = 1e-5

  struct Forward {
    var output: [Float] = []
    var mean: [Float] = []
    var inverse: [Float] = []
    var runningMean: [Float]
    var runningVariance: [Float]
  }

  static func forward(
    _ x: [Float], rows: Int, channels: Int, scale: [Float], shift: [Float], slots: Int
  ) -> Forward {
    var result = Forward(
      runningMean: testNumbers(channels, seed: 31),
      runningVariance: testNumbers(channels, seed: 32).map { 1 + $0 * $0 })
    var mean = [Float](repeating: .nan, count: channels)
    var inverse = mean
    result.output = filled(rows * channels) {
      BatchNormalization.forwardTraining(
        x, $0, rows: rows, channels: channels, scale: scale, shift: shift, epsilon: epsilon,
        momentum: 0.9, savedMean: &mean, savedInverseDeviation: &inverse,
        runningMean: &result.runningMean, runningVariance: &result.runningVariance, slots: slots)
    }
    result.mean = mean
    result.inverse = inverse
    return result
  }

  @Test(arguments: matrixSizes.filter { $0.0 > 0 }, [Float(0), 100])
  func forwardMatchesReference(size: (Int, Int), offset: Float) {
    let (rows, channels) = size
    let x = testNumbers(rows * channels, seed: 33).map { $0 + offset }
    let scale = testNumbers(channels, seed: 34)
    let shift = testNumbers(channels, seed: 35)
    let result = Self.forward(
      x, rows: rows, channels: channels, scale: scale, shift: shift, slots: 3)
    let (mean, variance) = ReferenceBatchNormalization.moments(
      doubles(x), rows: rows, channels: channels)
    let expected = ReferenceBatchNormalization.forward(
      doubles(x), channels: channels, scale: doubles(scale), shift: doubles(shift),
      epsilon: Double(Self.epsilon), mean: mean, variance: variance)
    // The mean is a float, half of whose last place is 3e-6 at 100, over deviations of 0.6 and less.
    #expect(relativeError(result.output, expected) < (offset == 0 ? 1e-5 : rows < 4 ? 1e-2 : 5e-5))
    #expect(relativeError(result.mean, mean) < 1e-6)
    let unbiased = variance.map { rows > 1 ? $0 * Double(rows) / Double(rows - 1) : 0 }
    let oldMean = doubles(testNumbers(channels, seed: 31))
    let oldVariance = testNumbers(channels, seed: 32).map { 1 + Double($0 * $0) }
    #expect(
      relativeError(result.runningMean, zip(oldMean, mean).map { 0.9 * $0 + 0.1 * $1 }) < 1e-6)
    #expect(
      relativeError(
        result.runningVariance, zip(oldVariance, unbiased).map { 0.9 * $0 + 0.1 * $1 }) < 2e-6)
    let inference = filled(rows * channels) {
      BatchNormalization.forwardInference(
        x, $0, rows: rows, channels: channels, scale: scale, shift: shift, epsilon: Self.epsilon,
        runningMean: result.runningMean, runningVariance: result.runningVariance, slots: 3)
    }
    let expectedInference = ReferenceBatchNormalization.forward(
      doubles(x), channels: channels, scale: doubles(scale), shift: doubles(shift),
      epsilon: Double(Self.epsilon), mean: doubles(result.runningMean),
      variance: doubles(result.runningVariance))
    #expect(relativeError(inference, expectedInference) < 1e-5)
  }

  @Test func theVarianceSurvivesALargeMean() {
    let rows = 10_000
    let x = testNumbers(rows, seed: 36).map { $0 + 10_000 }
    let result = Self.forward(x, rows: rows, channels: 1, scale: [1], shift: [0], slots: 2)
    let (_, variance) = ReferenceBatchNormalization.moments(doubles(x), rows: rows, channels: 1)
    let deviation = 1 / (variance[0] + Double(Self.epsilon)).squareRoot()
    #expect(abs(Double(result.inverse[0]) / deviation - 1) < 1e-4)
  }

  @Test(arguments: matrixSizes.filter { $0.0 > 0 })
  func backwardMatchesBothForms(rows: Int, channels: Int) {
    let x = testNumbers(rows * channels, seed: 37)
    let g = testNumbers(rows * channels, seed: 38)
    let scale = testNumbers(channels, seed: 39)
    let result = Self.forward(
      x, rows: rows, channels: channels, scale: scale, shift: scale, slots: 3)
    var gradScale = [Float](repeating: 1, count: channels)
    var gradShift = [Float](repeating: 2, count: channels)
    let gradInput = filled(rows * channels) { gradInput in
      _ = filled(BatchNormalization.backwardScratchCount(channels: channels)) {
        BatchNormalization.backward(
          input: x, gradOutput: g, gradInput: gradInput, rows: rows, channels: channels,
          scale: scale, savedMean: result.mean, savedInverseDeviation: result.inverse,
          gradScale: &gradScale, gradShift: &gradShift, scratch: $0, slots: 3)
      }
    }
    for backward in [
      ReferenceBatchNormalization.backwardStepByStep,
      ReferenceBatchNormalization.backwardSimplified,
    ] {
      let expected = backward(
        doubles(x), doubles(g), rows, channels, doubles(scale), Double(Self.epsilon))
      // With one row the exact gradient is 0, and what is left is rounding times 1 / √epsilon.
      if rows > 1 { #expect(relativeError(gradInput, expected.input) < 2e-5) }
      if rows == 1 { #expect(gradInput.allSatisfy { abs($0) < 1e-4 }) }
      #expect(relativeError(gradScale, expected.scale.map { 1 + $0 }) < 1e-5)
      #expect(relativeError(gradShift, expected.shift.map { 2 + $0 }) < 1e-5)
    }
  }

  @Test func bothReferenceFormsAgreeWithDifferences() {
    let (rows, channels) = (5, 3)
    let x = doubles(testNumbers(15, seed: 40))
    let g = doubles(testNumbers(15, seed: 41))
    let scale = doubles(testNumbers(3, seed: 42))
    func loss(_ x: [Double], _ scale: [Double]) -> Double {
      let (mean, variance) = ReferenceBatchNormalization.moments(x, rows: rows, channels: channels)
      let y = ReferenceBatchNormalization.forward(
        x, channels: channels, scale: scale, shift: scale, epsilon: 1e-5, mean: mean,
        variance: variance)
      return zip(y, g).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let a = ReferenceBatchNormalization.backwardStepByStep(
      x, gradOutput: g, rows: rows, channels: channels, scale: scale, epsilon: 1e-5)
    let b = ReferenceBatchNormalization.backwardSimplified(
      x, gradOutput: g, rows: rows, channels: channels, scale: scale, epsilon: 1e-5)
    let numeric = numericGradient(x) { loss($0, scale) }
    for i in x.indices {
      #expect(abs(a.input[i] - b.input[i]) < 1e-12)
      #expect(abs(a.input[i] - numeric[i]) < 1e-7)
    }
    for c in 0..<channels {
      #expect(abs(a.scale[c] - b.scale[c]) < 1e-12 && abs(a.shift[c] - b.shift[c]) < 1e-12)
    }
    let numericScale = numericGradient(scale) { loss(x, $0) }
    for c in 0..<channels { #expect(abs(numericScale[c] - a.scale[c] - a.shift[c]) < 1e-7) }
  }
}

struct LocalResponseNormalizationTests {
  /// The output and the gradient of the input.
  static func passes(
    _ x: [Float], _ g: [Float], _ channels: Int, _ attributes: ResponseAttributes, slots: Int
  ) -> (output: [Float], gradient: [Float]) {
    let pixels = x.count / channels
    let scratch = LocalResponseNormalization.scratchCount(
      channels: channels, attributes: attributes, slots: slots)
    var y: [Float] = []
    var dx: [Float] = []
    _ = filled(scratch ?? 0) { scratch in
      y = filled(x.count) {
        LocalResponseNormalization.forward(
          x, $0, pixels: pixels, channels: channels, attributes: attributes, scratch: scratch,
          slots: slots)
      }
      dx = filled(x.count) {
        LocalResponseNormalization.backward(
          input: x, gradOutput: g, gradInput: $0, pixels: pixels, channels: channels,
          attributes: attributes, scratch: scratch, slots: slots)
      }
    }
    return (y, dx)
  }

  /// Over all sizes of numbers that a denominator can have.
  @Test(arguments: [Float(1e-6), 1, 2, 1e6])
  func powersAreExactForAnySize(k: Float) {
    let attributes = ResponseAttributes(size: 1, alpha: 1, beta: 0.75, k: k)
    let x = stride(from: Float(-18), through: 18, by: 0.037).map { Float(pow(10, Double($0))) }
    let (y, _) = LocalResponseNormalizationTests.passes(x, x, 1, attributes, slots: 1)
    for (x, y) in zip(x, y) {
      let expected = Double(x) * pow(Double(k) + Double(x) * Double(x), -0.75)
      #expect(abs(Double(y) - expected) <= 1e-6 * expected, "\(x)")
    }
    // A square that overflows leaves something small, and what is no number stays so.
    let (extremes, _) = LocalResponseNormalizationTests.passes(
      [1e30, .nan], [1, 1], 1, attributes, slots: 1)
    #expect(extremes[0].isFinite && extremes[1].isNaN)
  }

  @Test(
    arguments: [(1, 1), (3, 8), (5, 17), (2, 64), (4, 3), (100, 96)],
    [ResponseAttributes(size: 5, k: 2), ResponseAttributes(size: 4, alpha: 0.5, beta: 0.6)])
  func matchesReference(size: (Int, Int), attributes: ResponseAttributes) {
    let (pixels, channels) = size
    let count = pixels * channels
    let x = testNumbers(count, seed: 43).map { 4 * $0 }
    let g = testNumbers(count, seed: 44)
    func reference(_ x: [Double], pixels: Int) -> [Double] {
      ReferenceLocalResponseNormalization.forward(
        x, pixels: pixels, channels: channels, size: attributes.size,
        alpha: Double(attributes.alpha), beta: Double(attributes.beta), k: Double(attributes.k))
    }
    let (y, dx) = LocalResponseNormalizationTests.passes(x, g, channels, attributes, slots: 2)
    #expect(relativeError(y, reference(doubles(x), pixels: pixels)) < 1e-6)
    // Pixels are independent: the last one will do for the differences.
    let last = (pixels - 1) * channels
    let numeric = numericGradient(doubles(Array(x[last...]))) { x in
      zip(reference(x, pixels: 1), g[last...]).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    #expect(relativeError(Array(dx[last...]), numeric) < 1e-5)
  }
}
