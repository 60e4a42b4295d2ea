import CCNN
import CNNLayerKit
import Glibc

/// The message that `cnn_host.fail` left on a thread.
enum Failure {
  /// Where each thread keeps its message, which is freed when the thread ends.
  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key, { free($0) }) == 0 ? key : nil
  }()

  /// The bytes that are kept of a message.
  private static let capacity = 1 << 13

  /// Remembers a message of the calling thread; NULL forgets the last one.
  static func set(_ message: UnsafePointer<CChar>?) {
    guard let key else { return }
    let existing = pthread_getspecific(key)
    if message == nil, existing == nil { return }
    guard let buffer = existing ?? calloc(1, capacity) else { return }
    if existing == nil { pthread_setspecific(key, buffer) }
    let text = buffer.assumingMemoryBound(to: CChar.self)
    let length = message.map { strnlen($0, capacity - 1) } ?? 0
    if let message { memcpy(text, message, length) }
    text[length] = 0
  }

  /// Takes the message of the calling thread.
  private static func take() -> String? {
    guard let key, let buffer = pthread_getspecific(key) else { return nil }
    let text = buffer.assumingMemoryBound(to: CChar.self)
    guard text[0] != 0 else { return nil }
    defer { text[0] = 0 }
    return String(cString: text)
  }

  /// Calls a function of the other side, and turns what it returns into an error.
  ///
  /// - Parameter what: The function, for the message.
  /// - Throws: Its status with its message; a number that is no status counts as `layerFailed`.
  static func check(
    _ what: @autoclosure () -> String, _ call: () -> Int32
  ) throws(CNNError) {
    set(nil)
    let status = call()
    guard status != 0 else { return }
    let code = CNNError.Code(rawValue: status)
    let number = code == nil ? " with status \(status), which is none" : ""
    let message = take() ?? "it failed\(number) and gave no message"
    throw CNNError(code ?? .layerFailed, "\(what()): \(message)")
  }

  /// Takes the message of a function that has no status.
  static func message() -> String? { take() }
}
