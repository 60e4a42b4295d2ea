import CNNLayerKit

/// Options of a method, read one by one; every message names the option.
struct MethodOptions {
  private let members: [String: AttributeValue]

  init(_ members: [String: AttributeValue]) { self.members = members }

  subscript(name: String) -> AttributeValue? { members[name] }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(CNNError) -> Int? {
    guard let value = members[name] else { return nil }
    guard let number = value.asInteger, range.contains(number) else {
      let bounds =
        range.upperBound == Int.max
        ? "from \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
      throw MethodOptions.unfit(name, "a whole number \(bounds)", value)
    }
    return number
  }

  func number(_ name: String, in range: ClosedRange<Double>) throws(CNNError) -> Double? {
    guard let value = members[name] else { return nil }
    guard let number = value.asNumber, range.contains(number) else {
      throw MethodOptions.unfit(
        name, "a number from \(range.lowerBound) to \(range.upperBound)", value)
    }
    return number
  }

  static func unfit(_ name: String, _ expected: String, _ value: AttributeValue) -> CNNError {
    .invalidArgument("option \"\(name)\" expects \(expected), got \(value)")
  }
}
