import CNNLayerKit
import Testing

@Suite struct NormalizationTests {
  /// Mean and variance (divided by n) of each channel, in Double.
  private func moments(_ x: [Float], _ channels: Int) -> [(mean: Double, variance: Double)] {
    (0..<channels).map { c in
      let values = stride(from: c, to: x.count, by: channels).map { Double(x[$0]) }
      let mean = values.reduce(0, +) / Double(values.count)
      let squares = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
      return (mean, squares / Double(values.count))
    }
  }

  @Test(arguments: [[4, 3, 5], [6], [2, 2, 19]])
  func trainingUsesTheBatch(_ shape: [Int]) throws {
    let (batch, channels) = (7, shape[shape.count - 1])
    let layer = try makeLayer("batch_norm", ["momentum": 0.8, "epsilon": 0.001], [shape])
    let harness = try LayerHarness(layer, inputs: [shape], batch: batch)
    // Far from zero, where a variance as mean of squares minus square of mean would fail.
    let x = harness.inputs[0].values.map { $0 * 2 + 300 }
    harness.inputs[0].values = x
    let (weight, bias) = (harness.parameters[0].values, harness.parameters[1].values)
    let (oldMean, oldVariance) = (harness.states[0].values, harness.states[1].values)
    try harness.forward(.training)
    let expected = moments(x, channels)
    let normalized = x.indices.map { i in
      let (mean, variance) = expected[i % channels]
      let value = (Double(x[i]) - mean) / (variance + 0.001).squareRoot()
      return Float(value * Double(weight[i % channels]) + Double(bias[i % channels]))
    }
    expectClose(harness.outputs[0].values, normalized, relative: 1e-3, absolute: 1e-3)
    // Momentum is the share of the old value; the variance is the unbiased one, as in PyTorch.
    let n = Double(x.count / channels)
    let means = (0..<channels).map { Float(0.8 * Double(oldMean[$0]) + 0.2 * expected[$0].mean) }
    let variances = (0..<channels).map {
      Float(0.8 * Double(oldVariance[$0]) + 0.2 * expected[$0].variance * n / (n - 1))
    }
    expectClose(harness.states[0].values, means, relative: 1e-5)
    expectClose(harness.states[1].values, variances, relative: 1e-3)
  }

  @Test func predictionUsesRunningStatistics() throws {
    let harness = try prepared(
      "batch_norm", ["epsilon": 0.5], [[2]], [[1, 2, 3, 4]], parameters: [[2, 3], [10, 20]],
      forward: .training)
    harness.states[0].values = [1, -1]
    harness.states[1].values = [0.5, 3.5]
    try harness.forward(.inference)
    // (x - mean) / 1 · 2 + 10 and (x + 1) / 2 · 3 + 20
    expectClose(harness.outputs[0].values, [10, 24.5, 14, 27.5])
  }

  @Test func oneSampleGivesTheBias() throws {
    let harness = try prepared(
      "batch_norm", [:], [[3]], [[5, -7, 0]], parameters: [[1, 1, 1], [1, 2, 3]])
    #expect(harness.outputs[0].values == [1, 2, 3])
    try harness.backward()
    #expect(harness.inputGradients[0].values.allSatisfy { abs($0) < 1e-3 })
    #expect(harness.states.flatMap(\.values).allSatisfy { $0.isFinite })
  }

  /// PyTorch's formula, with the window from c - size / 2 on.
  @Test(arguments: [1, 2, 3, 5, 12])
  func localResponse(_ size: Int) throws {
    let channels = 6
    let (alpha, beta, k) = (2.0, 0.75, 1.5)
    let harness = try LayerHarness(
      makeLayer(
        "local_response_norm",
        ["size": .integer(size), "alpha": .number(alpha), "beta": .number(beta), "k": .number(k)],
        [[2, 2, channels]]), inputs: [[2, 2, channels]], batch: 2)
    try harness.forward(.inference)
    let x = harness.inputs[0].values.map { Double($0) }
    let expected = x.indices.map { i in
      let (pixel, c) = (i / channels * channels, i % channels)
      let window = (c - size / 2..<c - size / 2 + size).clamped(to: 0..<channels)
      let squares = window.map { x[pixel + $0] * x[pixel + $0] }.reduce(0, +)
      return Float(x[i] / power(k + alpha / Double(size) * squares, beta))
    }
    expectClose(harness.outputs[0].values, expected, relative: 1e-5)
  }

  /// x^0.75, from two square roots.
  private func power(_ x: Double, _ beta: Double) -> Double {
    beta == 0.75 ? x.squareRoot() * x.squareRoot().squareRoot() : .nan
  }
}
