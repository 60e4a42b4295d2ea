import CNNLayerKit

/// A pattern for the names of parameters: `*` stands for any characters, dots among them, and `?`
/// for exactly one; everything else stands for itself.
///
/// `layer1.*` means all parameters of all layers whose names begin with `layer1.`, `*.bn?.weight`
/// the weights of every `bn1` and `bn2`. A name without `*` and `?` means that parameter alone.
public struct NamePattern: Hashable, Sendable {
  /// The pattern as it was written.
  public let text: String
  private let scalars: [Unicode.Scalar]

  /// Creates a pattern; every text is one.
  public init(_ text: String) {
    self.text = text
    scalars = Array(text.unicodeScalars)
  }

  /// Whether the pattern may stand for more than one name.
  public var hasWildcards: Bool { scalars.contains { $0 == "*" || $0 == "?" } }

  /// How many characters stand for themselves: of two patterns that match a name, the one with more
  /// is the more specific one.
  public var literalCount: Int { scalars.count { $0 != "*" && $0 != "?" } }

  /// Whether the pattern stands for `name`.
  public func matches(_ name: String) -> Bool {
    let name = Array(name.unicodeScalars)
    var position = 0
    var index = 0
    // Where to go on if what follows the last star does not fit: the star takes one more character.
    var retry: (index: Int, position: Int)?
    while position < name.count {
      if index < scalars.count, scalars[index] == "*" {
        retry = (index + 1, position)
        index += 1
      } else if index < scalars.count, scalars[index] == "?" || scalars[index] == name[position] {
        index += 1
        position += 1
      } else if let last = retry {
        retry = (last.index, last.position + 1)
        (index, position) = (last.index, last.position + 1)
      } else {
        return false
      }
    }
    return scalars[index...].allSatisfy { $0 == "*" }
  }
}

extension Model {
  /// Returns the full names of the parameters that the patterns stand for.
  ///
  /// - Parameters:
  ///   - patterns: Names and patterns; see `NamePattern`.
  ///   - option: What the patterns were given as, for messages.
  /// - Throws: `unknownName` for a pattern that stands for no parameter, with the nearest one that
  ///   does.
  public func parameterNames(
    matching patterns: some Sequence<String>, option: String
  ) throws(CNNError) -> Set<String> {
    var names: Set<String> = []
    for pattern in patterns.sorted() {
      names.formUnion(try parameterNames(matching: NamePattern(pattern), option: option))
    }
    return names
  }

  /// Returns for each parameter that is meant the value of its most specific pattern: the one with
  /// the most characters that are no wildcards; of equally specific ones the first in the order of
  /// their characters.
  ///
  /// - Throws: As `parameterNames(matching:option:)`.
  package func values<Value>(
    ofPatterns values: [String: Value], option: String
  ) throws(CNNError) -> [String: Value] {
    var result: [String: Value] = [:]
    let patterns = values.map { (pattern: NamePattern($0), value: $1) }
    let ordered = patterns.sorted {
      ($0.pattern.literalCount, $1.pattern.text) > ($1.pattern.literalCount, $0.pattern.text)
    }
    for (pattern, value) in ordered {
      for name in try parameterNames(matching: pattern, option: option) where result[name] == nil {
        result[name] = value
      }
    }
    return result
  }

  private func parameterNames(
    matching pattern: NamePattern, option: String
  ) throws(CNNError) -> [String] {
    let names = parameters.map(\.name)
    let matching = names.filter(pattern.matches)
    guard matching.isEmpty else { return matching }
    let patterns = Model.patterns(in: names)
    let isNear = nearestName(to: pattern.text, among: patterns) != nil
    throw .unknownName(
      "parameter or pattern in \"\(option)\"", pattern.text,
      valid: isNear ? Array(patterns) : names)
  }

  /// The names, and for every dot in one the patterns that end and begin there.
  private static func patterns(in names: [String]) -> Set<String> {
    var result = Set(names)
    for name in names {
      for dot in name.indices where name[dot] == "." {
        result.insert(name[...dot] + "*")
        result.insert("*" + name[dot...])
      }
    }
    return result
  }
}
