import CNNLayerKit
import Testing

@Suite struct Conv2DTests {
  /// The example that the original's convolution was tested with, in its NCHW and OIHW.
  @Test func originalKnownAnswer() throws {
    let x = permuted(linspace(-0.1, 0.5, 96), [2, 3, 4, 4], [0, 2, 3, 1])
    let weight = permuted(linspace(-0.2, 0.3, 144), [3, 3, 4, 4], [0, 2, 3, 1])
    let y = try run(
      "conv2d", ["out_channels": 3, "kernel_size": 4, "stride": 2, "padding": 1], [[4, 4, 3]], [x],
      parameters: [weight, linspace(-0.1, 0.2, 3)])[0]
    #expect(y.count == 2 * 2 * 2 * 3)
    let firstPlane = permuted(Array(y[..<12]), [4, 3], [1, 0])[..<4]
    expectClose(
      Array(firstPlane), [-0.08759809, -0.10987781, -0.18387192, -0.2109216], relative: 1e-5)
    let naive = NaiveConvolution(
      height: 4, width: 4, inChannels: 3, outChannels: 3, kernel: (4, 4), stride: (2, 2),
      padding: (1, 1), output: (2, 2))
    for n in 0..<2 {
      let sample = Array(x[n * 48..<(n + 1) * 48])
      expectClose(
        Array(y[n * 12..<(n + 1) * 12]), naive.forward(sample, weight, linspace(-0.1, 0.2, 3)))
    }
  }

  struct Geometry: Sendable {
    var attributes: [String: AttributeValue]
    var input: [Int]
    var naive: @Sendable () -> NaiveConvolution
  }

  static let geometries: [Geometry] = [
    Geometry(
      attributes: ["out_channels": 5, "kernel_size": 3, "padding": "same"], input: [7, 6, 4]
    ) {
      NaiveConvolution(
        height: 7, width: 6, inChannels: 4, outChannels: 5, kernel: (3, 3), padding: (1, 1),
        output: (7, 6))
    },
    // Even windows: the odd row and column of the padding lie at the bottom and right.
    Geometry(
      attributes: ["out_channels": 2, "kernel_size": 4, "stride": 2, "padding": "same"],
      input: [7, 8, 3]
    ) {
      NaiveConvolution(
        height: 7, width: 8, inChannels: 3, outChannels: 2, kernel: (4, 4), stride: (2, 2),
        padding: (1, 1), output: (4, 4))
    },
    Geometry(
      attributes: [
        "out_channels": 6, "kernel_size": [3, 2], "stride": [2, 1], "dilation": [1, 3],
        "padding": [[2, 0], [1, 3]], "groups": 2,
      ], input: [6, 7, 4]
    ) {
      NaiveConvolution(
        height: 6, width: 7, inChannels: 4, outChannels: 6, kernel: (3, 2), stride: (2, 1),
        dilation: (1, 3), padding: (2, 1), output: (3, 8), groups: 2)
    },
    Geometry(
      attributes: ["out_channels": 16, "kernel_size": 3, "padding": 1, "groups": 8],
      input: [5, 5, 8]
    ) {
      NaiveConvolution(
        height: 5, width: 5, inChannels: 8, outChannels: 16, kernel: (3, 3), padding: (1, 1),
        output: (5, 5), groups: 8)
    },
    Geometry(
      attributes: ["out_channels": 11, "kernel_size": 3, "stride": 2, "padding": 1, "groups": 11],
      input: [9, 8, 11]
    ) {
      NaiveConvolution(
        height: 9, width: 8, inChannels: 11, outChannels: 11, kernel: (3, 3), stride: (2, 2),
        padding: (1, 1), output: (5, 4), groups: 11)
    },
    Geometry(attributes: ["out_channels": 7, "kernel_size": 1], input: [3, 5, 9]) {
      NaiveConvolution(
        height: 3, width: 5, inChannels: 9, outChannels: 7, kernel: (1, 1), output: (3, 5))
    },
  ]

  @Test(arguments: geometries.indices)
  func forwardMatchesTheDefinition(_ index: Int) throws {
    let (geometry, naive) = (Conv2DTests.geometries[index], Conv2DTests.geometries[index].naive())
    let layer = try makeLayer("conv2d", geometry.attributes, [geometry.input])
    #expect(
      layer.outputs[0].shape.sizes
        == [naive.output.height, naive.output.width, naive.outChannels])
    let harness = try LayerHarness(layer, inputs: [geometry.input], batch: 3)
    try harness.forward(.training)
    let size = geometry.input.reduce(1, *)
    let expected = (0..<3).flatMap { n in
      naive.forward(
        Array(harness.inputs[0].values[n * size..<(n + 1) * size]), harness.parameters[0].values,
        harness.parameters[1].values)
    }
    expectClose(harness.outputs[0].values, expected, relative: 1e-5, absolute: 1e-5)
  }

  /// Input, kernel, stride, dilation and padding of one axis, and the size that follows.
  @Test(
    arguments: [
      ([13, 6, 5, 1], "valid", 2), ([13, 6, 5, 1], "same", 3), ([227, 11, 4, 1], 0, 55),
      ([27, 5, 1, 1], 2, 27), ([7, 3, 2, 2], 1, 3), ([1, 1, 1, 1], 0, 1), ([5, 3, 7, 1], 0, 1),
    ] as [([Int], AttributeValue, Int)])
  func outputSizes(_ sizes: [Int], _ padding: AttributeValue, _ expected: Int) throws {
    let layer = try makeLayer(
      "conv2d",
      [
        "out_channels": 4, "kernel_size": .integer(sizes[1]), "stride": .integer(sizes[2]),
        "dilation": .integer(sizes[3]), "padding": padding,
      ], [[sizes[0], sizes[0], 3]])
    #expect(layer.outputs[0].shape.sizes == [expected, expected, 4])
  }

  @Test func declarations() throws {
    let layer = try makeLayer(
      "conv2d",
      [
        "out_channels": 8, "kernel_size": [3, 5], "groups": 2, "weight_initializer": "xavier",
        "bias_initializer": 0.5,
      ], [[9, 9, 4]])
    let (weight, bias) = (layer.parameters[0], layer.parameters[1])
    #expect(weight.shape.sizes == [8, 3, 5, 2] && weight.fileAxes == [0, 3, 1, 2])
    #expect(weight.fanIn == 30 && weight.fanOut == 60 && weight.decays)
    #expect(weight.initializer == .xavier)
    #expect(bias.shape.sizes == [8] && !bias.decays)
    #expect(bias.initializer == .normal(standardDeviation: 0.5))
    // 7 x 5 positions, 8 channels, each 30 multiply-adds and a bias.
    #expect(layer.operationCount == 7 * 5 * 8 * 61)
    #expect(layer.backwardReads == .inputs)
    let plain = try makeLayer(
      "conv2d", ["out_channels": 1, "kernel_size": 1, "bias": false], [[2, 2, 3]])
    #expect(plain.parameters.map(\.name) == ["weight"] && plain.operationCount == 4 * 6)
  }
}
