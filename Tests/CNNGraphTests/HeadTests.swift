import CNNKit
import Testing

@Suite struct HeadTests {
  private func node(
    _ name: String, _ type: String, _ attributes: [String: AttributeValue] = [:],
    inputs: [String]? = nil
  ) -> Graph.Node { Graph.Node(name, type: type, attributes, inputs: inputs) }

  private func model(
    _ layers: [Graph.Node], input: [Int] = [6, 6, 2], outputs: [String] = []
  ) throws -> Model {
    try registerBuiltinLayers()
    return try Model(Graph(input: input, layers: layers, outputs: outputs), seed: 3)
  }

  private func conv(_ channels: Int) -> Graph.Node {
    node("conv", "conv2d", ["out_channels": .integer(channels), "kernel_size": 3])
  }

  /// The names of parameters and states that the models have in common with the same numbers.
  private func kept(_ old: Model, _ new: Model) throws -> Set<String> {
    var names: Set<String> = []
    for slot in new.parameters + new.states
    where (old.parameters + old.states).contains(where: { $0.name == slot.name }) {
      if try old.values(of: slot.name) == new.values(of: slot.name) { names.insert(slot.name) }
    }
    return names
  }

  @Test func aResidualNetworkGetsANewLinearLayer() throws {
    try registerBuiltinLayers()
    let old = try Model(
      Graph.resNetSmall(inputShape: [16, 16, 3], classes: 3, widths: [4, 8], blocksPerStage: [1]),
      seed: 5)
    old.classNames = ["cat", "dog", "neither"]
    old.metadata = ["author": "somebody", Model.preprocessingKey: "{}"]
    let names = ["ragdoll", "sphynx"]
    let new = try old.replacingHead(classes: names, seed: 9)
    #expect(new.classNames == names && new.metadata == old.metadata)
    #expect(new.network.tensors[new.network.outputs[0]].shape.sizes == [2])
    let all = Set((old.parameters + old.states).map(\.name))
    #expect(try kept(old, new) == all.subtracting(["fc.weight", "fc.bias"]))
    #expect(try new.values(of: "fc.weight").count == 16)
    #expect(try new.values(of: "fc.bias") == [0, 0])
    // The same seed gives the same numbers, another one others.
    #expect(
      try old.replacingHead(classes: names, seed: 9).values(of: "fc.weight")
        == new.values(of: "fc.weight"))
    #expect(
      try old.replacingHead(classes: names, seed: 8).values(of: "fc.weight")
        != new.values(of: "fc.weight"))
    // The old model is what it was.
    #expect(
      old.classNames.count == 3 && old.network.graph.layers.last?.attributes["out_features"] == 3)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let layers: [Graph.Node]
    var outputs: [String] = []
    /// What is new.
    let fresh: Set<String>
    var layer: String?
    var shape = [5]
    var testDescription: String { what }
  }

  static let cases: [Case] = {
    func node(
      _ name: String, _ type: String, _ attributes: [String: AttributeValue] = [:],
      inputs: [String]? = nil
    ) -> Graph.Node { Graph.Node(name, type: type, attributes, inputs: inputs) }
    let conv = node("conv", "conv2d", ["out_channels": 4, "kernel_size": 3])
    let flat = node("flat", "flatten")
    let fc = node("fc", "linear", ["out_features": 3])
    return [
      Case(
        what: "softmax behind", layers: [conv, flat, fc, node("p", "softmax")],
        fresh: ["fc.weight"]),
      Case(
        what: "a block", layers: [conv, node("head", "affine", ["out_features": 3])],
        fresh: ["head.linear.weight"]),
      Case(
        what: "a block by name", layers: [conv, node("head", "affine", ["out_features": 3])],
        fresh: ["head.linear.weight"], layer: "head"),
      Case(
        what: "a convolution before a global average",
        layers: [
          conv, node("classes", "conv2d", ["out_channels": 3, "kernel_size": 1]),
          node("relu", "relu"), node("mean", "global_avg_pool2d"),
        ], fresh: ["classes.weight"]),
      Case(
        what: "one class for each position",
        layers: [node("map", "conv2d", ["out_channels": 3, "kernel_size": 3])],
        fresh: ["map.weight"], shape: [4, 4, 5]),
      Case(
        what: "a normalisation behind", layers: [conv, flat, fc, node("norm", "batch_norm")],
        fresh: ["fc.weight", "norm.weight"]),
      Case(
        what: "another output",
        layers: [
          conv, flat, fc, node("box", "linear", ["out_features": 3], inputs: ["flat"]),
        ], outputs: ["fc", "box"], fresh: ["fc.weight"]),
    ]
  }()

  @Test(arguments: cases)
  func findsTheHead(example: Case) throws {
    let old = try model(example.layers, outputs: example.outputs)
    let new = try old.replacingHead(classCount: 5, layer: example.layer, seed: 1)
    #expect(new.classNames.isEmpty)
    #expect(new.network.tensors[new.network.outputs[0]].shape.sizes == example.shape)
    for slot in new.parameters where slot.name.hasSuffix("weight") {
      let isKept = try old.values(of: slot.name) == new.values(of: slot.name)
      #expect(isKept != example.fresh.contains(slot.name), "\(slot.name)")
    }
    // As many classes as before: new numbers all the same, for the layer itself.
    let same = try old.replacingHead(classCount: 3, layer: example.layer, seed: 1)
    for slot in same.parameters where slot.name.hasSuffix("weight") && !slot.name.hasPrefix("norm")
    {
      let isKept = try old.values(of: slot.name) == same.values(of: slot.name)
      #expect(isKept != example.fresh.contains(slot.name), "\(slot.name)")
    }
  }

  @Test func refusesWhatHasNoHead() throws {
    func error(_ model: Model, classes: Int = 5, layer: String? = nil) -> CNNError? {
      do {
        _ = try model.replacingHead(classCount: classes, layer: layer)
        return nil
      } catch { return error }
    }
    let flat = node("flat", "flatten")
    let sum = try model([
      conv(4), node("again", "conv2d", ["out_channels": 4, "kernel_size": 1]),
      node("sum", "add", inputs: ["conv", "again"]),
    ])
    #expect(error(sum)?.code == .unsupported)
    #expect(error(sum)?.message.contains("\"sum\" (add) has several inputs") == true)
    // The output is what remains of a layer of another size.
    let reshaped = try model([conv(3), node("flat", "flatten")])
    #expect(error(reshaped)?.code == .unsupported)
    #expect(error(reshaped)?.message.contains("\"conv\" (conv2d)") == true)
    let plain = try model([flat, node("relu", "relu")])
    #expect(error(plain)?.message.contains("none is left before the input") == true)
    let good = try model([conv(4), flat, node("fc", "linear", ["out_features": 3])])
    #expect(error(good, layer: "cf")?.code == .unknownName)
    #expect(error(good, layer: "flat")?.code == .unknownName)
    #expect(error(good, layer: "conv")?.code == .unsupported)
    #expect(error(good, classes: 0)?.message.contains("\"classes\"") == true)
    #expect(error(good, classes: .max)?.code == .invalidArgument)
  }

  @Test(arguments: [([], "\"classes\""), (["a", "a"], "twice"), (["a", ""], "empty")])
  func refusesUnfitNames(names: [String], hint: String) throws {
    let model = try model([node("flat", "flatten"), node("fc", "linear", ["out_features": 3])])
    let error = #expect(throws: CNNError.self) { try model.replacingHead(classes: names) }
    #expect(error?.code == .invalidArgument && error?.message.contains(hint) == true)
  }
}
