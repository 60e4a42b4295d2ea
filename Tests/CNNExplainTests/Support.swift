import CNNKit
import Testing

/// Registers the built-in layers once.
private let builtins: Result<Void, CNNError> = {
  do throws(CNNError) { return .success(try registerBuiltinLayers()) } catch {
    return .failure(error)
  }
}()

/// A model of a graph with the built-in layers.
func makeModel(_ graph: Graph, seed: UInt64 = 1) throws -> Model {
  try builtins.get()
  return try Model(graph, seed: seed)
}

/// A generator whose numbers the tests share: SplitMix64 (Steele, Lea and Flood 2014).
struct TestRandom: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// A picture of random pixels.
func noise(width: Int, height: Int, channels: Int = 3, seed: UInt64 = 5) throws -> Image {
  var random = TestRandom(seed)
  let pixels = (0..<width * height * channels).map { _ in UInt8.random(in: 0...255, using: &random)
  }
  return try Image(width: width, height: height, channels: channels, pixels: pixels)
}

/// Gives every running statistic a value of its own, so that using those of the batch would show.
func randomizeStates(_ model: Model, seed: UInt64 = 9) throws {
  var random = TestRandom(seed)
  for slot in model.states {
    let range: ClosedRange<Float> = slot.name.hasSuffix("var") ? 0.3...2 : -0.5...0.5
    let values = (0..<slot.count).map { _ in Float.random(in: range, using: &random) }
    try model.setValues(of: slot.name, to: values)
  }
}

/// Every parameter and state, to see whether they change.
func allValues(_ model: Model) throws -> [[Float]] {
  try (model.parameters + model.states).map { try model.values(of: $0.name) }
}

/// The numbers of a map.
func numbers(_ map: Heatmap) -> [Float] { map.withValues { Array($0) } }

/// A smooth network with everything that training does otherwise than predicting.
func smoothNetwork(softmax: Bool = false) -> Graph {
  Graph(
    input: [6, 7, 3],
    layers: [
      Graph.Node(
        "conv", type: "conv2d", ["out_channels": 5, "kernel_size": 3, "padding": "same"]),
      Graph.Node("norm", type: "batch_norm"),
      Graph.Node("act", type: "tanh"),
      Graph.Node("drop", type: "dropout", ["p": 0.5]),
      Graph.Node("pool", type: "avg_pool2d", ["kernel_size": 2, "stride": 2]),
      Graph.Node("flat", type: "flatten"),
      Graph.Node("hidden", type: "linear", ["out_features": 6]),
      Graph.Node("norm2", type: "batch_norm"),
      Graph.Node("act2", type: "sigmoid"),
      Graph.Node("logits", type: "linear", ["out_features": 4]),
    ] + (softmax ? [Graph.Node("shares", type: "softmax")] : []))
}

/// Expects an error with a code and a part of its message.
func expectError(
  _ code: CNNError.Code, _ fragment: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  let error = #expect(throws: CNNError.self, sourceLocation: sourceLocation) { try body() }
  #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: sourceLocation)
  #expect(
    error?.message.contains(fragment) == true, "\(error?.message ?? "")",
    sourceLocation: sourceLocation)
}
