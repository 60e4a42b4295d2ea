import CNNLayerKit
import Testing

@Suite struct StructureTests {
  @Test func flattenIsChannelFirst() throws {
    // x[h, w, c] is 100·c + 10·h + w.
    let x = (0..<12).map { i -> Float in
      let (pixel, c) = (i / 2, i % 2)
      return Float(100 * c + 10 * (pixel / 3) + pixel % 3)
    }
    let y = try run("flatten", [:], [[2, 3, 2]], [x])[0]
    #expect(y == [0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112])
    #expect(try run("flatten", ["order": "hwc"], [[2, 3, 2]], [x])[0] == x)
  }

  @Test(
    arguments: [
      ([12], [12], true), ([1, 1, 12], [12], true), ([3, 4, 1], [12], true), ([3, 4], [12], true),
      ([2, 3, 2], [12], false),
    ] as [([Int], [Int], Bool)])
  func flattenCostsNothingWhereItCan(_ input: [Int], _ output: [Int], _ inPlace: Bool) throws {
    let layer = try makeLayer("flatten", [:], [input])
    #expect(layer.outputs[0].shape.sizes == output && layer.supportsInPlace == inPlace)
  }

  @Test(
    arguments: [
      ([4, 3], [4, 3]), ([-1], [12]), ([2, -1, 2], [2, 3, 2]), ([1, 12, -1], [1, 12, 1]),
    ] as [([Int], [Int])])
  func reshape(_ requested: [Int], _ expected: [Int]) throws {
    let attribute = AttributeValue.list(requested.map { .integer($0) })
    let layer = try makeLayer("reshape", ["shape": attribute], [[2, 6]])
    #expect(layer.outputs[0].shape.sizes == expected)
    let x = (0..<24).map { Float($0) }
    #expect(try run("reshape", ["shape": attribute], [[2, 6]], [x])[0] == x)
  }

  @Test func sumsAndProducts() throws {
    let shapes = [[3], [3], [3]]
    let inputs: [[Float]] = [[1, 2, 3], [10, 20, 30], [-1, 0, 2]]
    #expect(try run("add", [:], shapes, inputs)[0] == [10, 22, 35])
    #expect(try run("multiply", [:], shapes, inputs)[0] == [-10, 0, 180])
  }

  /// Prediction with one layer in place of a sum and its rectifier gives the same bits.
  @Test(arguments: [2, 3, 5], [[13], [5, 3, 7]])
  func sumsAbsorbRectifiers(_ inputCount: Int, _ shape: [Int]) throws {
    let shapes = [[Int]](repeating: shape, count: inputCount)
    let add = try makeLayer("add", [:], shapes)
    let relu = try makeLayer("relu", [:], [shape])
    let fused = try #require(add.fused(with: relu))
    #expect(fused.outputs == add.outputs && !fused.isDifferentiable)
    #expect(fused.fused(with: relu) == nil)
    #expect(add.fused(with: try makeLayer("sigmoid", [:], [shape])) == nil)

    let whole = try LayerHarness(fused, inputs: shapes, batch: 3)
    let sum = try LayerHarness(add, inputs: shapes, batch: 3)
    whole.inputs[1].values[0] = .nan
    whole.inputs[0].values[1] = -.infinity
    for (own, other) in zip(sum.inputs, whole.inputs) { own.values = other.values }
    try whole.forward(.inference)
    try sum.forward(.inference)
    let rectifier = try LayerHarness(relu, inputs: [shape], batch: 3)
    rectifier.inputs[0].values = sum.outputs[0].values
    try rectifier.forward(.inference)
    let expected = rectifier.outputs[0].values
    #expect(whole.outputs[0].values.map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(expected[0].isNaN && expected[1] == 0 && expected.contains { $0 > 0 })
    let error = #expect(throws: CNNError.self) { try whole.backward() }
    #expect(error?.code == .unsupported)
  }

  /// With a zero among the factors, dividing the product would fail.
  @Test func productsOfZeroHaveGradients() throws {
    let harness = try prepared("multiply", [:], [[2], [2], [2]], [[0, 2], [3, 0], [5, 0]])
    harness.outputGradients[0].values = [1, 1]
    try harness.backward()
    #expect(harness.inputGradients.map(\.values) == [[15, 0], [0, 0], [0, 0]])
  }

  @Test func joinsChannels() throws {
    let y = try run(
      "concat", [:], [[1, 2, 1], [1, 2, 2]], [[1, 2, 3, 4], [10, 11, 20, 21, 30, 31, 40, 41]])
    #expect(y[0] == [1, 10, 11, 2, 20, 21, 3, 30, 31, 4, 40, 41])
  }

  @Test func joinsRows() throws {
    let shapes = [[1, 2, 1], [2, 2, 1]]
    let y = try run("concat", ["axis": 0], shapes, [[1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11, 12]])
    #expect(y[0] == [1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12])
    #expect(try makeLayer("concat", ["axis": -3], shapes).outputs[0].shape.sizes == [3, 2, 1])
  }
}
