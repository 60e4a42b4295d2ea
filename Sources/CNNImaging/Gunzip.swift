import CImageCodecs
import CNNLayerKit

/// Inflates a gzip file in memory, of one or several members.
///
/// - Parameters:
///   - bytes: The whole file.
///   - limit: The most bytes that the result may have; more is an error, so that a small file
///     cannot fill the memory.
///   - what: What is being read, for messages.
///   - tooLarge: The error for a file that inflates beyond `limit`; nil means `malformedData`.
/// - Throws: `malformedData` if the file is truncated or corrupt, `outOfMemory`.
package func gunzip(
  _ bytes: UnsafeRawBufferPointer, limit: Int, what: String = "the gzip file",
  tooLarge: CNNError? = nil
) throws(CNNError) -> ByteBuffer {
  var message = image_codecs_message()
  var output: UnsafeMutablePointer<UInt8>?
  var count = 0
  let status = image_codecs_gunzip(
    bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, max(0, limit), &output, &count,
    &message)
  switch Int(status) {
  case Int(IMAGE_CODECS_OK):
    break
  case Int(IMAGE_CODECS_OUT_OF_MEMORY):
    throw CNNError(.outOfMemory, "\(what): not enough memory to inflate it")
  case Int(IMAGE_CODECS_TOO_LARGE):
    if let tooLarge { throw tooLarge }
    throw .malformedData("\(what) inflates to more than the \(max(0, limit)) bytes expected")
  default:
    throw .malformedData("\(what) is truncated or corrupt: \(text(of: message))")
  }
  guard let output else { throw CNNError(.internal, "\(what): inflating gave no memory") }
  return try ByteBuffer(adopting: output, count: count, for: what)
}

/// Whether `bytes` begin as a gzip file does.
package func isGzip(_ bytes: UnsafeRawBufferPointer) -> Bool {
  bytes.starts(with: [0x1F, 0x8B])
}
