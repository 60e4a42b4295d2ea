import CImageCodecs
import CNNLayerKit

extension Image {
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
    self = try ReducedImage(
      decoding: bytes, limits: limits, appliesOrientation: appliesOrientation
    ).image
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

extension ReducedImage {
  /// Decodes a PNG or JPEG file in memory, at a reduced size where that is enough.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - limits: What is refused as too large.
  ///   - appliesOrientation: Whether the picture is turned as its Exif orientation says.
  ///   - needed: Given the size of the upright picture, the size to which it will be resized; nil if
  ///     all pixels are wanted.
  /// - Throws: See `Image.init(decoding:)`.
  package init(
    decoding bytes: UnsafeRawBufferPointer, limits: Image.Limits, appliesOrientation: Bool = true,
    needed: ((_ width: Int, _ height: Int) -> (width: Int, height: Int))? = nil
  ) throws(CNNError) {
    switch Image.FileFormat(signatureOf: bytes) {
    case .png:
      let (image, orientation) = try decodePNG(bytes, limits: limits)
      self.init(appliesOrientation ? try image.oriented(orientation) : image)
    case .jpeg:
      self = try decodeJPEG(
        bytes, limits: limits, appliesOrientation: appliesOrientation, needed: needed)
    case nil:
      throw .malformedData(ForeignFormat.message(for: bytes))
    }
  }
}

private func decodePNG(
  _ bytes: UnsafeRawBufferPointer, limits: Image.Limits
) throws(CNNError) -> (Image, EXIFOrientation) {
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
  return (image, EXIFOrientation(exif: UnsafeRawBufferPointer(start: exif, count: count)))
}

private func decodeJPEG(
  _ bytes: UnsafeRawBufferPointer, limits: Image.Limits, appliesOrientation: Bool,
  needed: ((_ width: Int, _ height: Int) -> (width: Int, height: Int))?
) throws(CNNError) -> ReducedImage {
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
  let orientation =
    appliesOrientation
    ? EXIFOrientation(exif: UnsafeRawBufferPointer(start: exif, count: count)) : .up
  let (width, height) = (Int(info.width), Int(info.height))
  var eighths = 8
  if let needed {
    let upright = orientation.swapsAxes ? needed(height, width) : needed(width, height)
    eighths = ReducedImage.eighths(
      width: width, height: height,
      needed: orientation.swapsAxes ? (upright.height, upright.width) : upright)
    try check(
      image_codecs_jpeg_scale(decoder, UInt32(eighths), &info, &message), message, "JPEG")
  }
  if info.keeps_whole_picture != 0 {
    try checkSize(width, height, 3, "progressive JPEG", limits)
  }
  let image = try decodePixels(info, "JPEG", limits) { (pixels) throws(CNNError) in
    try check(image_codecs_jpeg_read(decoder, pixels, &message), message, "JPEG")
  }
  return try ReducedImage(
    stored: image, fullWidth: width, fullHeight: height, eighths: eighths,
    orientation: orientation)
}

/// The bytes of the pixels that a header promises, or an error if they are too many.
@discardableResult
private func checkSize(
  _ width: Int, _ height: Int, _ channels: Int, _ format: String, _ limits: Image.Limits
) throws(CNNError) -> Int {
  do throws(CNNError) {
    return try Image.byteCount(width: width, height: height, channels: channels, limits: limits)
  } catch {
    throw CNNError(
      .malformedData,
      "the \(format) file is refused: \(error.message); scale it down, or load it by itself with a "
        + "higher limit")
  }
}

/// Takes memory for the pixels that the header promises, and for the codec, and decodes.
private func decodePixels(
  _ info: image_codecs_info, _ format: String, _ limits: Image.Limits,
  read: (UnsafeMutablePointer<UInt8>) throws(CNNError) -> Void
) throws(CNNError) -> Image {
  let (width, height, channels) = (Int(info.width), Int(info.height), Int(info.channels))
  let count = try checkSize(width, height, channels, format, limits)
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
