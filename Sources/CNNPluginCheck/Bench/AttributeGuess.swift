import CNNLayerKit

/// Values to try for attributes that have no default.
enum AttributeGuess {
  /// How many values `value(_:number:inputs:)` knows.
  static let count = 7

  /// A value within the declared limits.
  ///
  /// - Parameters:
  ///   - number: Which of several, from 0 and below `count`.
  ///   - inputs: The shapes of the inputs, for lists that are shapes.
  static func value(
    _ attribute: AttributeSpecification, number: Int, inputs: [Shape]
  ) -> AttributeValue {
    switch attribute.kind {
    case .integer(let range): .integer(clamp([2, 1, 3, 4, 8, 16, 5][number % count], range))
    case .number(let range):
      .number(
        min(max([0.5, 1, 0.1, 2, 0.9, 4, 0][number % count], range.lowerBound), range.upperBound))
    case .boolean: .boolean(number % 2 == 0)
    case .choice(let words): .string(words[number % words.count])
    case .string: .string("text")
    case .pair(let range): .integer(clamp([2, 1, 3, 4, 8, 5, 7][number % count], range))
    case .padding: [1, "same", "valid", 2, 0, [1, 0], [[1, 0], [0, 2]]][number % count]
    case .integers(let range): .list(list(number, inputs).map { .integer(clamp($0, range)) })
    case .any: [1, [2, 2], "same", true, 0.5, [1], []][number % count]
    }
  }

  /// Values at the ends of what is declared, and beyond.
  static func extremes(_ attribute: AttributeSpecification) -> [AttributeValue] {
    switch attribute.kind {
    case .integer(let range): [.integer(range.lowerBound), .integer(range.upperBound)]
    case .number(let range):
      [
        .number(range.lowerBound), .number(range.upperBound),
        .number((range.lowerBound / 2) + (range.upperBound / 2)),
      ]
    case .boolean: [true, false]
    case .choice(let words): words.map(AttributeValue.string)
    case .string: ["", "\u{1F60E}", .string(String(repeating: "x", count: 5000)), "%s%n"]
    case .pair(let range):
      [
        .integer(range.lowerBound), .integer(range.upperBound),
        [.integer(range.lowerBound), .integer(range.upperBound)],
      ]
    case .padding: ["same", "valid", 0, 1, .integer(1 << 30), [0, 3], [[0, 1], [2, 0]]]
    case .integers(let range):
      [
        [], [.integer(range.lowerBound)], [.integer(range.upperBound)],
        .list(Array(repeating: .integer(clamp(1, range)), count: 100)),
      ]
    case .any: [nil, 0, -1, 1e300, "", [], true]
    }
  }

  /// Values that break the declaration: the host refuses them.
  static func wrong(_ attribute: AttributeSpecification) -> [AttributeValue] {
    switch attribute.kind {
    case .integer(let range) where range.upperBound < AttributeSpecification.largestSize:
      [.integer(range.upperBound + 1), "two", 1.5]
    case .number(let range) where range.upperBound < .greatestFiniteMagnitude:
      [.number(range.upperBound + max(1, abs(range.upperBound))), "two"]
    case .any: []
    case .string: [3]
    case .boolean: [3]
    default: [true]
    }
  }

  private static func clamp(_ value: Int, _ range: ClosedRange<Int>) -> Int {
    min(max(value, range.lowerBound), range.upperBound)
  }

  private static func list(_ number: Int, _ inputs: [Shape]) -> [Int] {
    let sizes = inputs.first?.sizes ?? []
    return switch number % count {
    case 0: [sizes.reduce(1, *)]
    case 1: sizes.reversed()
    case 2: sizes
    case 3: [1]
    case 4: [2, 2]
    case 5: Array(0..<sizes.count)
    default: []
    }
  }
}
