import CNNLayerKit
import Testing

@Suite struct DropoutTests {
  @Test(arguments: [0.1, 0.5, 0.9])
  func dropsTheShareAndScalesTheRest(_ p: Double) throws {
    let count = 20_000
    let layer = try makeLayer("dropout", ["p": .number(p)], [[count]])
    let harness = try LayerHarness(layer, inputs: [[count]], batch: 1, values: [.awayFromZero])
    try harness.forward(.training)
    let (x, y) = (harness.inputs[0].values, harness.outputs[0].values)
    let dropped = y.count { $0 == 0 }
    // Five standard deviations of a binomial distribution.
    let deviation = (Double(count) * p * (1 - p)).squareRoot()
    #expect(abs(Double(dropped) - Double(count) * p) < 5 * deviation)
    for (x, y) in zip(x, y) where y != 0 { #expect(abs(y - x / Float(1 - p)) < 1e-5 * abs(y)) }
    harness.outputGradients[0].values = [Float](repeating: 1, count: count)
    try harness.backward()
    for (y, gradient) in zip(y, harness.inputGradients[0].values) {
      #expect((y == 0) == (gradient == 0))
    }
  }

  @Test func theKeyDecides() throws {
    let harness = try LayerHarness(
      makeLayer("dropout", [:], [[256]]), inputs: [[256]], batch: 2, values: [.awayFromZero])
    func mask() throws -> [Bool] {
      try harness.forward(.training)
      return harness.outputs[0].values.map { $0 == 0 }
    }
    let first = try mask()
    #expect(try mask() == first)
    #expect(Array(first[..<256]) != Array(first[256...]))
    harness.random.step += 1
    #expect(try mask() != first)
    harness.random = RandomKey(seed: 7, node: 4, step: 11)
    #expect(try mask() != first)
    harness.random = RandomKey(seed: 8, node: 3, step: 11)
    #expect(try mask() != first)
  }

  @Test func predictionPassesEverything() throws {
    let harness = try LayerHarness(makeLayer("dropout", [:], [[33]]), inputs: [[33]], batch: 2)
    try harness.forward(.inference)
    #expect(harness.outputs[0].bits == harness.inputs[0].bits)
  }

  @Test func certaintyDropsEverything() throws {
    let harness = try prepared("dropout", ["p": 1], [[3]], [[1, .infinity, .nan]])
    #expect(harness.outputs[0].values == [0, 0, 0])
  }
}
