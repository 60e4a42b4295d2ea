/// Writes tar archives for tests, right ones and wrong ones.
struct TarWriter {
  private(set) var bytes: [UInt8] = []

  /// Adds an entry: a header and its contents.
  mutating func add(
    _ name: String, _ contents: [UInt8] = [], type: Character = "0", magic: String = "ustar\0",
    prefix: String = "", size: [UInt8]? = nil, changesChecksum: Bool = false
  ) {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: some Sequence<UInt8>, at offset: Int) {
      for (index, byte) in text.enumerated() { header[offset + index] = byte }
    }
    put(name.utf8.prefix(100), at: 0)
    put("0000644\0".utf8, at: 100)
    put(size ?? TarWriter.octal(contents.count, digits: 11), at: 124)
    put("00000000000\0".utf8, at: 136)
    put([UInt8](repeating: 32, count: 8), at: 148)
    header[156] = type.asciiValue ?? 48
    put(magic.utf8, at: 257)
    put(prefix.utf8, at: 345)
    let sum = header.reduce(0) { $0 + Int($1) } + (changesChecksum ? 1 : 0)
    put(TarWriter.octal(sum, digits: 6), at: 148)
    bytes += header + contents
    bytes += [UInt8](repeating: 0, count: (512 - contents.count % 512) % 512)
  }

  /// Adds GNU's record of the next entry's name.
  mutating func addLongName(_ name: String) {
    add("././@LongLink", Array(name.utf8) + [0], type: "L", magic: "ustar ")
  }

  /// Adds a pax header for the next entry.
  mutating func addPax(_ records: [(key: String, value: String)]) {
    var text: [UInt8] = []
    for record in records {
      let rest = " \(record.key)=\(record.value)\n".utf8.count
      var length = rest + 1
      while "\(length)".utf8.count + rest != length { length += 1 }
      text += Array("\(length) \(record.key)=\(record.value)\n".utf8)
    }
    add("PaxHeaders/x", text, type: "x")
  }

  /// The archive with its end mark.
  func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

  static func octal(_ number: Int, digits: Int) -> [UInt8] {
    let text = String(number, radix: 8)
    return Array((String(repeating: "0", count: max(0, digits - text.count)) + text + "\0").utf8)
  }
}

/// A gzip file whose contents are stored and not compressed.
func gzipped(_ bytes: [UInt8]) -> [UInt8] {
  var result: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
  var rest = bytes[...]
  repeat {
    let block = rest.prefix(65535)
    rest = rest.dropFirst(block.count)
    let length = UInt16(block.count)
    result += [rest.isEmpty ? 1 : 0] + littleEndian(UInt32(length)).prefix(2)
    result += littleEndian(UInt32(~length)).prefix(2) + block
  } while !rest.isEmpty
  return result + littleEndian(crc32(bytes)) + littleEndian(UInt32(truncatingIfNeeded: bytes.count))
}

private func littleEndian(_ value: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

private func crc32(_ bytes: [UInt8]) -> UInt32 {
  var crc: UInt32 = ~0
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }
  return ~crc
}
