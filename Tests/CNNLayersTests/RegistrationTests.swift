import CNNLayerKit
import CNNLayers
import Testing

@Suite struct RegistrationTests {
  @Test func manyThreadsMayRegisterAtOnce() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<32 { group.addTask { try registerBuiltinLayers() } }
      try await group.waitForAll()
    }
    #expect(LayerRegistry.shared.names.contains("conv2d"))
    #expect(LayerRegistry.shared.blockNames.contains("conv_relu_maxpool"))
  }

  @Test func namesThatAreTakenAreErrors() throws {
    let registry = LayerRegistry()
    try registerBuiltinLayers(in: registry)
    #expect(throws: CNNError.self) { try registerBuiltinLayers(in: registry) }
  }

  /// Attributes of each block, and the types and attributes that it stands for.
  @Test(
    arguments: [
      ("affine", ["out_features": 10], ["flatten", "linear"]),
      ("affine_relu", ["out_features": 10, "order": "hwc"], ["flatten", "linear", "relu"]),
      (
        "affine_batchnorm_relu", ["out_features": 10, "momentum": 0.95],
        ["flatten", "linear", "batch_norm", "relu"]
      ),
      (
        "affine_relu_dropout", ["out_features": 10, "p": 0.25],
        ["flatten", "linear", "relu", "dropout"]
      ),
      ("conv_relu", ["out_channels": 3, "kernel_size": 3, "padding": "same"], ["conv2d", "relu"]),
      (
        "conv_relu_maxpool",
        ["out_channels": 3, "kernel_size": 3, "pool_size": 3, "pool_stride": 2],
        ["conv2d", "relu", "max_pool2d"]
      ),
    ] as [(String, [String: AttributeValue], [String])])
  func blocksStandForLayers(
    _ name: String, _ attributes: [String: AttributeValue], _ types: [String]
  ) throws {
    let registry = LayerRegistry()
    try registerBuiltinLayers(in: registry)
    let block = try #require(registry.block(named: name))
    let members = try block.members(attributes: attributes)
    #expect(members.map(\.type) == types)
    #expect(Set(members.map(\.name)).count == members.count)
    var shape = try Shape([8, 8, 3])
    var reached = Set<String>()
    for member in members {
      let layer = try registry.type(named: member.type).make(
        attributes: member.attributes, inputs: [shape])
      shape = layer.outputs[0].shape
      for (key, value) in member.attributes where attributes[key] == value { reached.insert(key) }
    }
    let own = Set(attributes.keys.filter { !$0.hasPrefix("pool_") })
    #expect(reached.isSuperset(of: own))
  }

  @Test func poolAttributesReachThePooling() throws {
    let registry = LayerRegistry()
    try registerBuiltinLayers(in: registry)
    let members = try #require(registry.block(named: "conv_relu_maxpool")).members(
      attributes: [
        "out_channels": 3, "kernel_size": 5, "pool_size": 3, "pool_stride": 2, "pool_padding": 1,
      ])
    #expect(members[2].attributes == ["kernel_size": 3, "stride": 2, "padding": 1])
    #expect(members[0].attributes["kernel_size"] == 5)
    let plain = try #require(registry.block(named: "conv_relu_maxpool")).members(
      attributes: ["out_channels": 3, "kernel_size": 5])
    #expect(plain[2].attributes == ["kernel_size": 2, "padding": 0])
  }

  /// A graph that is written with every default filled in can be read again.
  @Test(arguments: LayerCases.all)
  func defaultsMayBeWrittenDown(_ layerCase: LayerCase) throws {
    let type = try {
      _ = try layerCase.makeLayer()
      return try LayerRegistry.shared.type(named: layerCase.type)
    }()
    let filled = try Attributes(layerCase.attributes, checkedAgainst: type.attributes)
    let shapes = try layerCase.inputs.map { try Shape($0) }
    let layer = try type.make(attributes: filled.values, inputs: shapes)
    #expect(layer.outputs == (try layerCase.makeLayer()).outputs)
  }
}
