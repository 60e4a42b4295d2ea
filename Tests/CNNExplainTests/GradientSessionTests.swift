import CNNKit
import Testing

@Suite("gradients of predictions")
struct GradientSessionTests {
  /// A smooth network in which a tensor has two consumers.
  static let residualNetwork = Graph(
    input: [16, 16, 3],
    layers: [
      Graph.Node(
        "conv1", type: "conv2d", ["out_channels": 8, "kernel_size": 3, "padding": "same"]),
      Graph.Node("norm1", type: "batch_norm"),
      Graph.Node("act1", type: "tanh"),
      Graph.Node(
        "conv2", type: "conv2d", ["out_channels": 8, "kernel_size": 3, "padding": "same"]),
      Graph.Node("norm2", type: "batch_norm"),
      Graph.Node("drop", type: "dropout"),
      Graph.Node("sum", type: "add", inputs: ["drop", "act1"]),
      Graph.Node("act2", type: "tanh"),
      Graph.Node("mean", type: "global_avg_pool2d"),
      Graph.Node("logits", type: "linear", ["out_features": 3]),
    ])

  /// A network with rectifiers, normalisations that absorb them, and a pool that selects.
  static let rectifiedNetwork = Graph(
    input: [16, 16, 3],
    layers: [
      Graph.Node(
        "conv1", type: "conv2d", ["out_channels": 8, "kernel_size": 3, "padding": "same"]),
      Graph.Node("norm1", type: "batch_norm"),
      Graph.Node("act1", type: "relu"),
      Graph.Node("pool", type: "max_pool2d", ["kernel_size": 2]),
      Graph.Node("conv2", type: "conv2d", ["out_channels": 8, "kernel_size": 3]),
      Graph.Node("act2", type: "relu"),
      Graph.Node("conv3", type: "conv2d", ["out_channels": 8, "kernel_size": 1]),
      Graph.Node("act3", type: "relu"),
      Graph.Node("flat", type: "flatten"),
      Graph.Node("logits", type: "linear", ["out_features": 3]),
    ])

  /// The change of a score along a random direction, by differences, and what the gradient says.
  @Test(
    "the gradient is the slope of what the model predicts",
    arguments: [(residualNetwork, 1e-2), (rectifiedNetwork, 2e-4)] as [(Graph, Float)])
  func slopes(graph: Graph, step: Float) throws {
    let model = try makeModel(graph)
    try randomizeStates(model)
    let output = model.network.outputs[0]
    var random = TestRandom(3)
    let count = 16 * 16 * 3
    let middle = (0..<count).map { _ in Float.random(in: 0...1, using: &random) }
    let session = try GradientSession(model: model, capacity: 2, from: [output], to: [0])
    _ = try session.input().update(fromContentsOf: middle + middle.reversed())
    try session.run(batch: 2) { session throws(CNNError) in
      try session.gradient(of: output)[1] = 1
      try session.gradient(of: output)[3 + 2] = -2
    }
    let gradient = Array(try session.gradient(of: 0))
    let scores = Array(try session.values(of: output))

    let plain = try Session(model: model, capacity: 2, isPrecise: true)
    func score(_ first: [Float], _ second: [Float]) throws -> Double {
      _ = try plain.input().update(fromContentsOf: first + second)
      try plain.run(batch: 2)
      let output = try plain.output()
      return Double(output[1]) - 2 * Double(output[5])
    }
    _ = try score(middle, middle.reversed())
    for (a, b) in zip(scores, Array(try plain.output())) { #expect(abs(a - b) < 1e-3) }
    // Small steps in many directions: few kinks are crossed, and rounding averages out.
    var (analytic, numeric, size) = (0.0, 0.0, 0.0)
    for _ in 0..<8 {
      let direction = (0..<2 * count).map { _ in Float.random(in: -1...1, using: &random) }
      func moved(_ step: Float) throws -> Double {
        let all = zip(middle + middle.reversed(), direction).map { $0 + step * $1 }
        return try score(Array(all[..<count]), Array(all[count...]))
      }
      let slope = (try moved(step) - moved(-step)) / (2 * Double(step))
      let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      analytic += abs(expected - slope)
      numeric += abs(slope)
      size += abs(expected)
    }
    #expect(size > 0.01)
    #expect(analytic < 0.03 * (numeric + size), "\(analytic) of \(numeric) and \(size)")
  }

  @Test("gradients inside of the network fit together by the chain rule")
  func chainRule() throws {
    let model = try makeModel(smoothNetwork())
    try randomizeStates(model)
    let network = model.network
    let output = network.outputs[0]
    let inner = try network.tensor(named: "act")
    let input = try noise(width: 7, height: 6).withPixels { $0.map { Float($0) / 255 } }
    func fill(_ session: GradientSession) throws {
      _ = try session.input().update(fromContentsOf: input)
    }
    // Both at once, each by itself, and in two pieces.
    let both = try GradientSession(model: model, from: [output], to: [inner, 0])
    try fill(both)
    try both.run(batch: 1) { session throws(CNNError) in
      try session.gradient(of: output)[2] = 1
    }
    let atInner = Array(try both.gradient(of: inner))
    let atInput = Array(try both.gradient(of: 0))
    let alone = try GradientSession(model: model, from: [output], to: [inner])
    try fill(alone)
    try alone.run(batch: 1) { session throws(CNNError) in
      try session.gradient(of: output)[2] = 1
    }
    #expect(Array(try alone.gradient(of: inner)) == atInner)
    #expect(Array(try alone.values(of: inner)) == Array(try both.values(of: inner)))
    #expect(alone.memoryBytes <= both.memoryBytes)
    let first = try GradientSession(model: model, from: [inner], to: [0])
    try fill(first)
    try first.run(batch: 1) { session throws(CNNError) in
      _ = try session.gradient(of: inner).update(fromContentsOf: atInner)
    }
    #expect(Array(try first.gradient(of: 0)) == atInput)
    // A function of two tensors has the sum of both gradients.
    let sum = try GradientSession(model: model, from: [inner, output], to: [0])
    try fill(sum)
    try sum.run(batch: 1) { session throws(CNNError) in
      _ = try session.gradient(of: inner).update(fromContentsOf: atInner)
      try session.gradient(of: output)[2] = 1
    }
    for (a, b) in zip(try sum.gradient(of: 0), atInput) { #expect(abs(a - 2 * b) < 1e-5) }
  }

  @Test("sessions refuse what they cannot do, by name")
  func errors() throws {
    let model = try makeModel(
      Graph(
        input: [4, 4, 2],
        layers: [
          Graph.Node("pool", type: "max_pool2d", ["kernel_size": 2, "return_indices": true]),
          Graph.Node("flat", type: "flatten"),
          Graph.Node("fc", type: "linear", ["out_features": 2]),
          Graph.Node("other", type: "linear", ["out_features": 2], inputs: ["flat"]),
        ], outputs: ["fc", "other"]))
    let network = model.network
    let (fc, other) = (network.outputs[0], network.outputs[1])
    expectError(.invalidArgument, "at least 1") {
      _ = try GradientSession(model: model, capacity: 0, from: [fc], to: [0])
    }
    expectError(.invalidArgument, "at least one tensor") {
      _ = try GradientSession(model: model, from: [], to: [0])
    }
    expectError(.invalidArgument, "[99]") {
      _ = try GradientSession(model: model, from: [fc], to: [99])
    }
    expectError(.unsupported, "no gradient with respect to \"other\"") {
      _ = try GradientSession(model: model, from: [fc], to: [other])
    }
    let session = try GradientSession(model: model, from: [fc], to: [0])
    expectError(.invalidArgument, "was not supplied") { try session.run(batch: 1) { _ in } }
    _ = try session.input()
    expectError(.invalidArgument, "1 to 1 samples") { try session.run(batch: 2) { _ in } }
    expectError(.invalidArgument, "no source") { _ = try session.gradient(of: other) }
    expectError(.busy, "another thread") {
      try session.run(batch: 1) { session throws(CNNError) in try session.run(batch: 1) { _ in } }
    }
  }

  @Test("a layer without a gradient is named where one would pass it, and no obstacle elsewhere")
  func oneWay() throws {
    try OneWay.register()
    let model = try makeModel(
      Graph(
        input: [4, 4, 3],
        layers: [
          Graph.Node("one", type: "test.one_way"),
          Graph.Node("conv", type: "conv2d", ["out_channels": 4, "kernel_size": 3]),
          Graph.Node("mean", type: "global_avg_pool2d"),
          Graph.Node("fc", type: "linear", ["out_features": 2]),
        ]))
    let explainer = try Explainer(model)
    let photo = try noise(width: 9, height: 9)
    expectError(.unsupported, "layer \"one\" (test.one_way) has no backward pass") {
      _ = try explainer.explain(photo, by: Saliency())
    }
    #expect(try explainer.explain(photo, by: GradCAM()).map.width == 9)
    #expect(try explainer.explain(photo, by: Occlusion()).map.width == 9)
  }

  @Test("a layer that keeps statistics and does not say how is named")
  func statistics() throws {
    try Counting.register()
    let model = try makeModel(
      Graph(
        input: [4, 4, 1],
        layers: [
          Graph.Node("count", type: "test.counting"), Graph.Node("flat", type: "flatten"),
          Graph.Node("fc", type: "linear", ["out_features": 2]),
        ]))
    expectError(.unsupported, "layer \"count\" (test.counting)") {
      _ = try GradientSession(model: model, from: model.network.outputs, to: [0])
    }
  }
}

/// A layer that passes its input on, and has no backward pass.
private struct OneWay: Layer {
  let outputs: [OutputDeclaration]
  var isDifferentiable: Bool { false }

  private static let registered: Result<Void, CNNError> = {
    do throws(CNNError) {
      return .success(
        try LayerRegistry.shared.register(
          LayerType("test.one_way", summary: "Passes on.", attributes: []) {
            (_, inputs) throws(CNNError) in
            OneWay(outputs: [OutputDeclaration(shape: inputs[0])])
          }))
    } catch { return .failure(error) }
  }()

  static func register() throws { try registered.get() }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    _ = call.outputs[0].update(fromContentsOf: call.inputs[0])
  }
}

/// A layer with a state, and nothing else that is known of it.
private struct Counting: Layer {
  let outputs: [OutputDeclaration]
  let states: [ParameterDeclaration]

  private static let registered: Result<Void, CNNError> = {
    do throws(CNNError) {
      return .success(
        try LayerRegistry.shared.register(
          LayerType("test.counting", summary: "Counts.", attributes: []) {
            (_, inputs) throws(CNNError) in
            Counting(
              outputs: [OutputDeclaration(shape: inputs[0])],
              states: [
                ParameterDeclaration("count", shape: try Shape([1]), initializer: .zeros)
              ])
          }))
    } catch { return .failure(error) }
  }()

  static func register() throws { try registered.get() }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {}
  func backward(_ call: borrowing BackwardCall) throws(CNNError) {}
}
