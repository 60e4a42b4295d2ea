import CCNN
import CNNGraph
import CNNLayerKit

extension AttributeSpecification {
  /// Reads the declaration of an attribute.
  ///
  /// - Throws: `invalidArgument` for a kind that does not exist, limits or a default that make no
  ///   sense.
  init(_ foreign: cnn_attribute) throws(CNNError) {
    let name = try text(foreign.name, "the name of an attribute")
    let kind: Kind
    do throws(CNNError) {
      kind = try Kind(foreign)
    } catch {
      throw error.prefixed(by: "attribute \"\(name)\"")
    }
    var value: AttributeValue?
    if foreign.default_json != nil {
      let what = "the default of attribute \"\(name)\""
      let json = try text(foreign.default_json, what)
      do throws(CNNError) {
        value = try JSONText.parse(json, what)
      } catch {
        throw .invalidArgument(error.message)
      }
    }
    self.init(
      name, kind, default: value,
      try optionalText(foreign.summary, "the summary of attribute \"\(name)\""))
    if let value, value != .null {
      // Checked as if it had no default, which is always allowed.
      do throws(CNNError) {
        try AttributeSpecification(name, kind, summary).check(value)
      } catch {
        throw CNNError.invalidArgument(error.message).prefixed(by: "default_json")
      }
    }
  }
}

extension AttributeSpecification.Kind {
  fileprivate init(_ foreign: cnn_attribute) throws(CNNError) {
    let isLimited = foreign.minimum != 0 || foreign.maximum != 0
    guard foreign.minimum.isFinite, foreign.maximum.isFinite, foreign.minimum <= foreign.maximum
    else {
      throw .invalidArgument(
        "the limits are finite and in order, got \(foreign.minimum) and \(foreign.maximum)")
    }
    let numbers =
      isLimited
      ? foreign.minimum...foreign.maximum
      : -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    // Within what an Int can hold, however wide the limits are.
    let widest = Double(AttributeSpecification.largestSize)
    let least = Int(min(widest, max(-widest, numbers.lowerBound.rounded(.up))))
    let most = Int(min(widest, max(-widest, numbers.upperBound.rounded(.down))))
    guard least <= most else {
      throw .invalidArgument(
        "no whole number lies between \(foreign.minimum) and \(foreign.maximum)")
    }
    switch Int(foreign.kind) {
    case CNN_ATTRIBUTE_INTEGER: self = .integer(least...most)
    case CNN_ATTRIBUTE_NUMBER: self = .number(numbers)
    case CNN_ATTRIBUTE_BOOLEAN: self = .boolean
    case CNN_ATTRIBUTE_STRING: self = .string
    case CNN_ATTRIBUTE_CHOICE:
      let words = try texts(foreign.choices, count: foreign.choice_count, "choices")
      guard !words.isEmpty else { throw .invalidArgument("a choice needs words to choose from") }
      self = .choice(words)
    case CNN_ATTRIBUTE_PAIR: self = .pair(least...most)
    case CNN_ATTRIBUTE_PADDING: self = .padding
    case CNN_ATTRIBUTE_INTEGERS: self = .integers(least...most)
    default:
      throw .invalidArgument(
        "the kind is \(foreign.kind), and must be one of CNN_ATTRIBUTE_INTEGER (1) to "
          + "CNN_ATTRIBUTE_INTEGERS (8)")
    }
  }

  /// The number of the kind in C.
  var number: Int32 {
    let number =
      switch self {
      case .integer: CNN_ATTRIBUTE_INTEGER
      case .number: CNN_ATTRIBUTE_NUMBER
      case .boolean: CNN_ATTRIBUTE_BOOLEAN
      case .string, .any: CNN_ATTRIBUTE_STRING
      case .choice: CNN_ATTRIBUTE_CHOICE
      case .pair: CNN_ATTRIBUTE_PAIR
      case .padding: CNN_ATTRIBUTE_PADDING
      case .integers: CNN_ATTRIBUTE_INTEGERS
      }
    return Int32(number)
  }
}

/// Reads the declarations of attributes.
///
/// - Parameter reserved: Names that are taken.
/// - Throws: `invalidArgument`.
func attributeSpecifications(
  _ pointer: UnsafePointer<UnsafePointer<cnn_attribute>?>?, count: Int32, reserved: [String]
) throws(CNNError) -> [AttributeSpecification] {
  var specifications: [AttributeSpecification] = []
  for foreign in try copies(pointer, count: Int64(count), "attributes") {
    let specification = try AttributeSpecification(foreign)
    let name = specification.name
    guard !reserved.contains(name), !specifications.contains(where: { $0.name == name }) else {
      throw .invalidArgument("the name of attribute \"\(name)\" is reserved or repeated")
    }
    specifications.append(specification)
  }
  return specifications
}

/// Runs `body` with the values of attributes as the other side reads them: pointers to as many structs
/// as there are specifications, in their order, good during the call.
func withForeignAttributes<Result>(
  _ attributes: Attributes, _ specifications: [AttributeSpecification],
  _ body: (UnsafePointer<UnsafePointer<cnn_attribute_value>?>?, Int64) throws(CNNError) -> Result
) throws(CNNError) -> Result {
  let values = ForeignValues(attributes, specifications)
  defer { withExtendedLifetime(values) {} }
  return try body(values.list, Int64(values.count))
}

/// The structs, and the memory behind their pointers.
private final class ForeignValues {
  let count: Int
  private let values: UnsafeMutablePointer<cnn_attribute_value>
  private let pointers: UnsafeMutablePointer<UnsafePointer<cnn_attribute_value>?>
  private var texts: [UnsafeMutablePointer<CChar>] = []
  private var lists: [UnsafeMutablePointer<Int64>] = []

  init(_ attributes: Attributes, _ specifications: [AttributeSpecification]) {
    // As many as the type declares, not as many as a caller says.
    count = specifications.count
    values = .allocate(capacity: max(1, count))
    pointers = .allocate(capacity: max(1, count))
    for (index, specification) in specifications.enumerated() {
      let value = attributes.values[specification.name] ?? .null
      (values + index).initialize(to: foreign(specification, value))
      (pointers + index).initialize(to: UnsafePointer(values + index))
    }
  }

  deinit {
    for text in texts { text.deallocate() }
    for list in lists { list.deallocate() }
    values.deallocate()
    pointers.deallocate()
  }

  var list: UnsafePointer<UnsafePointer<cnn_attribute_value>?>? { UnsafePointer(pointers) }

  private func foreign(
    _ specification: AttributeSpecification, _ value: AttributeValue
  ) -> cnn_attribute_value {
    var result = cnn_attribute_value()
    result.header = header(of: cnn_attribute_value.self)
    result.name = keep(specification.name)
    result.kind = specification.kind.number
    result.is_null = value == .null ? 1 : 0
    switch specification.kind {
    case .integer:
      result.integer = Int64(value.asInteger ?? 0)
      result.number = value.asNumber ?? 0
    case .number: result.number = value.asNumber ?? 0
    case .boolean: result.integer = value.asBoolean == true ? 1 : 0
    case .string, .any: result.text = value.asString.map(keep)
    case .choice(let words):
      result.text = value.asString.map(keep)
      result.integer = Int64(value.asString.flatMap { words.firstIndex(of: $0) } ?? 0)
    case .pair:
      if let attribute = try? Attributes(
        [specification.name: value], checkedAgainst: [specification]),
        let pair = try? attribute.pair(specification.name)
      {
        set(&result, [pair.vertical, pair.horizontal])
      }
    case .padding:
      switch Padding2D(value) {
      case .explicit(let top, let bottom, let left, let right)?:
        set(&result, [top, bottom, left, right])
      case .same?:
        result.text = keep("same")
        set(&result, [0, 0, 0, 0])
      case .valid?, nil: set(&result, [0, 0, 0, 0])
      }
    case .integers:
      if case .list(let items) = value { set(&result, items.compactMap(\.asInteger)) }
    }
    return result
  }

  private func set(_ result: inout cnn_attribute_value, _ numbers: [Int]) {
    let list = UnsafeMutablePointer<Int64>.allocate(capacity: max(1, numbers.count))
    for (index, number) in numbers.enumerated() {
      (list + index).initialize(to: Int64(number))
    }
    lists.append(list)
    result.integer_count = Int64(numbers.count)
    result.integers = UnsafePointer(list)
  }

  private func keep(_ text: String) -> UnsafePointer<CChar> {
    let bytes = text.utf8CString
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { (copy + index).initialize(to: byte) }
    texts.append(copy)
    return UnsafePointer(copy)
  }
}
