import CNNGraph
import CNNLayerKit

/// What goes into a safetensors file.
///
/// The same calls always give the same bytes: tensors lie in the order in which they were added
/// (those of wider numbers first, as the format's alignment asks), and metadata is sorted by key.
///
/// ```swift
/// var writer = SafetensorsWriter(metadata: ["format": "checkpoint"])
/// try writer.add("step", [12_000 as Int64])
/// try writer.add("momentum/conv1.weight", shape: [32, 3, 7, 7], floats: pointer)
/// try writer.write(to: path)
/// ```
public struct SafetensorsWriter {
  private enum Content {
    /// Memory of the caller.
    case borrowed(UnsafeRawBufferPointer)
    case bytes([UInt8])
    case integers([Int64])
    /// Written to temporary memory when its turn comes.
    case floats(count: Int, fill: (UnsafeMutableBufferPointer<Float>) throws(CNNError) -> Void)
    /// The same, rounded to half precision of a kind.
    case halves(
      count: Int, SafetensorsElement,
      fill: (UnsafeMutableBufferPointer<Float>) throws(CNNError) -> Void)
  }

  private struct Tensor {
    let name: String
    let element: SafetensorsElement
    let shape: [Int]
    let byteCount: Int
    let content: Content
  }

  /// The texts of `__metadata__`.
  public var metadata: [String: String]
  private var tensors: [Tensor] = []
  private var names: Set<String> = []

  /// Starts a file without tensors.
  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Adds 32-bit numbers that lie in the caller's memory.
  ///
  /// - Parameters:
  ///   - name: A name that no other tensor of the file has.
  ///   - shape: The size along each axis.
  ///   - floats: The numbers, which must stay valid and unchanged until the file is written.
  /// - Throws: `invalidArgument` for a repeated or reserved name, `shapeMismatch` if the count is
  ///   not the product of the shape.
  public mutating func add(
    _ name: String, shape: [Int], floats: UnsafeBufferPointer<Float>
  ) throws(CNNError) {
    try add(name, .float32, shape, count: floats.count, .borrowed(UnsafeRawBufferPointer(floats)))
  }

  /// Adds 32-bit numbers that `fill` computes when they are written, one tensor at a time.
  ///
  /// - Throws: `invalidArgument` for a repeated or reserved name, or a shape that no file can hold.
  public mutating func add(
    _ name: String, shape: [Int],
    filledBy fill:
      @escaping (_ destination: UnsafeMutableBufferPointer<Float>) throws(CNNError) -> Void
  ) throws(CNNError) {
    guard let count = checkedProduct(shape) else {
      throw .invalidArgument("tensor \"\(name)\" has the shape \(shape), which no file can hold")
    }
    try add(name, .float32, shape, count: count, .floats(count: count, fill: fill))
  }

  /// Adds numbers that `fill` computes when they are written, and that are then rounded to 16 bits:
  /// to the nearest, of two equally near ones to the one whose last bit is 0.
  ///
  /// Numbers of a larger magnitude than the kind has become infinite.
  /// - Parameter element: `float16` or `bfloat16`.
  /// - Throws: `invalidArgument` for another element, a repeated or reserved name, or a shape that no
  ///   file can hold.
  public mutating func add(
    _ name: String, shape: [Int], roundedTo element: SafetensorsElement,
    filledBy fill:
      @escaping (_ destination: UnsafeMutableBufferPointer<Float>) throws(CNNError) -> Void
  ) throws(CNNError) {
    guard element == .float16 || element == .bfloat16 else {
      throw .invalidArgument(
        "tensor \"\(name)\" can be rounded to F16 or BF16, not to \(element.rawValue)")
    }
    guard let count = checkedProduct(shape) else {
      throw .invalidArgument("tensor \"\(name)\" has the shape \(shape), which no file can hold")
    }
    try add(name, element, shape, count: count, .halves(count: count, element, fill: fill))
  }

  /// Adds a list of 64-bit integers.
  ///
  /// - Throws: `invalidArgument` for a repeated or reserved name.
  public mutating func add(_ name: String, _ integers: [Int64]) throws(CNNError) {
    try add(name, .int64, [integers.count], count: integers.count, .integers(integers))
  }

  /// Adds bytes.
  ///
  /// - Throws: `invalidArgument` for a repeated or reserved name.
  public mutating func add(_ name: String, _ bytes: [UInt8]) throws(CNNError) {
    try add(name, .uint8, [bytes.count], count: bytes.count, .bytes(bytes))
  }

  private mutating func add(
    _ name: String, _ element: SafetensorsElement, _ shape: [Int], count: Int, _ content: Content
  ) throws(CNNError) {
    guard name != "__metadata__", !names.contains(name) else {
      throw .invalidArgument(
        "the name \"\(name)\" of a tensor is reserved or in the file already")
    }
    guard shape.allSatisfy({ $0 >= 0 }), checkedProduct(shape) == count,
      let byteCount = checkedProduct([count, element.size])
    else {
      throw .shapeMismatch("tensor \"\(name)\" of shape \(shape) cannot hold \(count) numbers")
    }
    names.insert(name)
    tensors.append(
      Tensor(name: name, element: element, shape: shape, byteCount: byteCount, content: content))
  }

  /// Writes the file, replacing one that exists only when the new one is complete.
  ///
  /// - Throws: `inputOutput`, `outOfMemory`, or what a `fill` throws; then the file at `path` is as
  ///   it was.
  public func write(to path: String) throws(CNNError) {
    let (header, order) = try self.header()
    try AtomicFile.write(path: path) { append throws(CNNError) in
      try SafetensorsWriter.withBytes(of: .bytes(header), append)
      for tensor in order { try SafetensorsWriter.withBytes(of: tensor.content, append) }
    }
  }

  /// Returns the file's bytes.
  ///
  /// - Throws: `outOfMemory`, or what a `fill` throws.
  public func encoded() throws(CNNError) -> ByteBuffer {
    let (header, order) = try self.header()
    guard let size = checkedSum([header.count] + order.map(\.byteCount)) else {
      throw CNNError(.outOfMemory, "the tensors have more bytes than memory can hold")
    }
    let buffer = try ByteBuffer(uninitializedCount: size, for: "the encoded tensors")
    var end = 0
    let append = { (piece: UnsafeRawBufferPointer) throws(CNNError) -> Void in
      UnsafeMutableRawBufferPointer(rebasing: buffer.mutableBytes[end..<end + piece.count])
        .copyMemory(from: piece)
      end += piece.count
    }
    try SafetensorsWriter.withBytes(of: .bytes(header), append)
    for tensor in order { try SafetensorsWriter.withBytes(of: tensor.content, append) }
    return buffer
  }

  /// The length and the JSON, padded with spaces to 8 bytes, and the tensors in the order of data.
  private func header() throws(CNNError) -> (bytes: [UInt8], order: [Tensor]) {
    // Widest numbers first keeps every tensor aligned to its numbers; the sort is stable.
    let order = [8, 4, 2, 1].flatMap { size in tensors.filter { $0.element.size == size } }
    var members: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map {
        "\(JSONText.quote($0.key)):\(JSONText.quote($0.value))"
      }
      members.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in order {
      guard let end = checkedSum([offset, tensor.byteCount]) else {
        throw CNNError(.outOfMemory, "the tensors have more bytes than a file can hold")
      }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(JSONText.quote(tensor.name)):{\"dtype\":\"\(tensor.element.rawValue)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    guard json.count <= SafetensorsHeader.maximumLength else {
      throw .invalidArgument(
        "names and metadata take \(json.count) bytes; a safetensors header has at most "
          + "\(SafetensorsHeader.maximumLength)")
    }
    let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
    return (length + json, order)
  }

  /// Hands the bytes of some content to `body`; the pointer is valid during the call.
  private static func withBytes(
    of content: Content, _ body: (UnsafeRawBufferPointer) throws(CNNError) -> Void
  ) throws(CNNError) {
    switch content {
    case .borrowed(let bytes): try body(bytes)
    case .bytes(let bytes):
      try bytes.span.withUnsafeBytes { bytes throws(CNNError) in try body(bytes) }
    case .integers(let integers):
      let stored = integers.map(\.littleEndian)
      try stored.span.withUnsafeBytes { bytes throws(CNNError) in try body(bytes) }
    case .floats(let count, let fill):
      let buffer = try FloatBuffer(count: count, for: "a tensor to be written")
      try fill(buffer.elements)
      try body(UnsafeRawBufferPointer(buffer.elements))
      extendLifetime(buffer)
    case .halves(let count, let element, let fill):
      let buffer = try FloatBuffer(count: count, for: "a tensor to be written")
      try fill(buffer.elements)
      // A half takes half of the room of what it replaces, so it never overtakes what is to be read.
      let bytes = UnsafeMutableRawBufferPointer(buffer.elements)
      element.round(buffer.elements, into: bytes)
      try body(UnsafeRawBufferPointer(rebasing: bytes[..<(count * 2)]))
      extendLifetime(buffer)
    }
  }
}
