import CNNLayerKit
import FoundationEssentials

/// A key of a JSON object, whatever its name.
struct JSONKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) {
    self.stringValue = stringValue
  }

  init?(intValue: Int) {
    return nil
  }
}

extension Decoder {
  /// The object's members, when each key is one of `valid`.
  ///
  /// - Throws: `unknownName` for any other key, with the nearest valid one.
  func strictContainer(
    of kind: String, valid: [String]
  ) throws -> KeyedDecodingContainer<JSONKey> {
    let container = try container(keyedBy: JSONKey.self)
    for key in container.allKeys where !valid.contains(key.stringValue) {
      throw CNNError.unknownName(kind, key.stringValue, valid: valid)
    }
    return container
  }
}

extension KeyedDecodingContainer<JSONKey> {
  /// A whole number; the decoder's own errors for those that do not fit do not say where.
  func value(_ name: String, as type: Int.Type) throws -> Int? {
    guard let number = try value(name, as: Double.self) else { return nil }
    guard let whole = Int(exactly: number) else {
      let key = (codingPath.map(\.stringValue) + [name]).joined(separator: ".")
      throw CNNError.invalidArgument("\"\(key)\" is \(number), and must be a whole number")
    }
    return whole
  }

  func value(_ name: String, default fallback: Int) throws -> Int {
    try value(name, as: Int.self) ?? fallback
  }

  /// A number; one that is too large becomes infinite, which no range allows.
  func value(_ name: String, default fallback: Float) throws -> Float {
    try value(name, as: Double.self).map { Float($0) } ?? fallback
  }

  func value<Value: Decodable>(_ name: String, default fallback: Value) throws -> Value {
    try decodeIfPresent(Value.self, forKey: JSONKey(stringValue: name)) ?? fallback
  }

  func value<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value? {
    try decodeIfPresent(type, forKey: JSONKey(stringValue: name))
  }
}

extension KeyedDecodingContainer<JSONKey> {
  /// One of several words of a data set's description.
  func word<Word: RawRepresentable<String> & CaseIterable>(
    _ key: String, as type: Word.Type
  ) throws -> Word? {
    guard let text = try value(key, as: String.self) else { return nil }
    guard let word = Word(rawValue: text) else {
      throw CNNError.unknownName("dataset \(key)", text, valid: Word.allCases.map(\.rawValue))
    }
    return word
  }
}

/// Decodes a value from JSON text.
///
/// - Throws: `invalidArgument` or `unknownName`, beginning with `what`.
func decodeStrictly<Value: Decodable>(
  _ type: Value.Type, from json: String, what: String
) throws(CNNError) -> Value {
  try checkNesting(of: json, what)
  do {
    return try JSONDecoder().decode(type, from: Data(json.utf8))
  } catch let error as CNNError {
    throw error.prefixed(by: what)
  } catch let error as DecodingError {
    throw .invalidArgument("\(what): \(describe(error))")
  } catch {
    throw .invalidArgument("\(what): not valid JSON")
  }
}

/// Encodes a value as JSON text with sorted keys.
func encodeStrictly(_ value: some Encodable, what: String) throws(CNNError) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys]
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  } catch {
    throw .invalidArgument("\(what) holds numbers that JSON cannot hold")
  }
}

private func describe(_ error: DecodingError) -> String {
  func path(_ context: DecodingError.Context) -> String {
    context.codingPath.map { key in
      key.intValue.map { "[\($0)]" } ?? key.stringValue
    }.joined(separator: ".")
  }
  switch error {
  case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
    return "\"\(path(context))\" should be \(describe(type)), and is something else"
  case .keyNotFound(let key, let context):
    let place = path(context)
    return "\(place.isEmpty ? "" : "\"\(place)\": ")\"\(key.stringValue)\" is missing"
  case .dataCorrupted(let context):
    let place = path(context)
    return place.isEmpty ? "not valid JSON" : "\"\(place)\" has a value that does not fit"
  @unknown default:
    return "not valid JSON"
  }
}

private func describe(_ type: any Any.Type) -> String {
  if type == String.self { return "a text" }
  if type == Bool.self { return "true or false" }
  if type == Int.self { return "a whole number" }
  if type == Float.self || type == Double.self { return "a number" }
  return type is any Collection.Type ? "a list or an object" : "an object"
}
