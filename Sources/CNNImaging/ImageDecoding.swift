import CImageCodecs
import CNNLayerKit

extension Image {
  /// The kinds of image files that can be read.
  public enum FileFormat: String, Sendable, CaseIterable {
    /// Portable Network Graphics: all colour types and depths, interlaced or not.
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

  /// Decodes a PNG or JPEG file in memory; which one it is, its first bytes tell.
  ///
  /// Grey files give 1 channel, colour files 3, and files with transparency 4. Samples of 16 bits
  /// are rounded to 8. Gamma and colour profiles are ignored, as other training software does.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - limits: Checked against the header before memory for pixels is taken.
  ///   - appliesOrientation: Whether the picture is turned as its Exif orientation says.
  /// - Throws: `malformedData` with the codec's reason if the file is neither format, truncated,
  ///   corrupt, or above the limits; `unsupported` for rare variants; `outOfMemory`.
  public init(
    decoding bytes: UnsafeRawBufferPointer, limits: Limits = .default,
    appliesOrientation: Bool = true
  ) throws(CNNError) {
    guard let format = FileFormat(signatureOf: bytes) else {
      throw .malformedData(
        bytes.isEmpty
          ? "the image file is empty"
          : "the image is neither PNG nor JPEG: its first bytes are those of neither")
    }
    let decoded: Decoded
    switch format {
    case .png: decoded = try decodePNG(bytes, limits: limits)
    case .jpeg: decoded = try decodeJPEG(bytes, limits: limits)
    }
    self = appliesOrientation ? try decoded.image.oriented(decoded.orientation) : decoded.image
  }

  /// Decodes a PNG or JPEG file in memory; see the initializer that takes a pointer.
  public init(
    decoding bytes: [UInt8], limits: Limits = .default, appliesOrientation: Bool = true
  ) throws(CNNError) {
    self = try bytes.withUnsafeBytes { bytes in
      Result { () throws(CNNError) in
        try Image(decoding: bytes, limits: limits, appliesOrientation: appliesOrientation)
      }
    }.get()
  }

  /// Reads and decodes a PNG or JPEG file; which one it is, its first bytes tell, not its name.
  ///
  /// - Throws: `inputOutput` with the system's reason if the file cannot be read, otherwise what
  ///   the initializer for memory throws, with the path in front.
  public init(
    contentsOf path: String, limits: Limits = .default, appliesOrientation: Bool = true
  ) throws(CNNError) {
    let contents = try readFile(path: path, limit: limits.maximumFileBytes)
    do throws(CNNError) {
      self = try contents.withUnsafeBytes { (bytes) throws(CNNError) in
        try Image(decoding: bytes, limits: limits, appliesOrientation: appliesOrientation)
      }
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }
}

private struct Decoded {
  let image: Image
  let orientation: EXIFOrientation
}

private func decodePNG(
  _ bytes: UnsafeRawBufferPointer, limits: Image.Limits
) throws(CNNError) -> Decoded {
  var decoder: OpaquePointer?
  var info = image_codecs_info()
  var message = image_codecs_message()
  let opened = image_codecs_png_open(
    bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &decoder, &info, &message)
  defer { image_codecs_png_close(decoder) }
  try check(opened, message, "PNG")
  let image = try decodePixels(info, "PNG", limits) { (pixels) throws(CNNError) in
    try check(image_codecs_png_read(decoder, pixels, &message), message, "PNG")
  }
  var count = 0
  let exif = image_codecs_png_exif(decoder, &count)
  return Decoded(
    image: image,
    orientation: EXIFOrientation(exif: UnsafeRawBufferPointer(start: exif, count: count)))
}

private func decodeJPEG(
  _ bytes: UnsafeRawBufferPointer, limits: Image.Limits
) throws(CNNError) -> Decoded {
  var decoder: OpaquePointer?
  var info = image_codecs_info()
  var message = image_codecs_message()
  let opened = image_codecs_jpeg_open(
    bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &decoder, &info, &message)
  defer { image_codecs_jpeg_close(decoder) }
  try check(opened, message, "JPEG")
  // Decoding ends with the codec forgetting the block.
  var count = 0
  let exif = image_codecs_jpeg_exif(decoder, &count)
  let orientation = EXIFOrientation(exif: UnsafeRawBufferPointer(start: exif, count: count))
  let image = try decodePixels(info, "JPEG", limits) { (pixels) throws(CNNError) in
    try check(image_codecs_jpeg_read(decoder, pixels, &message), message, "JPEG")
  }
  return Decoded(image: image, orientation: orientation)
}

/// Takes memory for the pixels that the header promises, and for the codec, and decodes.
private func decodePixels(
  _ info: image_codecs_info, _ format: String, _ limits: Image.Limits,
  read: (UnsafeMutablePointer<UInt8>) throws(CNNError) -> Void
) throws(CNNError) -> Image {
  let (width, height, channels) = (Int(info.width), Int(info.height), Int(info.channels))
  let count: Int
  do throws(CNNError) {
    count = try Image.byteCount(width: width, height: height, channels: channels, limits: limits)
  } catch {
    throw CNNError(.malformedData, "the \(format) file is refused: \(error.message)")
  }
  guard MemoryBudget.reserve(info.working_bytes) else {
    throw CNNError(
      .outOfMemory,
      "decoding a \(format) file of \(width) x \(height) needs \(info.working_bytes) bytes beside "
        + "the image; \(MemoryBudget.bytesInUse) are in use and the memory limit is "
        + "\(MemoryBudget.limit)")
  }
  defer { MemoryBudget.release(info.working_bytes) }
  let storage = try ByteBuffer(
    uninitializedCount: count, for: "a \(format) image of \(width) x \(height) x \(channels)")
  let pixels = storage.mutableBytes.bindMemory(to: UInt8.self)
  guard let start = pixels.baseAddress else {
    throw CNNError(.internal, "an image buffer without memory")
  }
  try read(start)
  return Image(width: width, height: height, channels: channels, storage: storage)
}

/// Turns the status of a codec into an error.
private func check(
  _ status: Int32, _ message: image_codecs_message, _ format: String
) throws(CNNError) {
  let reason = text(of: message)
  switch Int(status) {
  case Int(IMAGE_CODECS_OK):
    return
  case Int(IMAGE_CODECS_OUT_OF_MEMORY):
    throw CNNError(.outOfMemory, "decoding a \(format) file: not enough memory")
  case Int(IMAGE_CODECS_UNSUPPORTED):
    throw CNNError(.unsupported, "this kind of \(format) file is not supported: \(reason)")
  default:
    throw .malformedData("the \(format) file is truncated or corrupt: \(reason)")
  }
}

/// What a codec said.
func text(of message: image_codecs_message) -> String {
  withUnsafeBytes(of: message) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
