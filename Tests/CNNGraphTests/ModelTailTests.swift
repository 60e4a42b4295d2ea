import CNNGraph
import CNNKit
import Testing

@Suite struct ModelTailTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let layers: [Graph.Node]
    var outputs: [String] = []
    /// Where the network is cut; nil if it cannot be.
    let tensor: String?
    var testDescription: String { layers.map(\.type).joined(separator: ", ") }
  }

  static let cases: [Case] = {
    func node(
      _ name: String, _ type: String, _ attributes: [String: AttributeValue] = [:],
      inputs: [String]? = nil
    ) -> Graph.Node { Graph.Node(name, type: type, attributes, inputs: inputs) }
    let conv = node("conv", "conv2d", ["out_channels": 4, "kernel_size": 3])
    let mean = node("mean", "global_avg_pool2d")
    let drop = node("drop", "dropout", ["p": 0.5])
    let fc = node("fc", "linear", ["out_features": 3])
    return [
      Case(layers: [conv, mean, fc], tensor: "mean"),
      Case(layers: [conv, mean, drop, fc], tensor: "mean"),
      Case(layers: [conv, mean, drop, fc, node("p", "softmax")], tensor: "mean"),
      // A block is one layer; what precedes the linear layer within it comes along.
      Case(layers: [conv, drop, node("head", "affine", ["out_features": 3])], tensor: "conv"),
      Case(
        layers: [node("body", "conv_relu", ["out_channels": 4, "kernel_size": 3]), mean, fc],
        tensor: "mean"),
      Case(
        layers: [
          node("body", "conv_relu", ["out_channels": 4, "kernel_size": 1]),
          node("head", "affine", ["out_features": 3], inputs: ["body"]),
        ], tensor: "body.relu"),
      // Another output from the same tensor comes along, one from elsewhere does not.
      Case(
        layers: [conv, mean, fc, node("box", "linear", ["out_features": 4], inputs: ["mean"])],
        outputs: ["fc", "box"], tensor: "mean"),
      Case(
        layers: [
          conv, node("side", "global_avg_pool2d", inputs: ["conv"]),
          node("mean", "global_avg_pool2d", inputs: ["conv"]), fc,
        ],
        outputs: ["fc", "side"], tensor: "mean"),
      // Nothing before the head, or something beside it.
      Case(layers: [node("flat", "flatten"), fc], tensor: nil),
      Case(
        layers: [
          conv, mean, fc, node("other", "linear", ["out_features": 3], inputs: ["mean2"]),
          node("mean2", "global_avg_pool2d", inputs: ["conv"]),
          node("sum", "add", inputs: ["fc", "other"]),
        ], tensor: nil),
    ]
  }()

  @Test(arguments: cases)
  func computesWhatTheWholeComputes(example: Case) throws {
    try registerBuiltinLayers()
    let model = try Model(
      Graph(input: [5, 5, 2], layers: example.layers, outputs: example.outputs), seed: 4)
    let node = try #require(
      example.tensor == nil && example.layers.count > 2
        ? model.network.nodes.firstIndex { $0.name == "fc" } : try model.headNode())
    guard let tail = try model.tail(fromNode: node) else {
      #expect(example.tensor == nil)
      return
    }
    #expect(tail.tensor == example.tensor)
    let session = try Session(model: model, capacity: 2, keep: [tail.tensor])
    let input = try session.input()
    for index in input.indices { input[index] = Float((index * 7) % 11) / 5 - 1 }
    try session.run(batch: 2)
    let features = Array(try session.tensor(tail.tensor))
    let end = try Session(model: tail.model, capacity: 2)
    let memory = try end.input()
    #expect(memory.count == features.count)
    for index in memory.indices { memory[index] = features[index] }
    try end.run(batch: 2)
    for (a, b) in zip(try session.output(), try end.output()) { #expect(abs(a - b) < 1e-6) }
    // What is changed there can be taken back into the whole.
    let name = try #require(tail.model.parameters.first?.name)
    try tail.model.setValues(
      of: name, to: [Float](repeating: 2, count: try #require(tail.model.parameters.first).count))
    try model.copyNumbers(from: tail.model)
    #expect(try model.values(of: name).allSatisfy { $0 == 2 })
  }
}
