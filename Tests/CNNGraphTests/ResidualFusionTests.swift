import CNNGraph
import CNNKernels
import CNNKit
import CNNLayerKit
import Testing

@Suite("residual blocks in prediction")
struct ResidualFusionTests {
  init() throws { try registerBuiltinLayers() }

  private static func conv(_ name: String, _ input: String, _ outputs: Int = 16, kernel: Int = 1)
    -> Graph.Node
  {
    Graph.Node(
      name, type: "conv2d",
      ["out_channels": .integer(outputs), "kernel_size": .integer(kernel), "padding": "same"],
      inputs: [input])
  }

  /// A block with a projected shortcut, and one whose shortcut is what it starts from.
  static let layers = [
    conv("a", "input"),
    Graph.Node("a_bn", type: "batch_norm", inputs: ["a"]),
    conv("project", "input"),
    Graph.Node("first", type: "add", inputs: ["a_bn", "project"]),
    Graph.Node("first_relu", type: "relu", inputs: ["first"]),
    conv("b", "first_relu", 8),
    conv("c", "b", kernel: 3),
    Graph.Node("c_bn", type: "batch_norm", inputs: ["c"]),
    Graph.Node("second", type: "add", inputs: ["first_relu", "c_bn"]),
    Graph.Node("second_relu", type: "relu", inputs: ["second"]),
  ]

  private static func session(
    _ model: Model, batch: Int, keep: [String] = []
  ) throws -> Session {
    let session = try Session(model: model, capacity: batch, keep: keep)
    let input = try session.input(0)
    let values = randomValues(input.count, seed: 3)
    for index in input.indices { input[index] = values[index] }
    try session.run(batch: batch)
    return session
  }

  @Test("a sum is computed by the path that comes last, in place on the other, with the same bits")
  func sumsAreAbsorbed() throws {
    guard Kernels.active.direct.isFast else { return }
    let model = try Model(Graph(input: [13, 13, 8], layers: ResidualFusionTests.layers))
    try randomise(model, seed: 4)
    let fused = try ResidualFusionTests.session(model, batch: 3)
    #expect(
      try fused.measureSteps(batch: 3, runs: 1).map { $0.nodes.joined(separator: " + ") } == [
        "a + a_bn", "project + first + first_relu", "b", "c + c_bn + second + second_relu",
      ])
    let sums = try ResidualFusionTests.session(model, batch: 3, keep: ["c_bn", "a_bn", "project"])
    #expect(Array(try fused.output(0)) == Array(try sums.output(0)))
    let count = model.network.nodes.count
    let plain = try ResidualFusionTests.session(
      model, batch: 3, keep: model.network.nodes.map(\.name))
    #expect(try plain.measureSteps(batch: 3, runs: 1).count == count)
    let expected = Array(try plain.output(0))
    let largest = expected.map(abs).max() ?? 0
    for (x, y) in zip(try fused.output(0), expected) { #expect(abs(x - y) <= 2e-5 * largest) }
    #expect(fused.memoryBytes < sums.memoryBytes)
  }

  @Test("a sum whose other term is not there yet, or is needed elsewhere, stays right")
  func otherGraphs() throws {
    let variants: [[Graph.Node]] = [
      // The same tensor twice, and a shortcut that is read after the sum.
      [
        ResidualFusionTests.conv("a", "input"), Graph.Node("sum", type: "add", inputs: ["a", "a"]),
        ResidualFusionTests.conv("b", "sum"),
        Graph.Node("again", type: "add", inputs: ["b", "sum"]),
        Graph.Node("last", type: "add", inputs: ["again", "sum"]),
      ],
      // Three terms; the caller's input as a term; an identity between.
      [
        ResidualFusionTests.conv("a", "input", 8), ResidualFusionTests.conv("b", "input", 8),
        Graph.Node("three", type: "add", inputs: ["a", "b", "input"]),
        ResidualFusionTests.conv("c", "three", 8),
        Graph.Node("drop", type: "dropout", ["p": 0.5], inputs: ["c"]),
        Graph.Node("last", type: "add", inputs: ["input", "drop"]),
      ],
    ]
    for layers in variants {
      let model = try Model(Graph(input: [7, 7, 8], layers: layers))
      try randomise(model, seed: 5)
      let fused = try ResidualFusionTests.session(model, batch: 2)
      let plain = try ResidualFusionTests.session(
        model, batch: 2, keep: model.network.nodes.map(\.name))
      #expect(
        try fused.measureSteps(batch: 2, runs: 1).count
          < (try plain.measureSteps(batch: 2, runs: 1).count))
      #expect(Array(try fused.output(0)) == Array(try plain.output(0)))
    }
  }
}
