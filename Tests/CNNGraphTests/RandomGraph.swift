import CNNGraph
import CNNKit
import CNNLayerKit

/// Random networks: everything that planning has to cope with (shared inputs, joins, several
/// outputs, layers that work in place or keep positions), at small sizes.
struct RandomGraph {
  private struct Tensor {
    let name: String
    let shape: [Int]
  }

  private var random: SeededRandom
  private var tensors: [Tensor]
  private var nodes: [Graph.Node] = []
  private var used: Set<String> = []

  /// Makes the graph that belongs to a seed.
  ///
  /// - Parameter isRandomised: Whether layers that draw random numbers may occur.
  static func make(seed: UInt64, layers: Int, isRandomised: Bool = true) -> Graph {
    var graph = RandomGraph(seed: seed)
    for index in 0..<layers { graph.addNode(index, isRandomised: isRandomised) }
    graph.addHead()
    let unused = graph.tensors.map(\.name).filter {
      !graph.used.contains($0) && $0 != "image" && $0 != "second"
    }
    var inputs = [Graph.Input("image", shape: [6, 6, 3])]
    if graph.used.contains("second") { inputs.append(Graph.Input("second", shape: [6, 6, 3])) }
    return Graph(name: "random", inputs: inputs, layers: graph.nodes, outputs: unused)
  }

  private init(seed: UInt64) {
    random = SeededRandom(seed)
    tensors = [
      Tensor(name: "image", shape: [6, 6, 3]), Tensor(name: "second", shape: [6, 6, 3]),
    ]
  }

  private mutating func pick() -> Tensor {
    // Recent tensors more often than old ones, so that chains form.
    let last = tensors[tensors.count - 1]
    if nodes.isEmpty { return tensors[0] }
    return Bool.random(using: &random)
      ? last : tensors[Int.random(in: 0..<tensors.count, using: &random)]
  }

  private mutating func add(
    _ index: Int, _ type: String, _ attributes: [String: AttributeValue] = [:],
    _ inputs: [Tensor], _ shape: [Int]
  ) {
    let name = "\(type)\(index)"
    nodes.append(Graph.Node(name, type: type, attributes, inputs: inputs.map(\.name)))
    used.formUnion(inputs.map(\.name))
    tensors.append(Tensor(name: name, shape: shape))
  }

  private mutating func addNode(_ index: Int, isRandomised: Bool) {
    let x = pick()
    let (height, width, channels) = (x.shape[0], x.shape[1], x.shape[2])
    switch Int.random(in: 0..<11, using: &random) {
    case 0, 1:
      let out = Int.random(in: 1...5, using: &random)
      let kernel = [1, 3][Int.random(in: 0...1, using: &random)]
      add(
        index, "conv2d",
        ["out_channels": .integer(out), "kernel_size": .integer(kernel), "padding": "same"], [x],
        [height, width, out])
    case 2: add(index, "batch_norm", [:], [x], x.shape)
    case 3, 4: add(index, "relu", [:], [x], x.shape)
    case 5: add(index, "leaky_relu", ["negative_slope": 0.1], [x], x.shape)
    case 6: add(index, "sigmoid", [:], [x], x.shape)
    case 7 where isRandomised: add(index, "dropout", ["p": 0.3], [x], x.shape)
    case 8 where height >= 2 && width >= 2:
      add(
        index, "max_pool2d", ["kernel_size": 2], [x], [height / 2, width / 2, channels])
    case 9:
      let partners = tensors.filter { $0.shape == x.shape }
      let other = partners[Int.random(in: 0..<partners.count, using: &random)]
      let type = Int.random(in: 0...2, using: &random) == 0 ? "multiply" : "add"
      add(index, type, [:], [x, other], x.shape)
    default:
      let partners = tensors.filter { $0.shape.prefix(2) == x.shape.prefix(2) }
      let other = partners[Int.random(in: 0..<partners.count, using: &random)]
      guard channels + other.shape[2] <= 12 else {
        return add(index, "tanh", [:], [x], x.shape)
      }
      add(index, "concat", [:], [x, other], [height, width, channels + other.shape[2]])
    }
  }

  private mutating func addHead() {
    let x = pick()
    let count = x.shape.reduce(1, *)
    add(nodes.count, "flatten", [:], [x], [count])
    add(nodes.count, "linear", ["out_features": 3], [tensors[tensors.count - 1]], [3])
  }
}

/// Sets parameters and states to numbers that make every term count.
func randomise(_ model: Model, seed: UInt64) throws {
  var random = SeededRandom(seed)
  for slot in model.parameters + model.states {
    let isVariance = slot.name.hasSuffix("running_var")
    let values = (0..<slot.count).map { _ in
      isVariance ? 0.5 + abs(random.float()) : random.float()
    }
    try model.setValues(of: slot.name, to: values)
  }
}

/// Numbers for an input.
func randomValues(_ count: Int, seed: UInt64) -> [Float] {
  var random = SeededRandom(seed)
  return (0..<count).map { _ in random.float() }
}
