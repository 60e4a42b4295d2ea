import CNNKernels
import CNNLayerKit
import CNNLayers
import Testing

/// What the host relies on, for every built-in type.
@Suite struct LayerContractTests {
  @Test func everyTypeHasCases() throws {
    let registry = LayerRegistry()
    try registerBuiltinLayers(in: registry)
    #expect(Set(LayerCases.all.map(\.type)) == Set(registry.names))
  }

  @Test(arguments: LayerCases.all)
  func everyOutputIsWritten(_ layerCase: LayerCase) throws {
    let harness = try LayerHarness(layerCase)
    for mode in [ExecutionMode.training, .inference] {
      try harness.forward(mode)
      for output in harness.outputs { #expect(output.values.allSatisfy { $0.isFinite }) }
    }
  }

  @Test(arguments: LayerCases.all)
  func onlyStatesChangeAndOnlyInTraining(_ layerCase: LayerCase) throws {
    let harness = try LayerHarness(layerCase)
    let kept = { (harness.inputs + harness.parameters).map(\.bits) }
    let (before, states) = (kept(), harness.states.map(\.bits))
    try harness.forward(.inference)
    #expect(kept() == before && harness.states.map(\.bits) == states)
    try harness.forward(.training)
    #expect(kept() == before)
    let afterTraining = harness.states.map(\.bits)
    #expect(harness.states.isEmpty || afterTraining != states)
    let arriving = harness.outputGradients.map(\.bits)
    try harness.backward()
    #expect(kept() == before && harness.states.map(\.bits) == afterTraining)
    #expect(harness.outputGradients.map(\.bits) == arriving)
  }

  @Test(arguments: LayerCases.all)
  func zeroGradientsGiveZeroGradients(_ layerCase: LayerCase) throws {
    let harness = try LayerHarness(layerCase)
    try harness.forward(.training)
    for gradient in harness.outputGradients { gradient.zero() }
    try harness.backward()
    for (index, gradient) in harness.inputGradients.enumerated()
    where harness.layer.isDifferentiable(input: index) {
      #expect(gradient.values.allSatisfy { $0 == 0 })
    }
    for gradient in harness.parameterGradients {
      #expect(gradient.values.allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: LayerCases.all)
  func parameterGradientsAddUpAndInputGradientsDoNot(_ layerCase: LayerCase) throws {
    let harness = try LayerHarness(layerCase)
    try harness.forward(.training)
    try harness.backward()
    let inputs = harness.inputGradients.map(\.bits)
    let once = harness.parameterGradients.map(\.values)
    try harness.backward()
    #expect(harness.inputGradients.map(\.bits) == inputs)
    for (gradient, once) in zip(harness.parameterGradients, once) {
      expectClose(gradient.values, once.map { 2 * $0 }, relative: 1e-5, absolute: 1e-5)
    }
  }

  @Test(arguments: LayerCases.all)
  func unwantedGradientsMayBeMissing(_ layerCase: LayerCase) throws {
    let reference = try LayerHarness(layerCase)
    try reference.forward(.training)
    try reference.backward()
    let count = reference.parameters.count
    for frozen in 0...count {
      let harness = try LayerHarness(layerCase)
      try harness.forward(.training)
      // The first parameters up to `frozen`, then all of them.
      try harness.backward(frozen: frozen == count ? Set(0..<count) : [frozen], forInputs: false)
      for index in 0..<count where index != frozen && frozen != count {
        // Not the same bits: without the weight's gradient the bias is summed in another order.
        expectClose(
          harness.parameterGradients[index].values, reference.parameterGradients[index].values)
      }
      #expect(frozen == count || harness.parameterGradients[frozen].values.allSatisfy { $0 == 0 })
      try harness.backward(frozen: Set(0..<count))
      #expect(
        harness.inputGradients.enumerated().allSatisfy {
          !harness.layer.isDifferentiable(input: $0.offset)
            || $0.element.bits == reference.inputGradients[$0.offset].bits
        })
    }
  }

  @Test(arguments: LayerCases.all)
  func inPlaceEqualsOutOfPlace(_ layerCase: LayerCase) throws {
    let reference = try LayerHarness(layerCase)
    guard reference.layer.supportsInPlace else { return }
    for mode in [ExecutionMode.inference, .training] {
      let harness = try LayerHarness(layerCase)
      try reference.forward(mode)
      // The host keeps inputs that backward reads.
      let inputIsFree = mode == .inference || !harness.layer.backwardReads.contains(.inputs)
      try harness.forward(mode, inPlace: inputIsFree ? 0 : nil)
      #expect(harness.outputs[0].bits == reference.outputs[0].bits)
      guard mode == .training else { continue }
      try reference.backward()
      try harness.backward(inPlace: true)
      #expect(harness.inputGradients.map(\.bits) == reference.inputGradients.map(\.bits))
    }
  }

  @Test(arguments: LayerCases.all)
  func identitiesCopyTheirInput(_ layerCase: LayerCase) throws {
    let harness = try LayerHarness(layerCase)
    guard harness.layer.isIdentityInInference else { return }
    try harness.forward(.inference)
    #expect(harness.outputs[0].bits == harness.inputs[0].bits)
    #expect(["dropout", "flatten", "reshape"].contains(layerCase.type))
  }

  @Test(arguments: LayerCases.all)
  func fewerSamplesThanPlanned(_ layerCase: LayerCase) throws {
    for batch in [1, layerCase.batch] {
      let reference = try LayerHarness(layerCase, batch: batch)
      let harness = try LayerHarness(layerCase, batch: batch, planned: layerCase.batch + 5)
      for harness in [reference, harness] {
        try harness.forward(.training)
        try harness.backward()
      }
      #expect(harness.outputs.map(\.bits) == reference.outputs.map(\.bits))
      #expect(
        harness.parameterGradients.map(\.bits) == reference.parameterGradients.map(\.bits))
      try harness.forward(.inference)
    }
  }

  @Test(arguments: LayerCases.all + LayerCases.large)
  func sameBitsForAnyNumberOfThreads(_ layerCase: LayerCase) throws {
    ThreadPool.setThreadCount(8)
    var expected: [[UInt32]]?
    for concurrency in [1, 2, 3, 8] {
      let harness = try LayerHarness(layerCase, concurrency: concurrency)
      try harness.forward(.inference)
      var bits = harness.outputs.map(\.bits)
      try harness.forward(.training)
      try harness.backward()
      bits += (harness.outputs + harness.states + harness.parameterGradients).map(\.bits)
      for (index, gradient) in harness.inputGradients.enumerated()
      where harness.layer.isDifferentiable(input: index) {
        bits.append(gradient.bits)
      }
      #expect(expected == nil || bits == expected, "with \(concurrency) slots")
      expected = bits
    }
  }

  @Test(arguments: LayerCases.all)
  func declarationsMakeSense(_ layerCase: LayerCase) throws {
    let layer = try layerCase.makeLayer()
    #expect(!layer.outputs.isEmpty && layer.isDifferentiable && layer.operationCount >= 0)
    let names = (layer.parameters + layer.states).map(\.name)
    #expect(Set(names).count == names.count)
    for parameter in layer.parameters + layer.states {
      #expect(parameter.fanIn >= 1 && parameter.fanOut >= 1)
      if let axes = parameter.fileAxes { #expect(axes.sorted() == Array(0..<parameter.shape.rank)) }
      #expect(parameter.decays == (parameter.name == "weight" && layerCase.type != "batch_norm"))
    }
  }
}
