import CImageCodecs
import CNNLayerKit

extension Image {
  /// Encodes the image as a PNG file in memory.
  ///
  /// - Throws: `outOfMemory`.
  public func encodedAsPNG() throws(CNNError) -> ByteBuffer {
    guard let columns = UInt32(exactly: width), let rows = UInt32(exactly: height) else {
      throw .invalidArgument("a PNG file cannot hold an image of \(width) x \(height)")
    }
    var message = image_codecs_message()
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    let status = withPixels { pixels in
      image_codecs_png_write(
        pixels.baseAddress, columns, rows, UInt32(channels), &bytes, &count, &message)
    }
    guard status == Int32(IMAGE_CODECS_OK), let bytes else {
      if status == Int32(IMAGE_CODECS_OUT_OF_MEMORY) {
        throw CNNError(
          .outOfMemory, "encoding an image of \(width) x \(height) as PNG: not enough memory")
      }
      throw .invalidArgument(
        "an image of \(width) x \(height) cannot be encoded as PNG: \(text(of: message))")
    }
    return try ByteBuffer(adopting: bytes, count: count, for: "a PNG file")
  }

  /// Writes the image as a PNG file.
  ///
  /// An existing file is replaced only when the new one is complete.
  /// - Throws: `inputOutput` with the system's reason, or `outOfMemory`.
  public func writePNG(to path: String) throws(CNNError) {
    let file = try encodedAsPNG()
    try file.withUnsafeBytes { (bytes) throws(CNNError) in
      try AtomicFile.write(path: path, bytes: bytes)
    }
  }
}
