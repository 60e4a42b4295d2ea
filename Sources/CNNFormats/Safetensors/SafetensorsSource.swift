import CNNLayerKit

/// Where the tensors of a safetensors file are read from.
///
/// A model's numbers go from a file straight to their place, so that loading takes no second copy of
/// them. (A mapped file would do the same, but the process would be killed if somebody shortened it
/// meanwhile.)
enum SafetensorsSource {
  /// The whole file, in memory.
  case memory(UnsafeRawBufferPointer)
  /// An open file.
  case file(InputFile)

  /// Reads and checks the header.
  ///
  /// - Throws: As `SafetensorsHeader.init(parsing:)`, `inputOutput` or `outOfMemory`.
  func header() throws(CNNError) -> SafetensorsHeader {
    switch self {
    case .memory(let bytes): return try SafetensorsHeader(parsing: bytes)
    case .file(let file):
      let length = try start(of: file, count: min(8, file.size))
      var count = min(8, file.size)
      if count == 8 {
        let claimed = UInt64(littleEndian: length.bytes.loadUnaligned(as: UInt64.self))
        count += Int(min(claimed, UInt64(min(SafetensorsHeader.maximumLength, file.size - 8))))
      }
      let start = try start(of: file, count: count)
      let header = try SafetensorsHeader(start: start.bytes, fileSize: file.size)
      extendLifetime(start)
      return header
    }
  }

  private func start(of file: InputFile, count: Int) throws(CNNError) -> ByteBuffer {
    let buffer = try ByteBuffer(uninitializedCount: count, for: "the header of the file")
    try file.read(at: 0, into: buffer.mutableBytes)
    return buffer
  }

  /// Converts a tensor's numbers to 32-bit floating point.
  ///
  /// - Parameters:
  ///   - tensor: One of the header's.
  ///   - destination: Room for exactly as many numbers as it has.
  /// - Throws: As `SafetensorsHeader.Tensor.read(from:into:)`, `inputOutput` or `outOfMemory`.
  func read(
    _ tensor: SafetensorsHeader.Tensor, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    switch self {
    case .memory(let bytes): try tensor.read(from: bytes, into: destination)
    case .file(let file):
      guard destination.count == tensor.count else {
        throw .shapeMismatch(
          "tensor \"\(tensor.name)\" has \(tensor.count) numbers, there is room for "
            + "\(destination.count)")
      }
      if tensor.element == .float32, Int(littleEndian: 1) == 1 {
        try file.read(
          at: tensor.range.lowerBound, into: UnsafeMutableRawBufferPointer(destination))
      } else {
        try convert(tensor, of: file, into: destination)
      }
    }
  }

  /// Converts piece by piece.
  private func convert(
    _ tensor: SafetensorsHeader.Tensor, of file: InputFile,
    into destination: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    let size = tensor.element.size
    let most = 1 << 16
    let buffer = try ByteBuffer(
      uninitializedCount: min(most, tensor.count) * size, for: "a part of \"\(tensor.name)\"")
    var done = 0
    while done < tensor.count {
      let count = min(most, tensor.count - done)
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.mutableBytes[..<(count * size)])
      try file.read(at: tensor.range.lowerBound + done * size, into: piece)
      do throws(CNNError) {
        try tensor.element.convert(
          UnsafeRawBufferPointer(piece),
          into: UnsafeMutableBufferPointer(rebasing: destination[done..<(done + count)]))
      } catch {
        throw error.prefixed(by: "tensor \"\(tensor.name)\"")
      }
      done += count
    }
    extendLifetime(buffer)
  }
}
