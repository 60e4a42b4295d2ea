/// A value as it stands in a graph description: what JSON can say.
///
/// Swift callers write literals: `["out_channels": 32, "padding": "same", "kernel_size": [3, 5]]`.
public enum AttributeValue: Hashable, Sendable {
  /// No value.
  case null
  /// True or false.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// A number with a fractional part, or too large for an integer.
  case number(Double)
  /// Text.
  case string(String)
  /// A list of values.
  case list([AttributeValue])
  /// Values under names.
  case object([String: AttributeValue])
}

extension AttributeValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  /// Creates the value from a literal.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// Creates the value from a literal.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// Creates the value from a literal.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// Creates the value from a literal.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Creates the value from a literal.
  public init(arrayLiteral elements: AttributeValue...) { self = .list(elements) }
  /// Creates the value from a literal; of equal keys the last one counts.
  public init(dictionaryLiteral elements: (String, AttributeValue)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
  /// Creates the value from a literal.
  public init(nilLiteral: ()) { self = .null }
}

extension AttributeValue: CustomStringConvertible {
  /// The value roughly as JSON would write it, for messages.
  public var description: String {
    switch self {
    case .null: "null"
    case .boolean(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let value): "\"\(value)\""
    case .list(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
    case .object(let values):
      "{"
        + values.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        .joined(separator: ", ") + "}"
    }
  }

  /// The value as a whole number, also when it was written as `3.0`; nil if it is none.
  public var asInteger: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The value as a finite number; nil if it is none.
  public var asNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value) where value.isFinite: value
    default: nil
    }
  }

  /// The value as text; nil if it is none.
  public var asString: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The value as a truth value; nil if it is none.
  public var asBoolean: Bool? {
    if case .boolean(let value) = self { value } else { nil }
  }
}
