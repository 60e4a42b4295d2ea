/// A kind of layer: how it is called, what attributes it takes, and how to make one.
public struct LayerType: Sendable {
  /// The name that graphs use: snake_case for built-in types, a reversed domain in front for
  /// others, as in `org.example.swish`.
  public let name: String
  /// The version of the type's meaning, at least 1; it grows when attributes or results change.
  public let version: Int
  /// What the layer computes, in one sentence.
  public let summary: String
  /// How many inputs the layer takes.
  public let inputCount: ClosedRange<Int>
  /// The attributes.
  public let attributes: [AttributeSpecification]

  /// Makes a layer; see `make(attributes:inputs:)`.
  private let create:
    @Sendable (_ attributes: Attributes, _ inputs: [Shape]) throws(CNNError) -> any Layer

  /// The most inputs that a layer can take.
  public static let maximumInputs = 1024

  /// Describes a kind of layer.
  ///
  /// - Parameters:
  ///   - name: The name that graphs use.
  ///   - version: The version of the type's meaning.
  ///   - summary: What the layer computes, in one sentence.
  ///   - inputCount: How many inputs the layer takes.
  ///   - attributes: The attributes; `name`, `type` and `inputs` are taken.
  ///   - create: Makes a layer from checked attributes and as many input shapes as `inputCount`
  ///     allows; throws where the shapes or the combination of attributes make no sense.
  public init(
    _ name: String, version: Int = 1, summary: String, inputCount: ClosedRange<Int> = 1...1,
    attributes: [AttributeSpecification] = [],
    create:
      @escaping @Sendable (_ attributes: Attributes, _ inputs: [Shape]) throws(CNNError) ->
      any Layer
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.inputCount = inputCount
    self.attributes = attributes
    self.create = create
  }

  /// Makes a layer of this type.
  ///
  /// - Throws: `unknownName` or `invalidArgument` for attributes, `shapeMismatch` for inputs; the
  ///   messages do not yet name the node.
  public func make(attributes: [String: AttributeValue], inputs: [Shape]) throws(CNNError)
    -> any Layer
  {
    let checked = try Attributes(attributes, checkedAgainst: self.attributes)
    guard inputCount.contains(inputs.count) else {
      let expected =
        inputCount.lowerBound == inputCount.upperBound
        ? "\(inputCount.lowerBound)"
        : inputCount.upperBound >= LayerType.maximumInputs
          ? "at least \(inputCount.lowerBound)"
          : "\(inputCount.lowerBound) to \(inputCount.upperBound)"
      throw .shapeMismatch("\(name) takes \(expected) input(s), got \(inputs.count)")
    }
    return try create(checked, inputs)
  }
}
