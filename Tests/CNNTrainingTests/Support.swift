import CNNKernels
import CNNKit
import Foundation
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

/// Two hidden layers with batch norm and dropout between image and 3 logits.
func smallNetwork(dropout: Double = 0.2) -> Graph {
  Graph(
    input: [6, 6, 1],
    layers: [
      Graph.Node(
        "conv", type: "conv2d", ["out_channels": 4, "kernel_size": 3, "padding": "same"]),
      Graph.Node("norm", type: "batch_norm"),
      Graph.Node("relu", type: "relu"),
      Graph.Node("pool", type: "max_pool2d", ["kernel_size": 2]),
      Graph.Node("flat", type: "flatten"),
      Graph.Node("drop", type: "dropout", ["p": .number(dropout)]),
      Graph.Node("logits", type: "linear", ["out_features": 3]),
    ])
}

/// A linear classifier of `features` numbers.
func linearNetwork(features: Int = 4, classes: Int = 3) -> Graph {
  Graph(
    input: [features],
    layers: [Graph.Node("fc", type: "linear", ["out_features": .integer(classes)])])
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
  mutating func number(_ range: ClosedRange<Float> = -1...1) -> Float {
    Float.random(in: range, using: &self)
  }
}

/// Images of 6 by 6 whose brightest row pair tells the class, with noise.
func stripes(_ count: Int, seed: UInt64 = 7, noise: Float = 0.3) throws -> TensorDataset {
  var random = TestRandom(seed)
  var inputs: [Float] = []
  var labels: [Int] = []
  for index in 0..<count {
    let label = index % 3
    labels.append(label)
    for row in 0..<6 {
      for _ in 0..<6 {
        inputs.append((row / 2 == label ? 1 : 0) + random.number(-noise...noise))
      }
    }
  }
  return try TensorDataset(
    inputs: inputs, sampleShape: Shape([6, 6, 1]),
    targets: [.classes(labels, names: ["top", "middle", "bottom"])])
}

/// The path of a file in a folder of its own, which is removed with the value.
final class TemporaryFolder {
  let url: URL
  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: url.appendingPathComponent(name))
  }
}

/// All parameters and states of a model, in order.
func numbers(of model: Model) throws -> [Float] {
  try (model.parameters + model.states).flatMap { try model.values(of: $0.name) }
}

func isClose(_ a: Double, _ b: Double, _ tolerance: Double) -> Bool {
  abs(a - b) <= tolerance * max(1, abs(a), abs(b))
}

/// The code and message of the error that `body` throws.
func failure(_ body: () throws -> Void) -> (code: CNNError.Code, message: String)? {
  do {
    try body()
    return nil
  } catch let error as CNNError {
    return (error.code, error.message)
  } catch {
    return nil
  }
}
