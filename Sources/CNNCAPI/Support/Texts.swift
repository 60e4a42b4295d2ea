import CNNLayerKit
import Glibc

/// Texts and byte arrays that callers get and give back with `cnn_free`.
///
/// Remembering them makes a foreign pointer, or one that was freed before, harmless.
///
/// Safety: `lock` guards the set.
final class AllocatedBlocks: @unchecked Sendable {
  /// The blocks of the process.
  static let shared = AllocatedBlocks()

  private let lock = ForkSafeLock()
  private var addresses: Set<UInt> = []

  /// Returns a copy of `bytes`, with a zero byte behind.
  func copy(_ bytes: UnsafeRawBufferPointer) throws(CNNError) -> UnsafeMutableRawPointer {
    guard let memory = malloc(bytes.count + 1) else {
      throw CNNError(
        .outOfMemory, "a result needs \(bytes.count) bytes, and the machine has none left")
    }
    if let start = bytes.baseAddress { memcpy(memory, start, bytes.count) }
    memory.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
    lock.withLock { _ = addresses.insert(UInt(bitPattern: memory)) }
    return memory
  }

  /// Frees a block; anything else is left alone.
  func free(_ memory: UnsafeMutableRawPointer?) {
    guard let memory else { return }
    let isOurs = lock.withLock { addresses.remove(UInt(bitPattern: memory)) != nil }
    if isOurs { Glibc.free(memory) }
  }
}

/// Gives a caller a text, to be released with `cnn_free`.
func give(
  _ text: String, to out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) throws(CNNError) {
  var text = text
  let memory = try text.withUTF8 { bytes in
    Result { () throws(CNNError) in
      try AllocatedBlocks.shared.copy(UnsafeRawBufferPointer(bytes))
    }
  }.get()
  out.pointee = memory.assumingMemoryBound(to: CChar.self)
}

/// Makes a text and gives it to a caller; the caller's pointer is NULL if making it fails.
func giveText(
  _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ name: String,
  _ make: () throws(CNNError) -> String
) -> Int32 {
  status { () throws(CNNError) in
    let out = try output(out, name, initially: nil)
    try give(try make(), to: out)
  }
}

/// Makes bytes and gives them to a caller; both outputs are NULL and 0 if making them fails.
func giveBytes(
  _ outBytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  _ outSize: UnsafeMutablePointer<Int64>?, _ make: () throws(CNNError) -> ByteBuffer
) -> Int32 {
  status { () throws(CNNError) in
    outBytes?.pointee = nil
    outSize?.pointee = 0
    let outBytes = try required(outBytes, "out_bytes")
    let outSize = try required(outSize, "out_size")
    let buffer = try make()
    outBytes.pointee = try buffer.withUnsafeBytes { (bytes) throws(CNNError) in
      try AllocatedBlocks.shared.copy(bytes)
    }
    outSize.pointee = Int64(buffer.count)
  }
}

/// Texts that callers borrow from an object: each has one copy, which lives as long as the object.
///
/// Safety: `lock` guards the table; the copies never change.
final class BorrowedTexts: Sendable {
  private let copies = Locked<[String: UnsafeMutablePointer<CChar>]>([:])

  deinit {
    copies.withLock { copies in
      for copy in copies.values { free(copy) }
    }
  }

  /// Returns the copy of `text`.
  func borrow(_ text: String) throws(CNNError) -> UnsafePointer<CChar> {
    try copies.withLock { copies throws(CNNError) in
      if let copy = copies[text] { return UnsafePointer(copy) }
      guard let copy = strdup(text) else {
        throw CNNError(.outOfMemory, "a name needs memory, and the machine has none left")
      }
      copies[text] = copy
      return UnsafePointer(copy)
    }
  }
}
