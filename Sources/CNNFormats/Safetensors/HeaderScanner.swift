import CNNLayerKit

/// Reads the JSON of a safetensors header.
///
/// The header is JSON of one fixed structure, so a scanner of that structure reads it in time and
/// memory proportional to its length, and sees repeated names, which a general parser merges.
struct HeaderScanner {
  /// One entry of the header, with the numbers as they stand there.
  struct Entry {
    var name: String
    var element: String?
    var shape: [Int]?
    var offsets: [Int]?
  }

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  /// The most sizes that a shape may list: more than any tool writes.
  private static let maximumRank = 64

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Reads the whole header.
  mutating func scan() throws(CNNError) -> (entries: [Entry], metadata: [String: String]) {
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    var names: Set<String> = []
    guard bytes.first == UInt8(ascii: "{") else { throw unexpected("\"{\" as the first byte") }
    try scanObject { scanner, name throws(CNNError) in
      guard names.insert(name).inserted else {
        throw .malformedData("the header lists \"\(name)\" twice")
      }
      if name == "__metadata__" {
        metadata = try scanner.scanMetadata()
      } else {
        entries.append(try scanner.scanEntry(name))
      }
    }
    skipSpace()
    guard position == bytes.count else { throw unexpected("the end of the header") }
    return (entries, metadata)
  }

  private mutating func scanMetadata() throws(CNNError) -> [String: String] {
    var metadata: [String: String] = [:]
    try scanObject { scanner, key throws(CNNError) in
      let value = try scanner.scanString()
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw .malformedData("the header's metadata has \"\(key)\" twice")
      }
    }
    return metadata
  }

  private mutating func scanEntry(_ name: String) throws(CNNError) -> Entry {
    var entry = Entry(name: name)
    try scanObject { scanner, key throws(CNNError) in
      let isNew: Bool
      switch key {
      case "dtype":
        isNew = entry.element == nil
        entry.element = try scanner.scanString()
      case "shape":
        isNew = entry.shape == nil
        entry.shape = try scanner.scanIntegers()
      case "data_offsets":
        isNew = entry.offsets == nil
        entry.offsets = try scanner.scanIntegers()
      default:
        throw CNNError.malformedData(
          "tensor \"\(name)\" has an unknown key \"\(key)\" in the header; expected dtype, shape and "
            + "data_offsets")
      }
      guard isNew else { throw .malformedData("tensor \"\(name)\" has \"\(key)\" twice") }
    }
    return entry
  }

  private mutating func scanObject(
    _ member: (inout HeaderScanner, String) throws(CNNError) -> Void
  ) throws(CNNError) {
    try expect(UInt8(ascii: "{"))
    if accept(UInt8(ascii: "}")) { return }
    repeat {
      let key = try scanString()
      try expect(UInt8(ascii: ":"))
      try member(&self, key)
    } while accept(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
  }

  private mutating func scanIntegers() throws(CNNError) -> [Int] {
    var numbers: [Int] = []
    try expect(UInt8(ascii: "["))
    if accept(UInt8(ascii: "]")) { return numbers }
    repeat {
      guard numbers.count < HeaderScanner.maximumRank else {
        throw unexpected("a list of at most \(HeaderScanner.maximumRank) numbers")
      }
      numbers.append(try scanInteger())
    } while accept(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"))
    return numbers
  }

  private mutating func scanInteger() throws(CNNError) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while let digit = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
      guard !overflow, !carry else { throw unexpected("a number below 2^63") }
      value = sum
      position += 1
    }
    let hasLeadingZero = position > start + 1 && bytes[start] == UInt8(ascii: "0")
    guard position > start, !hasLeadingZero else { throw unexpected("a whole number from 0") }
    return value
  }

  private mutating func scanString() throws(CNNError) -> String {
    try expect(UInt8(ascii: "\""))
    var text: [UInt8] = []
    while let byte = peek() {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw unexpected("valid UTF-8 in the text that ends here")
        }
        return string
      case UInt8(ascii: "\\"): try scanEscape(into: &text)
      case 0..<0x20: throw unexpected("no control characters within text")
      default: text.append(byte)
      }
    }
    throw unexpected("a closing quotation mark")
  }

  private mutating func scanEscape(into text: inout [UInt8]) throws(CNNError) {
    guard let byte = peek() else { throw unexpected("an escaped character") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      let first = try scanFourDigits()
      var value = UInt32(first)
      if UTF16.isLeadSurrogate(first), peek() == UInt8(ascii: "\\") {
        position += 1
        try expect(UInt8(ascii: "u"), skippingSpace: false)
        let second = try scanFourDigits()
        guard UTF16.isTrailSurrogate(second) else { throw unexpected("a pair of surrogates") }
        value = 0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))
      }
      guard let scalar = Unicode.Scalar(value) else { throw unexpected("a pair of surrogates") }
      text.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    default: throw unexpected("one of the escapes of JSON")
    }
  }

  private mutating func scanFourDigits() throws(CNNError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("four hexadecimal digits")
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
    }
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    skipSpace()
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ byte: UInt8, skippingSpace: Bool = true) throws(CNNError) {
    if skippingSpace { skipSpace() }
    guard peek() == byte else {
      throw unexpected("\"\(Character(Unicode.Scalar(byte)))\"")
    }
    position += 1
  }

  private func unexpected(_ expectation: String) -> CNNError {
    .malformedData("the header breaks off or differs at byte \(position): expected \(expectation)")
  }
}
