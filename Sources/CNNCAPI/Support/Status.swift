import CCNN
import CNNLayerKit
import Glibc

/// Runs what a C function does, and turns an error into a status and a message.
///
/// Every function of `cnn.h` that returns a status is one call of this.
func status(_ body: () throws(CNNError) -> Void) -> Int32 {
  do throws(CNNError) {
    try body()
    return Int32(CNN_OK)
  } catch {
    LastError.set(error.message)
    return error.code.rawValue
  }
}

/// The message of the last failure of each thread.
///
/// Each thread that ever fails has one buffer, so that the pointer a caller got stays good.
enum LastError {
  /// Where each thread keeps its buffer, which is freed when the thread ends.
  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key, { free($0) }) == 0 ? key : nil
  }()

  /// The bytes of a buffer; far above any message that is written by hand.
  private static let capacity = 1 << 14

  /// Remembers a message for the calling thread.
  static func set(_ message: String) {
    guard let key else { return }
    let existing = pthread_getspecific(key)
    guard let buffer = existing ?? malloc(capacity) else { return }
    if existing == nil { pthread_setspecific(key, buffer) }
    var message = message
    message.withUTF8 { bytes in
      let length = LastError.keptLength(bytes)
      if let start = bytes.baseAddress { memcpy(buffer, start, length) }
      buffer.storeBytes(of: 0, toByteOffset: length, as: UInt8.self)
    }
  }

  /// The message of the calling thread, or nil if there was no failure.
  static var message: UnsafePointer<CChar>? {
    guard let key, let text = pthread_getspecific(key) else { return nil }
    return UnsafePointer(text.assumingMemoryBound(to: CChar.self))
  }

  /// As many bytes as fit without cutting a character in two.
  private static func keptLength(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    guard bytes.count >= capacity else { return bytes.count }
    var length = capacity - 1
    while length > 0, bytes[length] & 0xC0 == 0x80 { length -= 1 }
    return length
  }
}

extension CNNError {
  /// A status code's name in `cnn.h`.
  static func cName(ofStatus status: Int32) -> StaticString {
    if status == 0 { return "CNN_OK" }
    return switch Code(rawValue: status) {
    case .invalidArgument?: "CNN_INVALID_ARGUMENT"
    case .unknownName?: "CNN_UNKNOWN_NAME"
    case .shapeMismatch?: "CNN_SHAPE_MISMATCH"
    case .outOfMemory?: "CNN_OUT_OF_MEMORY"
    case .inputOutput?: "CNN_INPUT_OUTPUT"
    case .malformedData?: "CNN_MALFORMED_DATA"
    case .unsupported?: "CNN_UNSUPPORTED"
    case .busy?: "CNN_BUSY"
    case .cancelled?: "CNN_CANCELLED"
    case .nonFinite?: "CNN_NON_FINITE"
    case .layerFailed?: "CNN_LAYER_FAILED"
    case .internal?: "CNN_INTERNAL"
    case nil: "CNN_UNKNOWN_STATUS"
    }
  }
}
