extension Image {
  /// The kinds of image files that can be read.
  public enum FileFormat: String, Sendable, CaseIterable {
    /// Portable Network Graphics: all colour types and depths, interlaced or not. Of an animated
    /// file the picture that programs without animation show: as a rule its first frame.
    case png = "PNG"
    /// JPEG: baseline and progressive; grey, YCbCr, RGB, CMYK and YCCK.
    case jpeg = "JPEG"

    /// The format of a file that begins with `bytes`, or nil if it is neither.
    public init?(signatureOf bytes: UnsafeRawBufferPointer) {
      let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF]
      if bytes.starts(with: png) {
        self = .png
      } else if bytes.starts(with: jpeg) {
        self = .jpeg
      } else {
        return nil
      }
    }
  }
}

/// What a file is that is neither PNG nor JPEG, as it stands in an error message.
enum ForeignFormat {
  private struct Signature {
    let name: String
    let bytes: [UInt8]
    var offset = 0
    var isPicture = true

    init(_ name: String, _ text: String, at offset: Int = 0, isPicture: Bool = true) {
      self.init(name, Array(text.utf8), at: offset, isPicture: isPicture)
    }

    init(_ name: String, _ bytes: [UInt8], at offset: Int = 0, isPicture: Bool = true) {
      self.name = name
      self.bytes = bytes
      self.offset = offset
      self.isPicture = isPicture
    }

    func matches(_ file: UnsafeRawBufferPointer) -> Bool {
      file.count >= offset + bytes.count && file.dropFirst(offset).starts(with: bytes)
    }
  }

  // The first that matches counts, so brands of a container stand before the container.
  private static let signatures = [
    Signature("GIF", "GIF87a"), Signature("GIF", "GIF89a"),
    Signature("WebP", "WEBP", at: 8),
    Signature("HEIC", "ftyphei", at: 4), Signature("HEIC", "ftyphev", at: 4),
    Signature("HEIC", "ftypmif1", at: 4), Signature("HEIC", "ftypmsf1", at: 4),
    Signature("AVIF", "ftypavi", at: 4),
    Signature("a video (MP4 or QuickTime)", "ftyp", at: 4, isPicture: false),
    Signature("TIFF", [0x49, 0x49, 0x2A, 0]), Signature("TIFF", [0x4D, 0x4D, 0, 0x2A]),
    Signature("JPEG 2000", [0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20]),
    Signature("JPEG 2000", [0xFF, 0x4F, 0xFF, 0x51]),
    Signature("JPEG XL", [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]),
    Signature("JPEG XL", [0xFF, 0x0A]),
    Signature("Photoshop", "8BPS"), Signature("icon (ICO)", [0, 0, 1, 0]),
    Signature("BMP", "BM"),
    Signature("a PDF document", "%PDF", isPicture: false),
    Signature("a ZIP archive", [0x50, 0x4B, 3, 4], isPicture: false),
    Signature("a gzip archive", [0x1F, 0x8B], isPicture: false),
  ]

  /// The message for a file that begins with `bytes`.
  static func message(for bytes: UnsafeRawBufferPointer) -> String {
    let accepted = "only PNG and JPEG files can be read"
    if bytes.isEmpty { return "the image file is empty; \(accepted)" }
    if let known = signatures.first(where: { $0.matches(bytes) }) {
      return known.isPicture
        ? "the image is a \(known.name) file, and \(accepted): convert it to one of them"
        : "the file is \(known.name) and no image; \(accepted)"
    }
    let start = bytes.prefix(512)
    if start.allSatisfy(isZero) {
      return "the file begins with nothing but zero bytes, as if it had been copied only in part; "
        + accepted
    }
    if let text = text(start) {
      return isMarkup(text)
        ? "the file is text with markup (HTML, SVG or XML) and no image; \(accepted)"
        : "the file is text and no image; \(accepted)"
    }
    return
      "the image is neither PNG nor JPEG: its first bytes are those of neither, and \(accepted)"
  }

  private static func isZero(_ byte: UInt8) -> Bool { byte == 0 }

  /// The beginning of a file as text, or nil where it has bytes that no text has.
  private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
    let isPlain = bytes.allSatisfy { byte in
      byte >= 32 && byte != 127 || byte == 9 || byte == 10 || byte == 12 || byte == 13
    }
    guard isPlain else { return nil }
    // A character that is cut at the end of the prefix is no reason to doubt.
    for dropped in 0..<min(4, bytes.count) {
      if let text = String(validating: bytes.dropLast(dropped), as: UTF8.self) { return text }
    }
    return nil
  }

  private static func isMarkup(_ text: String) -> Bool {
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    guard start.first == "<", let next = start.dropFirst().first else { return false }
    return next.isLetter || next == "!" || next == "?"
  }
}
