import CNNLayerKit
import FoundationEssentials

/// Reading and writing of JSON text as `AttributeValue`.
package enum JSONText {
  /// The longest text that is read, in bytes: far above any graph, far below any memory.
  package static let maximumLength = 16 << 20

  /// Reads JSON text.
  ///
  /// - Parameter what: What the text is, for messages.
  /// - Throws: `malformedData` with the parser's explanation.
  package static func parse(_ text: String, _ what: String) throws(CNNError) -> AttributeValue {
    guard text.utf8.count <= maximumLength else {
      throw .malformedData("\(what) is longer than \(maximumLength) bytes")
    }
    try checkNesting(of: text, what)
    do {
      return try JSONDecoder().decode(Tree.self, from: Data(text.utf8)).value
    } catch let error as DecodingError {
      throw .malformedData("\(what) is not valid JSON: \(explain(error))")
    } catch {
      throw .malformedData("\(what) is not valid JSON")
    }
  }

  /// Reads JSON text that has to be an object.
  package static func parseObject(_ text: String, _ what: String) throws(CNNError)
    -> [String: AttributeValue]
  {
    guard case .object(let members) = try parse(text, what) else {
      throw .malformedData("\(what) must be a JSON object, as in {\"name\": …}")
    }
    return members
  }

  /// Writes a value on one line, members sorted by name.
  ///
  /// Numbers that JSON cannot say (infinite, not a number) become null.
  package static func write(_ value: AttributeValue) -> String {
    switch value {
    case .null: return "null"
    case .boolean(let value): return value ? "true" : "false"
    case .integer(let value): return String(value)
    case .number(let value): return value.isFinite ? String(value) : "null"
    case .string(let value): return quote(value)
    case .list(let items): return "[" + items.map(write).joined(separator: ", ") + "]"
    case .object(let members):
      let sorted = members.sorted { $0.key < $1.key }
      return "{" + sorted.map { quote($0.key) + ": " + write($0.value) }.joined(separator: ", ")
        + "}"
    }
  }

  /// Writes text in quotes.
  package static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func explain(_ error: DecodingError) -> String {
    switch error {
    case .dataCorrupted(let context):
      if let underlying = context.underlyingError { return "\(underlying)" }
      return context.debugDescription
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .keyNotFound(_, let context):
      return context.debugDescription
    @unknown default: return "it cannot be read"
    }
  }

  private struct Tree: Decodable {
    let value: AttributeValue

    struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      if let container = try? decoder.container(keyedBy: Key.self) {
        var members: [String: AttributeValue] = [:]
        for key in container.allKeys {
          members[key.stringValue] = try container.decode(Tree.self, forKey: key).value
        }
        value = .object(members)
      } else if var container = try? decoder.unkeyedContainer() {
        var items: [AttributeValue] = []
        while !container.isAtEnd { items.append(try container.decode(Tree.self).value) }
        value = .list(items)
      } else {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
          value = .null
        } else if let boolean = try? container.decode(Bool.self) {
          value = .boolean(boolean)
        } else if let integer = try? container.decode(Int.self) {
          value = .integer(integer)
        } else if let number = try? container.decode(Double.self) {
          value = .number(number)
        } else {
          value = .string(try container.decode(String.self))
        }
      }
    }
  }
}
