import CNNLayerKit

/// Walks over a tar archive in memory: POSIX ustar and pax, GNU's long names and numbers, and v7.
///
/// Only regular files come out. Folders, links, devices and pipes are passed over.
struct TarReader {
  /// A regular file of the archive.
  struct Entry {
    /// The name as the archive gives it.
    let name: String
    /// Where its contents are.
    let contents: Range<Int>
  }

  /// Headers and contents come in blocks of so many bytes.
  static let blockSize = 512
  /// The most bytes of a file's name.
  static let maximumNameBytes = 4096
  /// The most bytes of a record that describes the file after it.
  private static let maximumRecordBytes = 1 << 20

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  /// What the records before a file say of it.
  private struct Extension {
    var name: String?
    var size: Int?
  }

  /// Walks over `bytes`, which outlive the reader.
  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Returns the next regular file, or nil at the archive's end mark.
  ///
  /// - Throws: `malformedData` for a header that is none and for an archive that ends before its end
  ///   mark, `unsupported` for sparse files.
  mutating func next() throws(CNNError) -> Entry? {
    var extended = Extension()
    while true {
      guard bytes.count - offset >= TarReader.blockSize else {
        throw .malformedData("the archive is truncated: it ends without an end mark")
      }
      let header = TarHeader(
        UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + TarReader.blockSize]))
      if header.isEmpty { return nil }
      guard header.hasRightChecksum else {
        throw .malformedData(
          offset == 0
            ? "this is no tar archive: the checksum of its first header is wrong"
            : "the archive is corrupt: the checksum of the header at byte \(offset) is wrong")
      }
      let start = offset + TarReader.blockSize
      var size = 0
      if header.kind.hasContents {
        if let stated = extended.size { size = stated } else { size = try header.size() }
      }
      guard size <= bytes.count - start else {
        throw .malformedData(
          "the archive is truncated: the header at byte \(offset) promises \(size) bytes, and "
            + "\(bytes.count - start) are left")
      }
      let contents = start..<start + size
      offset = min(bytes.count, start + paddedSize(size))
      switch header.kind {
      case .file:
        if let name = extended.name { return Entry(name: name, contents: contents) }
        return Entry(name: try header.name(), contents: contents)
      case .longName:
        extended.name = try name(of: contents)
      case .extendedHeader:
        try read(try record(contents), into: &extended)
      case .sparse:
        throw CNNError(
          .unsupported, "the archive holds a sparse file; make it without tar's option --sparse")
      case .otherRecord:
        continue
      case .passedOver, .unknown:
        // What was said before is said of this entry.
        extended = Extension()
      }
    }
  }

  private func paddedSize(_ size: Int) -> Int {
    let rest = size % TarReader.blockSize
    return rest == 0 ? size : size + (TarReader.blockSize - rest)
  }

  private func record(_ contents: Range<Int>) throws(CNNError) -> UnsafeRawBufferPointer {
    guard contents.count <= TarReader.maximumRecordBytes else {
      throw .malformedData(
        "the archive holds a record of \(contents.count) bytes that describes a file; at most "
          + "\(TarReader.maximumRecordBytes) are allowed")
    }
    return UnsafeRawBufferPointer(rebasing: bytes[contents])
  }

  private func name(of contents: Range<Int>) throws(CNNError) -> String {
    try fileName(UnsafeRawBufferPointer(rebasing: try record(contents).prefix { $0 != 0 }))
  }

  /// Reads the records of a pax header: each `length key=value`, the length being that of all of it.
  private func read(
    _ records: UnsafeRawBufferPointer, into extended: inout Extension
  ) throws(CNNError) {
    let malformed = CNNError.malformedData("the archive is corrupt: a pax record has a wrong form")
    var rest = records[...]
    while let first = rest.first, first != 0 {
      guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
        let length = decimal(rest[rest.startIndex..<space]), length <= rest.count,
        length > space - rest.startIndex + 1
      else { throw malformed }
      let record = rest[space + 1..<rest.startIndex + length]
      guard record.last == UInt8(ascii: "\n"),
        let equals = record.firstIndex(of: UInt8(ascii: "="))
      else { throw malformed }
      let key = String(decoding: record[record.startIndex..<equals], as: UTF8.self)
      let value = record[equals + 1..<record.endIndex - 1]
      if key == "path" {
        extended.name = try fileName(UnsafeRawBufferPointer(rebasing: value))
      } else if key == "size" {
        guard let size = decimal(value) else { throw malformed }
        extended.size = size
      } else if key.hasPrefix("GNU.sparse.") {
        throw CNNError(
          .unsupported, "the archive holds a sparse file; make it without tar's option --sparse")
      }
      rest = rest[(rest.startIndex + length)...]
    }
  }

  private func decimal(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard !digits.isEmpty, digits.count <= 18 else { return nil }
    var value = 0
    for digit in digits {
      guard digit >= 48, digit <= 57 else { return nil }
      value = 10 * value + Int(digit - 48)
    }
    return value
  }
}

/// The name of a file in an archive, checked.
private func fileName(_ bytes: UnsafeRawBufferPointer) throws(CNNError) -> String {
  guard bytes.count <= TarReader.maximumNameBytes else {
    throw .malformedData(
      "the archive holds a file with a name of \(bytes.count) bytes; at most "
        + "\(TarReader.maximumNameBytes) are allowed")
  }
  guard let name = String(validating: bytes, as: UTF8.self), !name.utf8.contains(0) else {
    throw .malformedData(
      "the archive holds a file whose name is not UTF-8; make it again with renamed files")
  }
  return name
}

/// The block before each file of a tar archive.
private struct TarHeader {
  enum Kind {
    case file
    case longName
    case extendedHeader
    case sparse
    /// A record that is of no use here: the target of a link, or what holds for all files.
    case otherRecord
    /// A folder, link, device or pipe.
    case passedOver
    case unknown

    /// Whether the header's size counts bytes that follow it.
    var hasContents: Bool { self != .passedOver }
  }

  private let bytes: UnsafeRawBufferPointer
  let kind: Kind

  private static let checksumField = 148..<156

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    switch bytes[156] {
    case 0 where TarHeader.endsWithSlash(bytes): kind = .passedOver
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): kind = .file
    case UInt8(ascii: "L"): kind = .longName
    case UInt8(ascii: "x"), UInt8(ascii: "X"): kind = .extendedHeader
    case UInt8(ascii: "S"): kind = .sparse
    case UInt8(ascii: "K"), UInt8(ascii: "g"): kind = .otherRecord
    case UInt8(ascii: "1")...UInt8(ascii: "6"): kind = .passedOver
    default: kind = .unknown
    }
  }

  /// Whether the name says that it is a folder, as in archives older than the type of an entry.
  private static func endsWithSlash(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes[0..<100].prefix { $0 != 0 }.last == UInt8(ascii: "/")
  }

  var isEmpty: Bool { bytes.allSatisfy { $0 == 0 } }

  /// The checksum adds all bytes, its own field counted as blanks; some old programs added them with
  /// a sign.
  var hasRightChecksum: Bool {
    var unsigned = 0
    var signed = 0
    for (index, byte) in bytes.enumerated() {
      let value = TarHeader.checksumField.contains(index) ? UInt8(ascii: " ") : byte
      unsigned += Int(value)
      signed += Int(Int8(bitPattern: value))
    }
    guard let stored = number(TarHeader.checksumField) else { return false }
    return stored == unsigned || stored == signed
  }

  func size() throws(CNNError) -> Int {
    guard let size = number(124..<136) else {
      throw .malformedData("the archive is corrupt: the size of a file is no number, or too large")
    }
    return size
  }

  /// The name, with the part before it that POSIX archives may have.
  func name() throws(CNNError) -> String {
    let name = bytes[0..<100].prefix { $0 != 0 }
    let prefix = bytes[345..<500].prefix { $0 != 0 }
    let isPOSIX = bytes[257..<263].elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0])
    let own = try fileName(UnsafeRawBufferPointer(rebasing: name))
    guard isPOSIX, !prefix.isEmpty else { return own }
    return try fileName(UnsafeRawBufferPointer(rebasing: prefix)) + "/" + own
  }

  /// A number in octal digits, or in GNU's form for large ones; nil if it is none or negative.
  private func number(_ field: Range<Int>) -> Int? {
    var value = 0
    if bytes[field.lowerBound] & 0x80 != 0 {
      guard bytes[field.lowerBound] == 0x80 else { return nil }
      for index in field.dropFirst() {
        guard value < 1 << 54 else { return nil }
        value = value << 8 | Int(bytes[index])
      }
      return value
    }
    let digits = bytes[field].drop { $0 == 0x20 || $0 == 0 }.prefix { $0 != 0x20 && $0 != 0 }
    for digit in digits {
      guard digit >= 48, digit <= 55, value < 1 << 59 else { return nil }
      value = value << 3 | Int(digit - 48)
    }
    return value
  }
}
