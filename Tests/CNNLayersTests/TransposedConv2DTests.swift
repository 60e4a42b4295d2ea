import CNNLayerKit
import Testing

@Suite struct TransposedConv2DTests {
  /// [a, b] with [x, y, z] and stride 2 is [ax, ay, az + bx, by, bz].
  @Test(arguments: [[1, 3, 1], [3, 1, 1]])
  func oneDimensionalExample(_ kernel: [Int]) throws {
    let alongWidth = kernel[0] == 1
    let y = try run(
      "transposed_conv2d",
      [
        "out_channels": 1, "kernel_size": alongWidth ? [1, 3] : [3, 1],
        "stride": alongWidth ? [1, 2] : [2, 1], "bias": false,
      ], [alongWidth ? [1, 2, 1] : [2, 1, 1]], [[2, 3]], parameters: [[5, 7, 11]])[0]
    #expect(y == [10, 14, 22 + 15, 21, 33])
  }

  struct Geometry: Sendable {
    var attributes: [String: AttributeValue]
    var input: [Int]
    /// The convolution whose transpose it is: from the layer's output to its input.
    var naive: @Sendable () -> NaiveConvolution
  }

  static let geometries: [Geometry] = [
    Geometry(
      attributes: ["out_channels": 3, "kernel_size": 4, "stride": 2, "padding": 1],
      input: [3, 4, 5]
    ) {
      NaiveConvolution(
        height: 6, width: 8, inChannels: 3, outChannels: 5, kernel: (4, 4), stride: (2, 2),
        padding: (1, 1), output: (3, 4))
    },
    Geometry(
      attributes: [
        "out_channels": 4, "kernel_size": [3, 2], "stride": [2, 3], "dilation": [2, 1],
        "padding": [[1, 0], [0, 1]], "output_padding": [1, 2], "groups": 2,
      ], input: [3, 2, 6]
    ) {
      // (3 - 1)·2 - 1 + 2·2 + 1 + 1 and (2 - 1)·3 - 1 + 1 + 1 + 2
      NaiveConvolution(
        height: 9, width: 6, inChannels: 4, outChannels: 6, kernel: (3, 2), stride: (2, 3),
        dilation: (2, 1), padding: (1, 0), output: (3, 2), groups: 2)
    },
    Geometry(
      attributes: ["out_channels": 2, "kernel_size": 3, "stride": 2, "padding": "same"],
      input: [3, 4, 2]
    ) {
      NaiveConvolution(
        height: 6, width: 8, inChannels: 2, outChannels: 2, kernel: (3, 3), stride: (2, 2),
        padding: (0, 0), output: (3, 4))
    },
  ]

  @Test(arguments: geometries.indices)
  func forwardMatchesTheDefinition(_ index: Int) throws {
    let geometry = TransposedConv2DTests.geometries[index]
    let naive = geometry.naive()
    let layer = try makeLayer("transposed_conv2d", geometry.attributes, [geometry.input])
    #expect(layer.outputs[0].shape.sizes == [naive.height, naive.width, naive.inChannels])
    let harness = try LayerHarness(layer, inputs: [geometry.input], batch: 2)
    try harness.forward(.inference)
    let size = geometry.input.reduce(1, *)
    let expected = (0..<2).flatMap { n in
      naive.transposed(
        Array(harness.inputs[0].values[n * size..<(n + 1) * size]), harness.parameters[0].values,
        harness.parameters[1].values)
    }
    expectClose(harness.outputs[0].values, expected, relative: 1e-5, absolute: 1e-5)
  }

  /// (W - 1)·S - 2P + D·(F - 1) + output_padding + 1, as PyTorch documents it.
  @Test(arguments: [
    [5, 2, 3, 1, 0, 1, 0], [4, 2, 3, 1, 1, 1, 1], [7, 1, 5, 1, 2, 1, 0], [3, 3, 2, 2, 1, 1, 2],
    [1, 4, 4, 1, 0, 1, 3],
  ])
  func outputSizes(_ numbers: [Int]) throws {
    let (w, s, f, d, p, op) = (
      numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[6]
    )
    let layer = try makeLayer(
      "transposed_conv2d",
      [
        "out_channels": 2, "kernel_size": .integer(f), "stride": .integer(s),
        "dilation": .integer(d), "padding": .integer(p), "output_padding": .integer(op),
      ], [[w, w, 1]])
    let expected = (w - 1) * s - 2 * p + d * (f - 1) + op + 1
    #expect(layer.outputs[0].shape.sizes == [expected, expected, 2])
  }

  @Test(arguments: [[3, 2], [2, 2], [1, 3], [2, 5], [5, 1]])
  func sameMultipliesTheSizeByTheStride(_ numbers: [Int]) throws {
    let layer = try makeLayer(
      "transposed_conv2d",
      [
        "out_channels": 1, "kernel_size": .integer(numbers[0]), "stride": .integer(numbers[1]),
        "padding": "same",
      ], [[4, 3, 1]])
    #expect(layer.outputs[0].shape.sizes == [4 * numbers[1], 3 * numbers[1], 1])
  }

  @Test func declarations() throws {
    let layer = try makeLayer(
      "transposed_conv2d", ["out_channels": 6, "kernel_size": 4, "stride": 2, "groups": 2],
      [[3, 3, 4]])
    #expect(layer.parameters[0].shape.sizes == [4, 4, 4, 3])
    #expect(layer.parameters[0].fileAxes == [0, 3, 1, 2])
    #expect(layer.parameters[1].shape.sizes == [6])
    // 9 input pixels, each 4·4·4·3 multiply-adds; 8 x 8 x 6 biases.
    #expect(layer.operationCount == 2 * 9 * 192 + 8 * 8 * 6)
  }
}
