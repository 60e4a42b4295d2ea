import CNNLayerKit
import Testing

@Suite struct PoolingTests {
  @Test func maximumAndIndices() throws {
    let x: [Float] = [
      1, 5, 2, 0,
      3, 4, 9, 1,
      7, 0, 0, 6,
      2, 8, 6, 5,
    ]
    let y = try run("max_pool2d", ["kernel_size": 2, "return_indices": true], [[4, 4, 1]], [x])
    #expect(y[0] == [5, 9, 8, 6])
    // Of the equal sixes at (2, 3) and (3, 2) the first counts.
    #expect(y[1] == [1, 6, 13, 11])
  }

  @Test func paddingNeverWins() throws {
    let y = try run(
      "max_pool2d", ["kernel_size": 3, "stride": 2, "padding": 1], [[3, 3, 1]],
      [[-1, -2, -3, -4, -5, -6, -7, -8, -9]])
    #expect(y[0] == [-1, -2, -4, -5])
  }

  @Test func aNaNWins() throws {
    let y = try run("max_pool2d", ["kernel_size": 2], [[2, 2, 1]], [[1, .nan, 3, .infinity]])
    #expect(y[0][0].isNaN)
  }

  @Test func maximumGradientGoesToTheFirstOfEquals() throws {
    let harness = try prepared(
      "max_pool2d", ["kernel_size": 2, "stride": 1], [[2, 3, 1]], [[4, 1, 2, 4, 4, 0]])
    harness.outputGradients[0].values = [10, 100]
    try harness.backward()
    // The first window holds three fours, the second only the one at (1, 1).
    #expect(harness.inputGradients[0].values == [10, 0, 0, 0, 100, 0])
  }

  @Test func rowsThatDoNotFillAWindowAreDropped() throws {
    let harness = try prepared(
      "max_pool2d", ["kernel_size": 2], [[3, 3, 1]], [[1, 2, 9, 3, 4, 9, 9, 9, 9]])
    #expect(harness.outputs[0].values == [4])
    harness.outputGradients[0].values = [1]
    try harness.backward()
    #expect(harness.inputGradients[0].values == [0, 0, 0, 0, 1, 0, 0, 0, 0])
  }

  @Test func unusedIndicesMayBeMissing() throws {
    let attributes: [String: AttributeValue] = ["kernel_size": 2, "return_indices": true]
    let layer = try makeLayer("max_pool2d", attributes, [[4, 4, 1]])
    #expect(layer.outputs.map(\.name) == ["output", "indices"])
    #expect(layer.outputs.map(\.isDifferentiable) == [true, false])
  }

  @Test func averageCountsPaddingOrNot() throws {
    let x: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    let attributes: [String: AttributeValue] = ["kernel_size": 2, "stride": 2, "padding": 1]
    let counted = try run("avg_pool2d", attributes, [[3, 3, 1]], [x])
    expectClose(counted[0], [0.25, 1.25, 2.75, 7])
    let left = try run(
      "avg_pool2d", attributes.merging(["count_include_pad": false]) { $1 }, [[3, 3, 1]], [x])
    expectClose(left[0], [1, 2.5, 5.5, 7])
  }

  @Test func wholePlanes() throws {
    let y = try run("global_avg_pool2d", [:], [[2, 2, 2]], [[1, 10, 2, 20, 3, 30, 6, 40]])
    expectClose(y[0], [3, 25])
    #expect(
      try makeLayer("global_avg_pool2d", ["keep_dims": true], [[2, 2, 2]]).outputs[0].shape.sizes
        == [1, 1, 2])
  }

  @Test func unpoolingUndoesPooling() throws {
    let shape = [5, 4, 3]
    var numbers = SeededNumbers(3)
    let x = numbers.tensor(.ladder, shape, batch: 2)
    let pooled = try run("max_pool2d", ["kernel_size": 2, "return_indices": true], [shape], [x])
    let y = try run(
      "max_unpool2d", ["output_size": [5, 4]], [[2, 2, 3], [2, 2, 3]], [pooled[0], pooled[1]])[0]
    #expect(y.count == x.count)
    #expect(y.filter { $0 != 0 }.sorted() == pooled[0].filter { $0 != 0 }.sorted())
    for (a, b) in zip(x, y) where b != 0 { #expect(a == b) }
  }

  @Test(arguments: [-1, 16, 0.5, .nan, .infinity, 3e38] as [Float])
  func impossibleIndicesAreErrors(_ index: Float) throws {
    let error = #expect(throws: CNNError.self) {
      try run(
        "max_unpool2d", ["kernel_size": 2], [[2, 2, 1], [2, 2, 1]],
        [[1, 2, 3, 4], [0, 1, index, 2]])
    }
    #expect(error?.code == .invalidArgument && error?.message.contains("0 to 15") == true)
  }
}
