import CNNLayerKit

/// The description of a network: what goes in, the layers, and what comes out.
///
/// A value that can be built in Swift, read from JSON (`init(json:)`) and written as JSON
/// (`json`). It is only a description: `Network(graph)` checks it, and `Model(graph)` gives it
/// parameters.
///
/// ```swift
/// let graph = Graph(
///   input: [28, 28, 1],
///   layers: [
///     Graph.Node("conv", type: "conv2d", ["out_channels": 32, "kernel_size": 3]),
///     Graph.Node("relu", type: "relu"),
///     Graph.Node("flatten", type: "flatten"),
///     Graph.Node("logits", type: "linear", ["out_features": 10]),
///   ])
/// ```
public struct Graph: Hashable, Sendable {
  /// A tensor that the caller supplies.
  public struct Input: Hashable, Sendable {
    /// The name that layers refer to.
    public var name: String
    /// The shape of one sample: `[height, width, channels]` for images.
    public var shape: [Int]

    /// Describes an input.
    public init(_ name: String, shape: [Int]) {
      self.name = name
      self.shape = shape
    }
  }

  /// A layer in its place.
  public struct Node: Hashable, Sendable {
    /// The name, unique within the graph.
    public var name: String
    /// The name of a layer type or block.
    public var type: String
    /// The attributes that differ from the type's defaults, and the required ones.
    public var attributes: [String: AttributeValue]
    /// What the layer takes: names of inputs or layers, or `layer.output` for a named output; nil
    /// means the layer before it in the list, or the graph's only input for the first.
    public var inputs: [String]?

    /// Describes a layer in its place.
    public init(
      _ name: String, type: String, _ attributes: [String: AttributeValue] = [:],
      inputs: [String]? = nil
    ) {
      self.name = name
      self.type = type
      self.attributes = attributes
      self.inputs = inputs
    }
  }

  /// What the network is called; may be empty.
  public var name: String
  /// The tensors that the caller supplies.
  public var inputs: [Input]
  /// The layers; the order matters only where inputs are left out.
  public var layers: [Node]
  /// The tensors that the caller gets, in order; empty means the output of the last layer.
  public var outputs: [String]
  /// Whether layers compute with the smallest rounding error, even where a faster way has one of
  /// about 1e-5 of the largest output; false unless set.
  public var isPrecise = false

  /// Describes a network.
  public init(name: String = "", inputs: [Input], layers: [Node], outputs: [String] = []) {
    self.name = name
    self.inputs = inputs
    self.layers = layers
    self.outputs = outputs
  }

  /// Describes a network with one input, called `input`.
  public init(name: String = "", input shape: [Int], layers: [Node], outputs: [String] = []) {
    self.init(
      name: name, inputs: [Input("input", shape: shape)], layers: layers, outputs: outputs)
  }
}
