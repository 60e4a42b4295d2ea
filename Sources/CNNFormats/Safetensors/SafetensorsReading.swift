import CNNLayerKit

/// What the header of a safetensors file says, checked against the length of the file.
///
/// The format is an 8-byte little-endian length, that many bytes of JSON, and the data. Tensors
/// must cover the data exactly: no gaps and no overlaps.
public struct SafetensorsHeader: Sendable, Hashable {
  /// One tensor of the file.
  public struct Tensor: Sendable, Hashable {
    /// The name.
    public let name: String
    /// How its numbers are stored.
    public let element: SafetensorsElement
    /// The size along each axis, outermost first; may be empty, and sizes may be 0.
    public let shape: [Int]
    /// How many numbers there are.
    public let count: Int
    /// Where its bytes lie, counted from the start of the file.
    public let range: Range<Int>
  }

  /// The longest header that is read, in bytes; the same as the reference's.
  public static let maximumLength = 100_000_000

  /// Every tensor, in the order of the data.
  public let tensors: [Tensor]
  /// The texts of `__metadata__`.
  public let metadata: [String: String]
  private let indexes: [String: Int]

  /// Reads and checks the header of a whole file that is in memory.
  ///
  /// - Throws: `malformedData` that says what is wrong.
  public init(parsing bytes: UnsafeRawBufferPointer) throws(CNNError) {
    try self.init(start: bytes, fileSize: bytes.count)
  }

  /// Reads and checks the header of a file whose first bytes, up to the end of the header at least,
  /// are in memory.
  init(start bytes: UnsafeRawBufferPointer, fileSize: Int) throws(CNNError) {
    guard fileSize >= 8, bytes.count >= 8 else {
      throw .malformedData("a safetensors file has at least 8 bytes, this one has \(fileSize)")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(SafetensorsHeader.maximumLength) else {
      throw .malformedData(
        "the header claims \(length) bytes; at most \(SafetensorsHeader.maximumLength) are allowed, "
          + "so this is probably no safetensors file")
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= fileSize, dataStart <= bytes.count else {
      throw .malformedData(
        "the header claims \(length) bytes and only \(fileSize - 8) follow; the file is cut off "
          + "or no safetensors file")
    }
    var scanner = HeaderScanner(UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]))
    let (entries, metadata) = try scanner.scan()
    self.metadata = metadata
    var tensors: [Tensor] = []
    for entry in entries {
      tensors.append(try Tensor(entry, dataStart: dataStart, end: fileSize))
    }
    // Empty tensors share their offset with the one that follows.
    tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.name)
        < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = dataStart
    for tensor in tensors {
      guard tensor.range.lowerBound == end else {
        throw .malformedData(
          "the data of tensor \"\(tensor.name)\" begins at \(tensor.range.lowerBound - dataStart) "
            + "instead of \(end - dataStart): tensors must follow each other without gaps and "
            + "overlaps")
      }
      end = tensor.range.upperBound
    }
    guard end == fileSize else {
      throw .malformedData("\(fileSize - end) bytes at the end belong to no tensor")
    }
    self.tensors = tensors
    // The scanner has refused repeated names.
    indexes = Dictionary(
      tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The tensor called `name`, or nil if the file has none.
  public func tensor(named name: String) -> Tensor? { indexes[name].map { tensors[$0] } }
}

extension SafetensorsHeader.Tensor {
  fileprivate init(_ entry: HeaderScanner.Entry, dataStart: Int, end: Int) throws(CNNError) {
    let what = "tensor \"\(entry.name)\""
    guard let word = entry.element, let shape = entry.shape, let offsets = entry.offsets else {
      throw .malformedData("\(what) needs dtype, shape and data_offsets in the header")
    }
    guard let element = SafetensorsElement(rawValue: word) else {
      let known = SafetensorsElement.allCases.map(\.rawValue).joined(separator: ", ")
      throw .malformedData("\(what) has the dtype \"\(word)\"; known are \(known)")
    }
    guard let count = checkedProduct(shape), let size = checkedProduct([count, element.size]) else {
      throw .malformedData("\(what) has the shape \(shape), which no file can hold")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= end - dataStart else {
      throw .malformedData(
        "\(what) has data_offsets \(offsets); expected [start, end] within the \(end - dataStart) "
          + "bytes of data")
    }
    guard offsets[1] - offsets[0] == size else {
      throw .malformedData(
        "\(what) of shape \(shape) and dtype \(word) takes \(size) bytes, and its data_offsets span "
          + "\(offsets[1] - offsets[0])")
    }
    name = entry.name
    self.element = element
    self.shape = shape
    self.count = count
    range = dataStart + offsets[0]..<dataStart + offsets[1]
  }

  /// Converts the tensor's numbers to 32-bit floating point.
  ///
  /// - Parameters:
  ///   - file: The bytes that the header was read from.
  ///   - destination: Room for exactly `count` numbers.
  /// - Throws: `shapeMismatch` if the room differs, `malformedData` for another file, `unsupported`
  ///   for 8-bit floating point.
  public func read(
    from file: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    guard destination.count == count else {
      throw .shapeMismatch(
        "tensor \"\(name)\" has \(count) numbers, there is room for \(destination.count)")
    }
    do throws(CNNError) { try element.convert(try bytes(in: file), into: destination) } catch {
      throw error.prefixed(by: "tensor \"\(name)\"")
    }
  }

  /// The tensor's bytes, as they are stored.
  ///
  /// - Parameter file: The bytes that the header was read from.
  /// - Throws: `malformedData` if the file is too short to be that one.
  public func bytes(in file: UnsafeRawBufferPointer) throws(CNNError) -> UnsafeRawBufferPointer {
    guard range.upperBound <= file.count else {
      throw .malformedData("the file ends before the data of tensor \"\(name)\"")
    }
    return UnsafeRawBufferPointer(rebasing: file[range])
  }
}

/// A safetensors file in memory: its header and its data.
///
/// Immutable, so any number of threads may read it.
public struct SafetensorsFile: Sendable {
  /// What the header says.
  public let header: SafetensorsHeader
  private let contents: ByteBuffer

  /// Reads a file.
  ///
  /// - Throws: `inputOutput` if it cannot be read, `malformedData` with the path and what is wrong,
  ///   or `outOfMemory`.
  public init(path: String) throws(CNNError) {
    contents = try readFile(path: path, limit: .max)
    do throws(CNNError) { header = try SafetensorsHeader(parsing: contents.bytes) } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }

  /// The texts of `__metadata__`.
  public var metadata: [String: String] { header.metadata }
  /// Every tensor, in the order of the data.
  public var tensors: [SafetensorsHeader.Tensor] { header.tensors }

  /// Calls `body` with the bytes of the whole file; the pointer is valid during the call.
  public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try contents.withUnsafeBytes(body)
  }

  /// Converts the numbers of a tensor to 32-bit floating point.
  ///
  /// - Parameter destination: Room for exactly as many numbers as the tensor has.
  /// - Throws: `unknownName`, or what `SafetensorsHeader.Tensor.read` throws.
  public func read(
    _ name: String, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    let tensor = try find(name)
    try withUnsafeBytes { file throws(CNNError) in try tensor.read(from: file, into: destination) }
  }

  /// Returns the numbers of a tensor as 32-bit floating point.
  ///
  /// - Throws: `unknownName`, or what `SafetensorsHeader.Tensor.read` throws.
  public func floats(of name: String) throws(CNNError) -> [Float] {
    let tensor = try find(name)
    // The file's own bytes are in memory already, so this is at most eight times as much.
    var numbers = [Float](repeating: 0, count: tensor.count)
    var failure: CNNError?
    numbers.withUnsafeMutableBufferPointer { destination in
      do throws(CNNError) { try read(name, into: destination) } catch { failure = error }
    }
    if let failure { throw failure }
    return numbers
  }

  /// Returns the bytes of a tensor that is stored as `U8`.
  ///
  /// - Throws: `unknownName`, or `malformedData` if it is stored otherwise.
  public func bytes(of name: String) throws(CNNError) -> [UInt8] {
    let tensor = try find(name)
    try require(.uint8, tensor)
    return try withUnsafeBytes { file throws(CNNError) in Array(try tensor.bytes(in: file)) }
  }

  /// Returns the numbers of a tensor that is stored as `I64`.
  ///
  /// - Throws: `unknownName`, or `malformedData` if it is stored otherwise.
  public func integers(of name: String) throws(CNNError) -> [Int64] {
    let tensor = try find(name)
    try require(.int64, tensor)
    return try withUnsafeBytes { file throws(CNNError) in
      let bytes = try tensor.bytes(in: file)
      return (0..<tensor.count).map {
        Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
      }
    }
  }

  private func find(_ name: String) throws(CNNError) -> SafetensorsHeader.Tensor {
    guard let tensor = header.tensor(named: name) else {
      throw .unknownName("tensor", name, valid: tensors.map(\.name))
    }
    return tensor
  }

  private func require(
    _ element: SafetensorsElement, _ tensor: SafetensorsHeader.Tensor
  ) throws(CNNError) {
    guard tensor.element == element else {
      throw .malformedData(
        "tensor \"\(tensor.name)\" is stored as \(tensor.element.rawValue); expected "
          + "\(element.rawValue)")
    }
  }
}
