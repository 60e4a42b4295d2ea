import CNNLayerKit
import Testing

@Suite struct LinearTests {
  @Test(arguments: [1, 3, 40, 70])
  func forwardMatchesTheDefinition(_ batch: Int) throws {
    let layer = try makeLayer("linear", ["out_features": 5], [[7]])
    let harness = try LayerHarness(layer, inputs: [[7]], batch: batch)
    try harness.forward(.inference)
    let (x, w) = (harness.inputs[0].values, harness.parameters[0].values)
    let expected = (0..<batch * 5).map { i in
      let sum = (0..<7).reduce(Double(harness.parameters[1].values[i % 5])) {
        $0 + Double(x[i / 5 * 7 + $1]) * Double(w[i % 5 * 7 + $1])
      }
      return Float(sum)
    }
    expectClose(harness.outputs[0].values, expected)
  }

  @Test func declarations() throws {
    let layer = try makeLayer("linear", ["out_features": 5, "weight_initializer": 0.001], [[7]])
    #expect(layer.parameters.map(\.shape.sizes) == [[5, 7], [5]])
    #expect(layer.parameters[0].fileAxes == nil && layer.parameters[0].fanIn == 7)
    #expect(layer.parameters[0].initializer == .normal(standardDeviation: 0.001))
    #expect(layer.operationCount == 2 * 35 + 5)
  }

  @Test func imagesAreAskedToBeFlattened() {
    let error = errorOfMaking("linear", ["out_features": 5], [4, 4, 3])
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message.contains("flatten") == true)
    #expect(error?.message.contains("[4, 4, 3]") == true)
  }
}
