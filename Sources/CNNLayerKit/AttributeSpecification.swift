/// What a layer type says of one of its attributes: name, kind, default and meaning.
///
/// The registry checks every graph against these, so a layer's initializer sees only known
/// attributes of the right kind, with the defaults filled in.
public struct AttributeSpecification: Sendable, Hashable {
  /// What values an attribute takes.
  public enum Kind: Sendable, Hashable {
    /// A whole number within the range.
    case integer(ClosedRange<Int>)
    /// A finite number within the range.
    case number(ClosedRange<Double>)
    /// True or false.
    case boolean
    /// One of the given words.
    case choice([String])
    /// Any text.
    case string
    /// One whole number for both directions, or `[vertical, horizontal]`, each within the range.
    case pair(ClosedRange<Int>)
    /// `"valid"`, `"same"`, one number for all sides, `[vertical, horizontal]`, or
    /// `[[top, bottom], [left, right]]`.
    case padding
    /// A list of whole numbers, each within the range.
    case integers(ClosedRange<Int>)
    /// Anything: the layer checks it by itself.
    case any
  }

  /// The name, in snake_case.
  public let name: String
  /// What values are allowed.
  public let kind: Kind
  /// The value when the graph gives none; nil makes the attribute required.
  public let defaultValue: AttributeValue?
  /// What the attribute does, in one sentence for the documentation and `cnn_layer_types`.
  public let summary: String

  /// Creates a specification; leave out `default` for a required attribute.
  public init(
    _ name: String, _ kind: Kind, default defaultValue: AttributeValue? = nil, _ summary: String
  ) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.summary = summary
  }

  /// Throws `invalidArgument` unless `value` is of this attribute's kind.
  ///
  /// The default is always allowed, so that an attribute whose default is null can be written down.
  package func check(_ value: AttributeValue) throws(CNNError) {
    if value == defaultValue { return }
    let allowed =
      switch kind {
      case .integer(let range): value.asInteger.map(range.contains) ?? false
      case .number(let range): value.asNumber.map(range.contains) ?? false
      case .boolean: value.asBoolean != nil
      case .choice(let words): value.asString.map(words.contains) ?? false
      case .string: value.asString != nil
      case .pair(let range):
        pair(from: value).map { range.contains($0.0) && range.contains($0.1) } ?? false
      case .padding: Padding2D(value) != nil
      case .integers(let range): integers(from: value)?.allSatisfy(range.contains) ?? false
      case .any: true
      }
    guard !allowed else { return }
    if case .choice(let words) = kind, let word = value.asString {
      throw .unknownName("value of \"\(name)\"", word, valid: words)
    }
    throw .invalidArgument("attribute \"\(name)\" expects \(kind.expectation), got \(value)")
  }
}

extension AttributeSpecification.Kind {
  /// The kind in words, for messages and documentation.
  public var expectation: String {
    switch self {
    case .integer(let range): "a whole number\(bounds(range, " "))"
    case .number(let range):
      range.upperBound >= .greatestFiniteMagnitude
        ? "a number" : "a number from \(range.lowerBound) to \(range.upperBound)"
    case .boolean: "true or false"
    case .choice(let words): "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
    case .string: "text"
    case .pair(let range): "a whole number or [vertical, horizontal]\(bounds(range, ", "))"
    case .padding:
      "\"valid\", \"same\", a number, [vertical, horizontal] or [[top, bottom], [left, right]]"
    case .integers(let range): "a list of whole numbers\(bounds(range, ", each "))"
    case .any: "a value"
    }
  }

  private func bounds(_ range: ClosedRange<Int>, _ separator: String) -> String {
    let isOpen = range.upperBound >= AttributeSpecification.largestSize
    if isOpen, range.lowerBound <= -AttributeSpecification.largestSize { return "" }
    return separator
      + (isOpen
        ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)")
  }
}

extension AttributeSpecification {
  /// The largest size that an attribute may ask for; far above any use, far below overflow.
  public static let largestSize = 1 << 31
}

/// Reads a whole number, or a list of two, as a pair.
func pair(from value: AttributeValue) -> (Int, Int)? {
  if let both = value.asInteger { return (both, both) }
  guard let items = integers(from: value), items.count == 2 else { return nil }
  return (items[0], items[1])
}

/// Reads a list of whole numbers.
func integers(from value: AttributeValue) -> [Int]? {
  guard case .list(let items) = value else { return nil }
  let numbers = items.compactMap(\.asInteger)
  return numbers.count == items.count ? numbers : nil
}
