import CNNKit
import Foundation
import Testing

/// y = x³ with an optional mistake in its gradient.
private struct Cube: Layer {
  let outputs: [OutputDeclaration]
  let factor: Float
  init(_ shape: Shape, factor: Float) {
    outputs = [OutputDeclaration(shape: shape)]
    self.factor = factor
  }
  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let (x, y) = (call.inputs[0], call.outputs[0])
    for index in y.indices { y[index] = x[index] * x[index] * x[index] }
  }
  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    let (x, g, d) = (call.inputs[0], call.outputGradients[0], call.inputGradients[0])
    for index in d.indices { d[index] = factor * 3 * x[index] * x[index] * g[index] }
  }
}

@Suite struct GradientCheckTests {
  private static func conv(_ name: String, _ channels: Int, from input: String? = nil) -> Graph.Node
  {
    Graph.Node(
      name, type: "conv2d",
      ["out_channels": .integer(channels), "kernel_size": 3, "padding": "same"],
      inputs: input.map { [$0] })
  }

  static let graphs: [(String, Graph)] = [
    ("small", smallNetwork()),
    (
      "residual",
      Graph(
        input: [6, 6, 2],
        layers: [
          conv("first", 4), Graph.Node("norm", type: "batch_norm"),
          Graph.Node("relu", type: "relu"),
          conv("second", 4), Graph.Node("norm2", type: "batch_norm"),
          Graph.Node("sum", type: "add", inputs: ["norm2", "relu"]),
          Graph.Node("relu2", type: "relu"), Graph.Node("mean", type: "global_avg_pool2d"),
          Graph.Node("logits", type: "linear", ["out_features": 3]),
        ])
    ),
    (
      "concat",
      Graph(
        input: [5, 5, 3],
        layers: [
          conv("left", 2, from: "input"), conv("right", 3, from: "input"),
          Graph.Node("both", type: "concat", inputs: ["left", "right"]),
          Graph.Node("tanh", type: "tanh"), conv("last", 2),
        ])
    ),
    (
      "heads",
      Graph(
        input: [4],
        layers: [
          Graph.Node("body", type: "linear", ["out_features": 6]),
          Graph.Node("sigmoid", type: "sigmoid"),
          Graph.Node("kind", type: "linear", ["out_features": 3], inputs: ["sigmoid"]),
          Graph.Node("box", type: "linear", ["out_features": 4], inputs: ["sigmoid"]),
        ], outputs: ["kind", "box"])
    ),
  ]

  @Test(arguments: 0..<4, [UInt64(0), 1, 2])
  func rightGradientsPass(index: Int, seed: UInt64) throws {
    let (name, graph) = Self.graphs[index]
    var check = GradientCheck()
    check.seed = seed
    check.batchSize = 4
    let model = try makeModel(graph, seed: seed)
    let before = try numbers(of: model)
    let report = try check.run(model)
    #expect(report.passed, "\(name): \(report.json)")
    #expect(try numbers(of: model) == before)
    #expect(report.arrays.count == model.parameters.count + 1)
    #expect(report.arrays.map(\.checked).reduce(0, +) > 20)
    #expect(try check.run(model) == report)
  }

  static let losses: [(String, AttributeValue)] = [
    ("heads", ["kind": "softmax_cross_entropy", "box": "smooth_l1"]),
    ("heads", ["kind": "sigmoid_cross_entropy", "box": "mean_squared_error"]),
    ("small", "softmax_cross_entropy"),
  ]

  @Test(arguments: 0..<3)
  func lossesPass(index: Int) throws {
    let (name, losses) = Self.losses[index]
    let graph = try #require(Self.graphs.first { $0.0 == name }).1
    var check = GradientCheck()
    check.batchSize = 4
    check.objective = .losses(try LossSpecification.list(from: losses))
    let report = try check.run(makeModel(graph))
    #expect(report.passed, "\(report.json)")
  }

  // Many rectifiers one after the other: most of what these networks do has corners.
  @Test(arguments: ["convnet", "mnist", "deep"])
  func namedModelsPass(name: String) throws {
    let size: AttributeValue = name == "mnist" ? [8, 8, 1] : [8, 8, 3]
    let model = try makeModel(
      NamedModel.named(name).graph(["input_shape": size, "classes": 3]),
      seed: 4)
    var check = GradientCheck()
    check.samples = 6
    check.batchSize = 4
    let report = try check.run(model)
    #expect(report.passed, "\(report.json)")
    #expect(report.arrays.map(\.checked).reduce(0, +) > 30)
  }

  // Right; a flipped sign; 10 percent too much; nothing.
  @Test(arguments: [(Float(1), true), (-1, false), (1.1, false), (0, false)])
  func mistakesAreFound(factor: Float, passes: Bool) throws {
    _ = try makeModel(linearNetwork())
    let registry = LayerRegistry()
    try registerBuiltinLayers(in: registry)
    try registry.register(
      LayerType(
        "cube", summary: "the third power"
      ) { (_, inputs) throws(CNNError) in Cube(inputs[0], factor: factor) })
    let graph = Graph(
      input: [6],
      layers: [
        Graph.Node("first", type: "linear", ["out_features": 5]),
        Graph.Node("cube", type: "cube"),
        Graph.Node("last", type: "linear", ["out_features": 3]),
      ])
    let model = try Model(graph, seed: 3, registry: registry)
    let report = try GradientCheck().run(model)
    #expect(report.passed == passes, "\(report.json)")
    for array in report.arrays {
      let isBehind = array.name.hasPrefix("last")
      #expect((array.error <= report.tolerance) == (passes || isBehind), "\(array)")
      if factor == -1, !isBehind { #expect(array.arrayError > 0.9) }
    }
  }

  @Test func optionsAreStrict() throws {
    let check = try GradientCheck(json: #"{"batch_size": 3, "samples": 5, "seed": 9}"#)
    #expect(check.batchSize == 3 && check.samples == 5 && check.seed == 9)
    let error = failure { _ = try GradientCheck(json: #"{"tolerence": 1}"#) }
    #expect(error?.message.contains("did you mean \"tolerance\"") == true)
    var wrong = GradientCheck()
    wrong.step = .nan
    #expect(failure { _ = try wrong.run(makeModel(linearNetwork())) }?.code == .invalidArgument)
  }
}
