import CNNKernels
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

  static let addingHeads: [LayerCase] = [
    LayerCase("conv2d", ["out_channels": 24, "kernel_size": 1], [5, 6, 12]),
    LayerCase("conv2d", ["out_channels": 9, "kernel_size": 1, "stride": 2], [5, 6, 4], batch: 3),
    LayerCase("conv2d", ["out_channels": 19, "kernel_size": 3, "padding": 1], [13, 14, 16]),
    LayerCase("conv2d", ["out_channels": 16, "kernel_size": 3, "groups": 2], [5, 6, 4]),
  ]

  /// A convolution that adds another input has the bits of the two layers, in place and elsewhere.
  @Test(
    arguments: addingHeads,
    [[], ["relu"], ["batch_norm"], ["batch_norm", "relu"], ["batch_norm", "leaky_relu"]])
  func addingEqualsAdd(_ head: LayerCase, _ others: [String]) throws {
    let conv = try head.makeLayer()
    let shape = conv.outputs[0].shape.sizes
    let sum = try makeLayer("add", [:], [shape, shape])
    let norms = try others.filter { $0 == "batch_norm" }.map { try makeLayer($0, [:], [shape]) }
    let activations = try others.filter { $0 != "batch_norm" }.map {
      try makeLayer($0, [:], [shape])
    }
    var front = conv
    for norm in norms { front = try #require(front.fused(with: norm)) }
    #expect(sum.isSumOfInputs && !front.isSumOfInputs)
    guard var fused = front.fusedWithAddend() else {
      // Processors without fused multiply-add compute otherwise.
      #expect(!Kernels.active.direct.isFast)
      return
    }
    for activation in activations { fused = try #require(fused.fused(with: activation)) }
    #expect(fused.fusedWithAddend() == nil && fused.fused(with: sum) == nil)
    #expect(fused.supportsInPlace(input: 1) && !fused.supportsInPlace(input: 0))
    #expect(!front.supportsInPlace(input: 1) && !fused.isDifferentiable)

    let whole = try LayerHarness(fused, inputs: head.inputs + [shape], batch: head.batch)
    try whole.forward(.inference)
    let single = try LayerHarness(front, inputs: head.inputs, batch: head.batch)
    single.inputs[0].values = whole.inputs[0].values
    for (own, other) in zip(single.parameters + single.states, whole.parameters + whole.states) {
      own.values = other.values
    }
    try single.forward(.inference)
    let adding = try LayerHarness(sum, inputs: [shape, shape], batch: head.batch)
    adding.inputs[0].values = single.outputs[0].values
    adding.inputs[1].values = whole.inputs[1].values
    try adding.forward(.inference)
    var expected = adding.outputs[0].values
    for activation in activations {
      let last = try LayerHarness(activation, inputs: [shape], batch: head.batch)
      last.inputs[0].values = expected
      try last.forward(.inference)
      expected = last.outputs[0].values
    }
    #expect(whole.outputs[0].values == expected)
    try whole.forward(.inference, inPlace: 1)
    #expect(whole.outputs[0].values == expected)
  }

  @Test func whatCannotAddDoesNot() throws {
    let conv = try FusionTests.addingHeads[0].makeLayer()
    let relu = try makeLayer("relu", [:], [conv.outputs[0].shape.sizes])
    let rectified = try #require(conv.fused(with: relu))
    #expect(rectified.fusedWithAddend() == nil)
    #expect(try makeLayer("linear", ["out_features": 16], [[8]]).fusedWithAddend() == nil)
    let depthwise = LayerCase(
      "conv2d", ["out_channels": 16, "kernel_size": 3, "groups": 16], [5, 6, 16])
    #expect(try depthwise.makeLayer().fusedWithAddend() == nil)
    #expect(try !makeLayer("multiply", [:], [[8], [8]]).isSumOfInputs)
    let sum = try makeLayer("add", [:], [[8], [8]])
    let both = try #require(sum.fused(with: try makeLayer("relu", [:], [[8]])))
    #expect(!both.isSumOfInputs)
  }

  static let trainingPairs: [(LayerCase, LayerCase)] = [
    ([7, 9, 5], ("relu", [:]), ("max_pool2d", ["kernel_size": 3, "stride": 2])),
    ([6, 6, 19], ("relu", [:]), ("max_pool2d", ["kernel_size": 2])),
    ([5, 5, 8], ("relu", [:]), ("max_pool2d", ["kernel_size": 3, "stride": 1, "padding": 1])),
    ([5, 4, 21], ("batch_norm", [:]), ("relu", [:])),
    ([40], ("batch_norm", ["epsilon": 0.1]), ("relu", [:])),
  ].map { shape, first, second in
    (LayerCase(first.0, first.1, shape, batch: 5), LayerCase(second.0, second.1, shape, batch: 5))
  }

  /// Training with one layer in place of two gives the same bits, forward and backward.
  @Test(arguments: trainingPairs)
  func trainedFusedEqualsUnfused(_ first: LayerCase, _ second: LayerCase) throws {
    let (front, back) = (try first.makeLayer(), try second.makeLayer())
    let fused = try #require(front.fusedForTraining(with: back))
    #expect(fused.parameters == front.parameters + back.parameters)
    #expect(fused.states == front.states + back.states)
    #expect(fused.outputs == back.outputs)
    let whole = try LayerHarness(fused, inputs: first.inputs, batch: first.batch)
    let head = try LayerHarness(front, inputs: first.inputs, batch: first.batch)
    let tail = try LayerHarness(back, inputs: second.inputs, batch: first.batch)
    for (own, other) in zip(head.parameters + head.states, whole.parameters + whole.states) {
      own.values = other.values
    }
    head.inputs[0].values = whole.inputs[0].values
    tail.outputGradients[0].values = whole.outputGradients[0].values
    try whole.forward(.training)
    try head.forward(.training)
    tail.inputs[0].values = head.outputs[0].values
    try tail.forward(.training)
    #expect(whole.outputs[0].values == tail.outputs[0].values)
    #expect(whole.states.map(\.values) == head.states.map(\.values))
    try whole.backward()
    try tail.backward()
    head.outputGradients[0].values = tail.inputGradients[0].values
    try head.backward()
    #expect(whole.inputGradients[0].values == head.inputGradients[0].values)
    #expect(whole.parameterGradients.map(\.values) == head.parameterGradients.map(\.values))
  }

  @Test func whatNeedsPositionsIsNotFusedForTraining() throws {
    let relu = try makeLayer("relu", [:], [[6, 6, 2]])
    for attributes: [String: AttributeValue] in [
      ["kernel_size": 2, "return_indices": true], ["kernel_size": [6, 6], "padding": 1],
    ] {
      let pool = try makeLayer("max_pool2d", attributes, [[6, 6, 2]])
      #expect(
        (relu.fusedForTraining(with: pool) == nil) == attributes.keys.contains("return_indices"))
    }
    let large = try makeLayer("max_pool2d", ["kernel_size": 16], [[16, 16, 1]])
    #expect(try makeLayer("relu", [:], [[16, 16, 1]]).fusedForTraining(with: large) == nil)
    #expect(relu.fusedForTraining(with: relu) == nil)
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
