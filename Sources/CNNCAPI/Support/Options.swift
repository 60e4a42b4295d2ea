import CNNGraph
import CNNLayerKit

/// Options that a caller passed as JSON, read one by one.
///
/// Every key is checked when the options are made, so a misspelt one is an error and not a default.
struct Options {
  private let members: [String: AttributeValue]
  private let place: String

  /// Reads options from a caller's text; NULL means none.
  ///
  /// - Parameters:
  ///   - json: The text.
  ///   - keys: Every key that means something.
  /// - Throws: `malformedData` if the text is not a JSON object, `unknownName` for other keys.
  init(_ json: UnsafePointer<CChar>?, keys: [String]) throws(CNNError) {
    var members: [String: AttributeValue] = [:]
    if let text = try optionalText(json, "options_json") {
      members = try JSONText.parseObject(text, "options_json")
    }
    try self.init(members, place: "options", keys: keys)
  }

  /// Reads options from the members of an object.
  init(
    _ members: [String: AttributeValue], place: String, keys: [String]
  ) throws(CNNError) {
    for key in members.keys.sorted() where !keys.contains(key) {
      throw CNNError.unknownName("option", key, valid: keys).prefixed(by: place)
    }
    self.members = members.filter { $0.value != .null }
    self.place = place
  }

  /// The value under a key, or nil if there is none.
  subscript(key: String) -> AttributeValue? { members[key] }

  /// Whether no option was given.
  var isEmpty: Bool { members.isEmpty }

  /// A whole number, or nil if there is none.
  func integer(_ key: String, in range: ClosedRange<Int>) throws(CNNError) -> Int? {
    guard let value = members[key] else { return nil }
    guard let number = value.asInteger, range.contains(number) else {
      let bounds =
        range.upperBound == Int.max
        ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
      throw wrong(key, "a whole number \(bounds)", value)
    }
    return number
  }

  /// A whole number.
  func integer(
    _ key: String, default fallback: Int, in range: ClosedRange<Int>
  ) throws(CNNError) -> Int {
    try integer(key, in: range) ?? fallback
  }

  /// A seed; 0 if there is none.
  func seed(_ key: String = "seed") throws(CNNError) -> UInt64 {
    UInt64(try integer(key, default: 0, in: 0...Int.max))
  }

  /// A number within a range, or nil if there is none.
  func number(_ key: String, in range: ClosedRange<Double>) throws(CNNError) -> Double? {
    guard let value = members[key] else { return nil }
    guard let number = value.asNumber, range.contains(number) else {
      throw wrong(key, "a number from \(range.lowerBound) to \(range.upperBound)", value)
    }
    return number
  }

  /// A number within a range.
  func number(
    _ key: String, default fallback: Double, in range: ClosedRange<Double>
  ) throws(CNNError) -> Double {
    try number(key, in: range) ?? fallback
  }

  /// True or false.
  func boolean(_ key: String, default fallback: Bool) throws(CNNError) -> Bool {
    guard let value = members[key] else { return fallback }
    guard let boolean = value.asBoolean else { throw wrong(key, "true or false", value) }
    return boolean
  }

  /// Text, or nil if there is none.
  func text(_ key: String) throws(CNNError) -> String? {
    guard let value = members[key] else { return nil }
    guard let text = value.asString else { throw wrong(key, "text", value) }
    return text
  }

  /// One of some words.
  func word<Word: CaseIterable & RawRepresentable<String>>(
    _ key: String, default fallback: Word
  ) throws(CNNError) -> Word {
    guard let text = try text(key) else { return fallback }
    guard let word = Word(rawValue: text) else {
      throw CNNError.unknownName(
        "value of \"\(key)\"", text, valid: Word.allCases.map(\.rawValue)
      ).prefixed(by: place)
    }
    return word
  }

  /// What is thrown for a value that is not as expected.
  func unfit(_ key: String, _ expected: String, _ value: AttributeValue) -> CNNError {
    wrong(key, expected, value)
  }

  /// A list of texts; empty if there is none.
  func texts(_ key: String) throws(CNNError) -> [String] {
    guard let value = members[key] else { return [] }
    guard case .list(let items) = value else { throw wrong(key, "a list of texts", value) }
    let texts = items.compactMap(\.asString)
    guard texts.count == items.count else { throw wrong(key, "a list of texts", value) }
    return texts
  }

  /// A list of whole numbers, or nil if there is none.
  func integers(_ key: String, in range: ClosedRange<Int>) throws(CNNError) -> [Int]? {
    guard let value = members[key] else { return nil }
    let expected = "a list of whole numbers, each of at least \(range.lowerBound)"
    guard case .list(let items) = value else { throw wrong(key, expected, value) }
    let numbers = items.compactMap(\.asInteger)
    guard numbers.count == items.count, numbers.allSatisfy(range.contains) else {
      throw wrong(key, expected, value)
    }
    return numbers
  }

  /// An object as JSON text, or nil if there is none.
  func object(_ key: String) throws(CNNError) -> String? {
    guard let value = members[key] else { return nil }
    guard case .object = value else { throw wrong(key, "an object", value) }
    return JSONText.write(value)
  }

  private func wrong(_ key: String, _ expected: String, _ value: AttributeValue) -> CNNError {
    .invalidArgument("\(place): \"\(key)\" must be \(expected), got \(value)")
  }
}
