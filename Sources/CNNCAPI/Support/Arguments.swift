import CNNLayerKit
import Glibc

/// Checks of what C callers pass.

/// The longest text that is read from a caller, in bytes; the end of a longer one is not looked for.
private let maximumTextLength = 64 << 20

/// Copies a caller's text.
///
/// - Throws: `invalidArgument` if it is NULL, longer than 64 MiB, or not UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(CNNError) -> String {
  guard let pointer else { throw .invalidArgument("\(name) is NULL") }
  guard strnlen(pointer, maximumTextLength + 1) <= maximumTextLength else {
    throw .invalidArgument("\(name) is longer than \(maximumTextLength) bytes, or does not end")
  }
  guard let text = String(validatingCString: pointer) else {
    throw .invalidArgument("\(name) is not UTF-8")
  }
  return text
}

/// Copies a caller's text that may be NULL.
func optionalText(
  _ pointer: UnsafePointer<CChar>?, _ name: String
) throws(CNNError) -> String? {
  guard pointer != nil else { return nil }
  return try text(pointer, name)
}

/// Copies a caller's list of texts.
func texts(
  _ pointer: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int64, _ name: String
) throws(CNNError) -> [String] {
  let count = try size(count, "the number of \(name)", in: 0...maximumClassCount)
  guard count > 0 else { return [] }
  guard let pointer else { throw .invalidArgument("\(name) is NULL") }
  var result: [String] = []
  for index in 0..<count { result.append(try text(pointer[index], "\(name)[\(index)]")) }
  return result
}

/// The most classes that a model or dataset may name.
let maximumClassCount = 1 << 20

/// Returns a caller's size.
///
/// - Throws: `invalidArgument` if it is not in `range`.
func size(
  _ value: Int64, _ name: String, in range: ClosedRange<Int> = 1...Int.max
) throws(CNNError) -> Int {
  guard let size = Int(exactly: value), range.contains(size) else {
    let expected =
      range.upperBound == Int.max
      ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
    throw .invalidArgument("\(name) is \(value), and must be \(expected)")
  }
  return size
}

/// Returns what a caller's pointer points to.
///
/// - Throws: `invalidArgument` if it is NULL.
func required<Pointer>(_ pointer: Pointer?, _ name: String) throws(CNNError) -> Pointer {
  guard let pointer else { throw .invalidArgument("\(name) is NULL") }
  return pointer
}

/// Returns where a result goes, after setting it to `initial`.
func output<Value>(
  _ pointer: UnsafeMutablePointer<Value>?, _ name: String, initially initial: Value
) throws(CNNError) -> UnsafeMutablePointer<Value> {
  let pointer = try required(pointer, name)
  pointer.pointee = initial
  return pointer
}

/// Checks that a caller's array has room for a result.
///
/// - Throws: `invalidArgument` with the number that is needed.
func room<Element>(
  _ pointer: UnsafeMutablePointer<Element>?, capacity: Int64, for needed: Int, _ name: String
) throws(CNNError) -> UnsafeMutablePointer<Element> {
  let pointer = try required(pointer, name)
  guard capacity >= Int64(needed) else {
    throw .invalidArgument("\(name) has room for \(capacity) elements, and \(needed) are needed")
  }
  return pointer
}

/// The sizes of a caller's tensor along its axes, each at least 1.
///
/// - Throws: `invalidArgument` for NULL, more axes than supported, or a size below 1; `outOfMemory`
///   if the product does not fit.
func sizes(
  _ pointer: UnsafePointer<Int64>?, rank: Int64, _ name: String,
  maximumRank: Int = Shape.maximumRank + 1
) throws(CNNError) -> [Int] {
  let rank = try size(rank, "the rank of \(name)", in: 1...maximumRank)
  let pointer = try required(pointer, "the shape of \(name)")
  var sizes: [Int] = []
  for axis in 0..<rank {
    sizes.append(try size(pointer[axis], "size \(axis) of the shape of \(name)"))
  }
  guard let count = checkedProduct(sizes), count <= Shape.maximumCount else {
    throw .invalidArgument("the shape \(sizes) of \(name) has more elements than memory can hold")
  }
  return sizes
}

/// The order of axes in a caller's array.
enum TensorLayout: Int32 {
  /// `CNN_NHWC`
  case channelsLast = 0
  /// `CNN_NCHW`
  case channelsFirst = 1
}

/// Returns the layout that a number of the caller means.
func layout(_ value: Int32) throws(CNNError) -> TensorLayout {
  guard let layout = TensorLayout(rawValue: value) else {
    throw .invalidArgument(
      "the layout is \(value), and must be CNN_NHWC (0) or CNN_NCHW (1)")
  }
  return layout
}

/// Returns a caller's seed.
func seed(_ value: Int64) throws(CNNError) -> UInt64 {
  UInt64(try size(value, "the seed", in: 0...Int.max))
}

/// The number of bytes of a caller's struct that may be written.
///
/// - Parameters:
///   - size: The `struct_size` that the caller set.
///   - first: The size that the struct had in the first version.
///   - name: The C type.
/// - Throws: `invalidArgument` if the caller forgot to set it.
func writableSize(_ size: Int, first: Int, current: Int, _ name: String) throws(CNNError) -> Int {
  guard size >= first, size <= 1 << 16 else {
    throw .invalidArgument(
      "struct_size of the \(name) is \(size), and must be sizeof(\(name)), which is \(current)")
  }
  return min(size, current)
}

/// Fills a caller's struct up to the size that the caller knows.
///
/// - Parameters:
///   - out: The caller's struct, which begins with its size.
///   - name: The C type.
///   - empty: What the struct holds if `make` fails.
///   - make: Makes the contents; its first field is replaced by the caller's.
func fill<Value>(
  _ out: UnsafeMutablePointer<Value>?, _ name: String, empty: Value,
  _ make: () throws(CNNError) -> Value
) throws(CNNError) {
  let out = try required(out, "the \(name)")
  let raw = UnsafeMutableRawPointer(out)
  let declared = raw.loadUnaligned(as: Int.self)
  let current = MemoryLayout<Value>.size
  let writable = try writableSize(declared, first: current, current: current, name)
  func write(_ value: Value) {
    withUnsafeBytes(of: value) { bytes in
      let field = MemoryLayout<Int>.size
      if let start = bytes.baseAddress {
        memcpy(raw + field, start + field, writable - field)
      }
    }
  }
  write(empty)
  write(try make())
}

/// A caller's bytes.
///
/// - Throws: `invalidArgument` if there are none, or more than `limit`.
func rawBytes(
  _ pointer: UnsafeRawPointer?, _ count: Int64, _ name: String, limit: Int = Int.max
) throws(CNNError) -> UnsafeRawBufferPointer {
  let pointer = try required(pointer, name)
  let count = try size(count, "the number of bytes of \(name)", in: 1...limit)
  // No object is larger than half of the address space, and none wraps around its end.
  guard UInt(bitPattern: pointer) <= UInt(Int.max) - UInt(count) else {
    throw .invalidArgument("\(name) cannot have \(count) bytes: that is past the end of memory")
  }
  return UnsafeRawBufferPointer(start: pointer, count: count)
}
