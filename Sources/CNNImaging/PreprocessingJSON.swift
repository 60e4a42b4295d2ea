import CNNLayerKit
import FoundationEssentials

extension Preprocessing: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case width
    case height
    case color
    case resize
    case shorterSide = "shorter_side"
    case paddingColor = "padding_color"
    case filter
    case scale
    case mean
    case standardDeviation = "standard_deviation"
    case meanImage = "mean_image"
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Reads a description from JSON text.
  ///
  /// An object with `width` and `height`, and optionally `color` ("rgb", "bgr", "grey"), `resize`
  /// ("stretch", "shorter_side", "fit"), `shorter_side`, `padding_color` ([red, green, blue]),
  /// `filter` ("nearest", "box", "bilinear", "bicubic", "lanczos3"), `scale`, `mean`,
  /// `standard_deviation`, `mean_image`.
  /// - Throws: `malformedData` for text that is not such an object, `unknownName` for keys and
  ///   words that do not exist, `invalidArgument` for values out of range.
  public init(json: String) throws(CNNError) {
    try checkNesting(of: json, "preprocessing")
    do {
      self = try JSONDecoder().decode(Preprocessing.self, from: Data(json.utf8))
    } catch let error as CNNError {
      throw error
    } catch let error as DecodingError {
      throw .malformedData("preprocessing: \(describe(error))")
    } catch {
      throw .malformedData("preprocessing: \(error)")
    }
  }

  /// The description as JSON text, which `init(json:)` reads back; keys are sorted.
  ///
  /// - Throws: `internal`; all values of a description can be written.
  public func json() throws(CNNError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    do {
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    } catch {
      throw CNNError(.internal, "preprocessing cannot be written as JSON: \(error)")
    }
  }

  /// Reads a description; see `init(json:)` for keys and errors.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
    for key in keys where Key(rawValue: key) == nil {
      throw CNNError.unknownName("preprocessing key", key, valid: Key.allCases.map(\.rawValue))
    }
    let values = try decoder.container(keyedBy: Key.self)
    let color =
      try Preprocessing.word(values, .color, Dictionary(words: ColorOrder.allCases)) ?? .rgb
    let filter =
      try Preprocessing.word(values, .filter, Dictionary(words: ResampleFilter.allCases))
      ?? .bilinear
    try self.init(
      width: Preprocessing.required(values, .width),
      height: Preprocessing.required(values, .height),
      color: color,
      resize: Preprocessing.resize(values),
      filter: filter,
      scale: Preprocessing.optional(values, .scale) ?? 1 / 255,
      mean: Preprocessing.optional(values, .mean),
      standardDeviation: Preprocessing.optional(values, .standardDeviation),
      meanImage: Preprocessing.optional(values, .meanImage))
  }

  /// Writes the description, with every value that matters even where it is the default.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(width, forKey: .width)
    try values.encode(height, forKey: .height)
    try values.encode(color.rawValue, forKey: .color)
    switch resize {
    case .stretch:
      try values.encode(ResizeWord.stretch.rawValue, forKey: .resize)
    case .shorterSide(let side):
      try values.encode(ResizeWord.shorterSide.rawValue, forKey: .resize)
      try values.encode(side, forKey: .shorterSide)
    case .fit(let color):
      try values.encode(ResizeWord.fit.rawValue, forKey: .resize)
      try values.encode([color.red, color.green, color.blue], forKey: .paddingColor)
    }
    try values.encode(filter.rawValue, forKey: .filter)
    try values.encode(scale, forKey: .scale)
    try values.encode(mean, forKey: .mean)
    try values.encode(standardDeviation, forKey: .standardDeviation)
    try values.encodeIfPresent(meanImage, forKey: .meanImage)
  }

  private enum ResizeWord: String, CaseIterable {
    case stretch
    case shorterSide = "shorter_side"
    case fit
  }

  /// The value of a key, or nil if it is absent; an unfit one is an error that names the key.
  private static func optional<Value: Decodable>(
    _ values: KeyedDecodingContainer<Key>, _ key: Key
  ) throws(CNNError) -> Value? {
    do {
      return try values.decodeIfPresent(Value.self, forKey: key)
    } catch let error as DecodingError {
      throw .malformedData("preprocessing: \(key.rawValue): \(describe(error))")
    } catch {
      throw .malformedData("preprocessing: \(key.rawValue): \(error)")
    }
  }

  /// The value of a key that has to be there.
  private static func required<Value: Decodable>(
    _ values: KeyedDecodingContainer<Key>, _ key: Key
  ) throws(CNNError) -> Value {
    guard let value: Value = try optional(values, key) else {
      throw .malformedData("preprocessing: the key \"\(key.rawValue)\" is missing")
    }
    return value
  }

  /// The value that a word stands for; an unknown one is an error that suggests the nearest.
  private static func word<Word>(
    _ values: KeyedDecodingContainer<Key>, _ key: Key, _ words: [String: Word]
  ) throws -> Word? {
    guard let name = try optional(values, key) as String? else { return nil }
    guard let word = words[name] else {
      throw CNNError.unknownName(
        "value of preprocessing key \(key.rawValue):", name, valid: words.keys)
    }
    return word
  }

  private static func resize(_ values: KeyedDecodingContainer<Key>) throws -> ResizeMode {
    let mode = try word(values, .resize, Dictionary(words: ResizeWord.allCases)) ?? .stretch
    for (key, owner) in [(Key.shorterSide, ResizeWord.shorterSide), (.paddingColor, .fit)]
    where values.contains(key) && mode != owner {
      throw CNNError.invalidArgument(
        "preprocessing: \(key.rawValue) is only for \"resize\": \"\(owner.rawValue)\", which is "
          + "\"\(mode.rawValue)\" here")
    }
    switch mode {
    case .stretch:
      return .stretch
    case .shorterSide:
      return .shorterSide(try required(values, .shorterSide))
    case .fit:
      let color = try optional(values, .paddingColor) ?? [UInt8](repeating: 0, count: 3)
      guard color.count == 3 else {
        throw CNNError.invalidArgument(
          "preprocessing: padding_color has \(color.count) values, and a colour has 3")
      }
      return .fit(padding: Color(red: color[0], green: color[1], blue: color[2]))
    }
  }
}

extension Dictionary where Key == String, Value: RawRepresentable<String> {
  /// The values by the words that stand for them in JSON.
  fileprivate init(words: [Value]) {
    self.init(words.map { ($0.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

/// A decoding error in one sentence.
private func describe(_ error: DecodingError) -> String {
  switch error {
  case .keyNotFound(_, let context), .typeMismatch(_, let context), .valueNotFound(_, let context),
    .dataCorrupted(let context):
    return context.debugDescription
  @unknown default:
    return "\(error)"
  }
}
