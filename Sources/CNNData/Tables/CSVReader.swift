import CNNLayerKit

/// Takes the text of a table apart into records and fields: comma-separated values as in RFC 4180.
///
/// Lines end with LF, CR LF or CR; a byte order mark is passed over, and so are empty lines.
struct CSVReader {
  /// One line of the table; with line breaks in quotes, several of the text.
  struct Record {
    /// The line that it begins in, counted from 1.
    let line: Int
    /// The fields, without their quotes.
    let fields: [String]
  }

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  private var line = 1

  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static let lineFeed = UInt8(ascii: "\n")

  /// Reads `bytes`, which outlive the reader.
  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
  }

  /// Returns the next record, or nil at the end.
  ///
  /// - Throws: `malformedData` with line and column for quotes that do not fit and text that is not
  ///   UTF-8.
  mutating func next() throws(CNNError) -> Record? {
    while offset < bytes.count, isLineEnd(bytes[offset]) { passLineEnd() }
    guard offset < bytes.count else { return nil }
    let first = line
    var fields: [String] = []
    while true {
      let start = line
      fields.append(try field(number: fields.count + 1, line: start))
      guard offset < bytes.count else { break }
      if isLineEnd(bytes[offset]) {
        passLineEnd()
        break
      }
      offset += 1
      // A comma at the very end has an empty field behind it.
      if offset == bytes.count {
        fields.append("")
        break
      }
    }
    return Record(line: first, fields: fields)
  }

  /// Reads a field up to the comma, line end or end behind it.
  private mutating func field(number: Int, line start: Int) throws(CNNError) -> String {
    func place() -> String { "line \(start), column \(number)" }
    guard offset < bytes.count, bytes[offset] == CSVReader.quote else {
      let begin = offset
      while offset < bytes.count, !isFieldEnd(bytes[offset]) {
        guard bytes[offset] != CSVReader.quote else {
          throw .malformedData(
            "\(place()): a quote stands in a field that does not begin with one; put the field in "
              + "quotes, and quotes in it twice")
        }
        offset += 1
      }
      return try text(UnsafeRawBufferPointer(rebasing: bytes[begin..<offset]), place())
    }
    offset += 1
    var contents: [UInt8] = []
    while true {
      guard offset < bytes.count else {
        throw .malformedData("\(place()): the quote that opens the field is never closed")
      }
      let byte = bytes[offset]
      if byte == CSVReader.quote {
        offset += 1
        guard offset < bytes.count, bytes[offset] == CSVReader.quote else { break }
        offset += 1
        contents.append(byte)
      } else if isLineEnd(byte) {
        let begin = offset
        passLineEnd()
        contents += bytes[begin..<offset]
      } else {
        offset += 1
        contents.append(byte)
      }
    }
    guard offset == bytes.count || isFieldEnd(bytes[offset]) else {
      throw .malformedData("\(place()): text follows the quote that closes the field")
    }
    return try contents.withUnsafeBytes { contents in
      Result { () throws(CNNError) in try text(contents, place()) }
    }.get()
  }

  private func text(
    _ bytes: UnsafeRawBufferPointer, _ place: @autoclosure () -> String
  ) throws(CNNError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
      throw .malformedData("\(place()): the text is not UTF-8")
    }
    return text
  }

  private func isLineEnd(_ byte: UInt8) -> Bool {
    byte == CSVReader.lineFeed || byte == CSVReader.carriageReturn
  }

  private func isFieldEnd(_ byte: UInt8) -> Bool { byte == CSVReader.comma || isLineEnd(byte) }

  private mutating func passLineEnd() {
    let isPair =
      bytes[offset] == CSVReader.carriageReturn && offset + 1 < bytes.count
      && bytes[offset + 1] == CSVReader.lineFeed
    offset += isPair ? 2 : 1
    line += 1
  }
}
