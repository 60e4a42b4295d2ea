import CNNLayerKit
import Testing

/// A fused step of prediction computes what its members compute one after the other.
@Suite struct FusionTests {
  static let heads: [LayerCase] = [
    LayerCase("conv2d", ["out_channels": 6, "kernel_size": 3, "padding": 1], [5, 6, 4]),
    LayerCase("conv2d", ["out_channels": 6, "kernel_size": 3, "bias": false], [5, 6, 4]),
    LayerCase("conv2d", ["out_channels": 9, "kernel_size": 1], [5, 6, 4]),
    LayerCase(
      "conv2d", ["out_channels": 9, "kernel_size": 3, "groups": 9, "padding": 1], [5, 6, 9]),
    LayerCase("conv2d", ["out_channels": 6, "kernel_size": 3, "groups": 2], [5, 6, 4]),
    LayerCase("transposed_conv2d", ["out_channels": 6, "kernel_size": 3, "stride": 2], [3, 3, 4]),
    LayerCase("linear", ["out_features": 11], [17]),
    LayerCase("linear", ["out_features": 11, "bias": false], [17], batch: 1),
  ]

  static let tails: [[String]] = [
    ["relu"], ["leaky_relu"], ["batch_norm"], ["batch_norm", "relu"],
    ["batch_norm", "leaky_relu"],
  ]

  @Test(arguments: heads, tails)
  func fusedEqualsUnfused(_ head: LayerCase, _ tail: [String]) throws {
    var layers = [try head.makeLayer()]
    for type in tail {
      layers.append(
        try makeLayer(type, [:], [layers[layers.count - 1].outputs[0].shape.sizes]))
    }
    var fused = layers[0]
    for layer in layers.dropFirst() { fused = try #require(fused.fused(with: layer)) }
    #expect(fused.parameters == layers.flatMap(\.parameters))
    #expect(fused.states == layers.flatMap(\.states))
    #expect(!fused.isDifferentiable)

    let whole = try LayerHarness(fused, inputs: head.inputs, batch: head.batch)
    try whole.forward(.inference)
    var values = whole.inputs[0].values
    var (parameters, states) = (whole.parameters.map(\.values), whole.states.map(\.values))
    var shape = head.inputs[0]
    for layer in layers {
      let harness = try LayerHarness(layer, inputs: [shape], batch: head.batch)
      harness.inputs[0].values = values
      for parameter in harness.parameters { parameter.values = parameters.removeFirst() }
      for state in harness.states { state.values = states.removeFirst() }
      try harness.forward(.inference)
      values = harness.outputs[0].values
      shape = layer.outputs[0].shape.sizes
    }
    expectClose(whole.outputs[0].values, values, relative: 1e-5, absolute: 1e-5)
  }

  @Test func otherOrdersAreNotFused() throws {
    let conv = try FusionTests.heads[0].makeLayer()
    let shape = conv.outputs[0].shape.sizes
    let relu = try makeLayer("relu", [:], [shape])
    let norm = try makeLayer("batch_norm", [:], [shape])
    let rectified = try #require(conv.fused(with: relu))
    #expect(rectified.fused(with: norm) == nil)
    #expect(rectified.fused(with: relu) == nil)
    let normalized = try #require(conv.fused(with: norm))
    #expect(normalized.fused(with: norm) == nil)
    #expect(conv.fused(with: try makeLayer("sigmoid", [:], [shape])) == nil)
    #expect(conv.fused(with: try makeLayer("batch_norm", [:], [[4]])) == nil)
  }

  @Test func fusedLayersDoNotTrain() throws {
    let conv = try FusionTests.heads[0].makeLayer()
    let fused = try #require(
      conv.fused(with: try makeLayer("relu", [:], [conv.outputs[0].shape.sizes])))
    let harness = try LayerHarness(fused, inputs: FusionTests.heads[0].inputs, batch: 1)
    try harness.forward(.inference)
    let error = #expect(throws: CNNError.self) { try harness.backward() }
    #expect(error?.code == .unsupported)
  }
}
