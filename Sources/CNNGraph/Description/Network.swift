import CNNLayerKit

/// A graph that has been checked: blocks expanded, layers made, every shape known, and the nodes in
/// an order in which they can be computed.
///
/// Immutable, so it may be shared between threads.
public struct Network: Sendable {
  /// A tensor that flows between nodes.
  public struct Tensor: Sendable {
    /// What it is called: an input's name, or `node` or `node.output`.
    public let name: String
    /// The shape of one sample.
    public let shape: Shape
    /// The node that computes it, or nil for an input of the graph.
    public let producer: Int?
    /// Which of the producer's outputs it is.
    public let outputIndex: Int
    /// Whether a gradient can flow back into it.
    public let isDifferentiable: Bool
  }

  /// A layer in its place.
  public struct Node: Sendable {
    /// The name, unique within the network.
    public let name: String
    /// The name of the layer's type.
    public let type: String
    /// The version of the layer's type.
    public let typeVersion: Int
    /// The layer.
    public fileprivate(set) var layer: any Layer
    /// The tensors it takes, as indexes into `tensors`.
    public let inputs: [Int]
    /// The tensors it computes, as indexes into `tensors`.
    public let outputs: [Int]
  }

  /// The description that was checked.
  public let graph: Graph
  /// Every tensor: the graph's inputs first.
  public let tensors: [Tensor]
  /// The nodes, in an order in which they can be computed.
  public private(set) var nodes: [Node]
  /// The graph's outputs, as indexes into `tensors`.
  public let outputs: [Int]
  /// The last node of each block, by the block's name.
  private let lastOfBlock: [String: String]

  /// The graph's inputs, as indexes into `tensors`.
  public var inputs: Range<Int> { 0..<graph.inputs.count }

  /// Checks a graph and makes its layers.
  ///
  /// - Parameters:
  ///   - graph: The description.
  ///   - registry: Where layer types are looked up. The types built in must be registered there.
  /// - Throws: An error that names the node and says what was expected and what was there:
  ///   `unknownName`, `shapeMismatch` or `invalidArgument`.
  public init(_ graph: Graph, registry: LayerRegistry = .shared) throws(CNNError) {
    var resolver = try GraphResolver(graph, registry: registry)
    try resolver.resolve()
    self.graph = graph
    tensors = resolver.tensors
    nodes = resolver.nodes
    outputs = resolver.outputs
    lastOfBlock = resolver.aliases
  }

  /// The same network with each layer in its precise form (`Layer.precise`).
  package var precise: Network {
    var network = self
    for index in nodes.indices { network.nodes[index].layer = nodes[index].layer.precise }
    return network
  }

  /// The names by which the outputs are known, in order.
  public var outputNames: [String] { outputs.map { tensors[$0].name } }

  /// The names by which the inputs are known, in order.
  public var inputNames: [String] { graph.inputs.map(\.name) }

  /// Returns the index of the tensor called `name`; a block's name stands for its last output.
  ///
  /// - Throws: `unknownName`, with the nearest name there is.
  public func tensor(named name: String) throws(CNNError) -> Int {
    if let index = tensors.firstIndex(where: { $0.name == name }) { return index }
    let layer = lastOfBlock[name] ?? name
    if let node = nodes.first(where: { $0.name == layer }), let first = node.outputs.first {
      return first
    }
    throw .unknownName("tensor", name, valid: tensors.map(\.name))
  }
}
