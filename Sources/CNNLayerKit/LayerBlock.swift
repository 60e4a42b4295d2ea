/// A named sequence of layers that graphs use like one layer, such as convolution followed by a
/// rectifier.
///
/// A block is only a way of writing: a graph that names it holds the layers it stands for. A block
/// `features` made of `conv2d` under `conv` and `relu` under `relu` becomes the nodes
/// `features.conv` and `features.relu`, and `features` refers to the output of the last one.
public struct LayerBlock: Sendable {
  /// One layer of a block.
  public struct Member: Hashable, Sendable {
    /// The name within the block.
    public let name: String
    /// The layer's type.
    public let type: String
    /// The layer's attributes.
    public let attributes: [String: AttributeValue]

    /// Describes one layer of a block.
    public init(_ name: String, type: String, attributes: [String: AttributeValue] = [:]) {
      self.name = name
      self.type = type
      self.attributes = attributes
    }
  }

  /// The name that graphs use.
  public let name: String
  /// What the block computes, in one sentence.
  public let summary: String
  /// The attributes of the whole block.
  public let attributes: [AttributeSpecification]
  private let expand: @Sendable (Attributes) throws(CNNError) -> [Member]

  /// Describes a block.
  ///
  /// - Parameters:
  ///   - name: The name that graphs use.
  ///   - summary: What the block computes, in one sentence.
  ///   - attributes: The attributes of the whole block.
  ///   - expand: Returns the layers, in order; each takes the output of the one before.
  public init(
    _ name: String, summary: String, attributes: [AttributeSpecification],
    expand: @escaping @Sendable (_ attributes: Attributes) throws(CNNError) -> [Member]
  ) {
    self.name = name
    self.summary = summary
    self.attributes = attributes
    self.expand = expand
  }

  /// Returns the layers that the block stands for.
  public func members(attributes: [String: AttributeValue]) throws(CNNError) -> [Member] {
    let checked = try Attributes(attributes, checkedAgainst: self.attributes)
    let members = try expand(checked)
    guard !members.isEmpty else {
      throw CNNError(.layerFailed, "block \"\(name)\" expanded into no layers")
    }
    return members
  }
}
