/// The checked attributes of one layer: every name is known, every value of its declared kind, and
/// every default filled in.
///
/// The accessors throw `internal` when asked for a name or kind that the layer type does not
/// declare: a mistake in the layer, reported instead of ending the process.
public struct Attributes: Sendable, Hashable {
  /// All values by name, defaults included.
  public let values: [String: AttributeValue]

  /// Checks `given` against `specifications` and fills in the defaults.
  ///
  /// - Throws: `unknownName` for an attribute that is not specified (with the nearest one that
  ///   is), `invalidArgument` for a missing or unfit value.
  public init(
    _ given: [String: AttributeValue], checkedAgainst specifications: [AttributeSpecification]
  ) throws(CNNError) {
    for name in given.keys.sorted() where !specifications.contains(where: { $0.name == name }) {
      throw .unknownName("attribute", name, valid: specifications.map(\.name))
    }
    var values: [String: AttributeValue] = [:]
    for specification in specifications {
      guard let value = given[specification.name] else {
        guard let value = specification.defaultValue else {
          throw .invalidArgument(
            "attribute \"\(specification.name)\" is missing; it is required: \(specification.summary)"
          )
        }
        values[specification.name] = value
        continue
      }
      try specification.check(value)
      values[specification.name] = value
    }
    self.values = values
  }

  /// The value of an attribute, whatever its kind.
  public func value(_ name: String) throws(CNNError) -> AttributeValue {
    guard let value = values[name] else { throw undeclared(name, "a value") }
    return value
  }

  /// The value of an attribute of kind `integer`.
  public func integer(_ name: String) throws(CNNError) -> Int {
    guard let value = values[name]?.asInteger else { throw undeclared(name, "an integer") }
    return value
  }

  /// The value of an attribute of kind `number`.
  public func number(_ name: String) throws(CNNError) -> Double {
    guard let value = values[name]?.asNumber else { throw undeclared(name, "a number") }
    return value
  }

  /// The value of an attribute of kind `boolean`.
  public func boolean(_ name: String) throws(CNNError) -> Bool {
    guard let value = values[name]?.asBoolean else { throw undeclared(name, "a boolean") }
    return value
  }

  /// The value of an attribute of kind `string` or `choice`.
  public func string(_ name: String) throws(CNNError) -> String {
    guard let value = values[name]?.asString else { throw undeclared(name, "a string") }
    return value
  }

  /// The value of an attribute of kind `pair`, vertical first.
  public func pair(_ name: String) throws(CNNError) -> (vertical: Int, horizontal: Int) {
    guard let value = values[name], let pair = CNNLayerKit.pair(from: value) else {
      throw undeclared(name, "a pair")
    }
    return pair
  }

  /// The value of an attribute of kind `padding`.
  public func padding(_ name: String) throws(CNNError) -> Padding2D {
    guard let value = values[name], let padding = Padding2D(value) else {
      throw undeclared(name, "a padding")
    }
    return padding
  }

  /// The value of an attribute of kind `integers`.
  public func integers(_ name: String) throws(CNNError) -> [Int] {
    guard let value = values[name], let list = CNNLayerKit.integers(from: value) else {
      throw undeclared(name, "a list of integers")
    }
    return list
  }

  /// Whether the attribute has a value other than null.
  public func has(_ name: String) -> Bool {
    switch values[name] {
    case nil, .null?: false
    default: true
    }
  }

  private func undeclared(_ name: String, _ kind: String) -> CNNError {
    CNNError(.internal, "the layer reads \"\(name)\" as \(kind), which its type does not declare")
  }
}
