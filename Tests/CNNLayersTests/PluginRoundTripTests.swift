import CCNN
import CNNLayerKit
import CNNLayers
import CNNPlugins
import Testing

/// The built-in layers as a plugin.
///
/// Out through the adapter for authors, in again through the adapter for hosts: nothing may be lost on
/// the way.
@Suite struct PluginRoundTripTests {
  /// Types that plugins can have, in the configurations that all tests use.
  ///
  /// Dropout is left out because the tests' host has random numbers of its own.
  static let cases = LayerCases.all.filter { layerCase in
    layerCase.type != "dropout" && (try? foreignType(layerCase.type)) != nil
  }

  @Test func mostTypesTakePart() {
    #expect(Set(PluginRoundTripTests.cases.map(\.type)).count >= 14)
  }

  @Test(arguments: cases)
  func declarationsArrive(_ layerCase: LayerCase) throws {
    let own = try layerCase.makeLayer()
    let foreign = try makeForeign(layerCase)
    #expect(foreign.outputs == own.outputs)
    #expect(foreign.parameters == own.parameters && foreign.states == own.states)
    #expect(foreign.backwardReads == own.backwardReads)
    #expect(foreign.supportsInPlace == own.supportsInPlace)
    #expect(foreign.isIdentityInInference == own.isIdentityInInference)
    #expect(foreign.isDifferentiable == own.isDifferentiable)
    #expect(foreign.operationCount == own.operationCount)
    #expect(foreign.preparedCount == own.preparedCount)
    if case .leakyRectifier? = own.elementaryFunction {
      #expect(foreign.elementaryFunction == nil)
    } else {
      #expect(foreign.elementaryFunction == own.elementaryFunction)
    }
    for index in layerCase.inputs.indices {
      #expect(foreign.isDifferentiable(input: index) == own.isDifferentiable(input: index))
    }
    for mode in [ExecutionMode.training, .inference] {
      #expect(
        try foreign.workspace(batch: 5, mode: mode, concurrency: 3)
          == own.workspace(batch: 5, mode: mode, concurrency: 3))
    }
  }

  @Test(arguments: cases)
  func resultsAreTheSame(_ layerCase: LayerCase) throws {
    let own = try LayerHarness(layerCase)
    let foreign = try LayerHarness(
      makeForeign(layerCase), inputs: layerCase.inputs, batch: layerCase.batch,
      values: layerCase.values)
    for mode in [ExecutionMode.inference, .training] {
      try own.forward(mode)
      try foreign.forward(mode)
      #expect(foreign.outputs.map(\.bits) == own.outputs.map(\.bits))
      #expect(foreign.states.map(\.bits) == own.states.map(\.bits))
    }
    guard own.layer.isDifferentiable else { return }
    try own.backward()
    try foreign.backward()
    #expect(foreign.inputGradients.map(\.bits) == own.inputGradients.map(\.bits))
    #expect(foreign.parameterGradients.map(\.bits) == own.parameterGradients.map(\.bits))
    try own.backward(frozen: Set(own.parameters.indices), forInputs: false)
    try foreign.backward(frozen: Set(own.parameters.indices), forInputs: false)
    #expect(foreign.parameterGradients.map(\.bits) == own.parameterGradients.map(\.bits))
  }

  @Test func errorsArriveWithTheirText() throws {
    let type = try PluginRoundTripTests.foreignType("max_pool2d")
    let own = try LayerRegistry.shared.type(named: "max_pool2d")
    for (attributes, inputs) in [
      (["kernel_size": 9], [[4, 4, 2]]), (["kernel_size": 2], [[4]]),
      (["kernel_size": 2, "padding": 3], [[8, 8, 1]]), (["kernelsize": 2], [[8, 8, 1]]),
      (["kernel_size": 0], [[8, 8, 1]]), ([:], [[8, 8, 1]]),
      (["kernel_size": 2], [[8, 8, 1], [8, 8, 1]]),
    ] as [([String: AttributeValue], [[Int]])] {
      let shapes = try inputs.map { try Shape($0) }
      let expected = #expect(throws: CNNError.self) {
        try own.make(attributes: attributes, inputs: shapes)
      }
      let error = #expect(throws: CNNError.self) {
        try type.make(attributes: attributes, inputs: shapes)
      }
      #expect(error?.code == expected?.code)
      let text = try #require(expected?.message.replacing("max_pool2d", with: type.name))
      #expect(
        error?.message.hasSuffix(text) == true
          || error?.message.hasSuffix(expected?.message ?? "") == true)
    }
  }

  @Test func attributesOfAnyKindAreRefused() throws {
    #expect(throws: CNNError.self) { try PluginRoundTripTests.foreignType("conv2d") }
  }

  private func makeForeign(_ layerCase: LayerCase) throws -> any Layer {
    try PluginRoundTripTests.foreignType(layerCase.type).make(
      attributes: layerCase.attributes, inputs: layerCase.inputs.map { try Shape($0) })
  }

  /// A built-in type as a host gets it from a plugin.
  private static func foreignType(_ name: String) throws -> LayerType {
    try registerBuiltinLayers()
    let own = try LayerRegistry.shared.type(named: name)
    let renamed = LayerType(
      "org.example." + name, version: own.version, summary: own.summary,
      inputCount: own.inputCount, attributes: own.attributes
    ) { (attributes, inputs) throws(CNNError) in
      try own.make(attributes: attributes.values, inputs: inputs)
    }
    let entry = PluginDescription("org.example.plugin", version: "1", layers: [renamed])
      .entry(UnsafeRawPointer(Host.table))
    guard let plugin = entry?.assumingMemoryBound(to: cnn_plugin.self).pointee else {
      throw CNNError(.unsupported, "the plugin refuses this type")
    }
    return try LayerType(plugin.layer_types?[0])
  }
}
