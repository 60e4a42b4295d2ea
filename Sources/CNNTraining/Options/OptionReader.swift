import CNNLayerKit

/// Reads options from the members of a JSON object; every message names the option.
///
/// Null stands for an option that was not given.
struct OptionReader {
  private let members: [String: AttributeValue]
  /// Put before the name of an option in messages, as in `schedule.`.
  private let prefix: String

  /// Takes the members, whose names must all be in `valid`.
  ///
  /// - Throws: `unknownName` for another one, with the nearest valid one.
  init(
    _ members: [String: AttributeValue], valid: [String], prefix: String = ""
  ) throws(CNNError) {
    for name in members.keys.sorted() where !valid.contains(name) {
      throw .unknownName("option", prefix + name, valid: valid.map { prefix + $0 })
    }
    self.members = members
    self.prefix = prefix
  }

  func value(_ name: String) -> AttributeValue? {
    switch members[name] {
    case nil, .null?: nil
    case let value?: value
    }
  }

  func has(_ name: String) -> Bool { value(name) != nil }

  func integer(_ name: String, from lowest: Int) throws(CNNError) -> Int? {
    guard let value = value(name) else { return nil }
    guard let number = value.asInteger, number >= lowest, number <= OptionReader.largest else {
      throw unfit(name, "a whole number from \(lowest) to \(OptionReader.largest)", value)
    }
    return number
  }

  /// A seed: any whole number from 0, also as text where JSON's integers end.
  func seed(_ name: String) throws(CNNError) -> UInt64? {
    guard let value = value(name) else { return nil }
    if let number = value.asInteger, let seed = UInt64(exactly: number) { return seed }
    if let text = value.asString, let seed = UInt64(text) { return seed }
    throw unfit(name, "a whole number from 0", value)
  }

  func number(
    _ name: String, in range: ClosedRange<Double>, excludingLowest: Bool = false
  ) throws(CNNError) -> Double? {
    guard let value = value(name) else { return nil }
    guard let number = value.asNumber, range.contains(number),
      !excludingLowest || number > range.lowerBound
    else {
      let from = excludingLowest ? "above" : "from"
      throw unfit(name, "a number \(from) \(range.lowerBound) to \(range.upperBound)", value)
    }
    return number
  }

  func boolean(_ name: String) throws(CNNError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let boolean = value.asBoolean else { throw unfit(name, "true or false", value) }
    return boolean
  }

  func string(_ name: String) throws(CNNError) -> String? {
    guard let value = value(name) else { return nil }
    guard let text = value.asString else { throw unfit(name, "text", value) }
    return text
  }

  func strings(_ name: String) throws(CNNError) -> [String]? {
    guard let value = value(name) else { return nil }
    guard case .list(let items) = value else { throw unfit(name, "a list of texts", value) }
    let texts = items.compactMap(\.asString)
    guard texts.count == items.count else { throw unfit(name, "a list of texts", value) }
    return texts
  }

  /// An option that is an object with options of its own; true stands for an empty one, and false
  /// for none.
  func options(_ name: String, valid: [String]) throws(CNNError) -> OptionReader? {
    guard let value = value(name) else { return nil }
    let inner = prefix + name + "."
    if let isWanted = value.asBoolean {
      return isWanted ? try OptionReader([:], valid: valid, prefix: inner) : nil
    }
    guard case .object(let members) = value else {
      throw unfit(name, "true, false or an object with \(valid.joined(separator: ", "))", value)
    }
    return try OptionReader(members, valid: valid, prefix: inner)
  }

  /// The members of an object, each read by `read`, which returns nil for an unfit value.
  func members<Value>(
    _ name: String, _ expected: String, _ read: (AttributeValue) -> Value?
  ) throws(CNNError) -> [String: Value]? {
    guard let value = value(name) else { return nil }
    guard case .object(let members) = value else { throw unfit(name, expected, value) }
    let values = members.compactMapValues(read)
    guard values.count == members.count else { throw unfit(name, expected, value) }
    return values
  }

  func unfit(_ name: String, _ expected: String, _ value: AttributeValue) -> CNNError {
    .invalidArgument("option \"\(prefix)\(name)\" expects \(expected), got \(value)")
  }

  /// Far above any use, far below overflow.
  private static let largest = 1 << 40
}

/// Reads a name, or an object with the name under "type", as type and attributes.
///
/// - Throws: `invalidArgument` if the value is neither.
func typeAndAttributes(
  _ value: AttributeValue, of what: String
) throws(CNNError) -> (type: String, attributes: [String: AttributeValue]) {
  if let name = value.asString { return (name, [:]) }
  guard case .object(var members) = value, let type = members.removeValue(forKey: "type"),
    let name = type.asString
  else {
    throw .invalidArgument(
      "\(what) is a name or an object such as {\"type\": name, …}, got \(value)")
  }
  return (name, members)
}

/// Writes a type with its attributes as `typeAndAttributes` reads it.
func jsonValue(type: String, attributes: [String: AttributeValue]) -> AttributeValue {
  if attributes.isEmpty { return .string(type) }
  return .object(attributes.merging(["type": .string(type)]) { $1 })
}
