#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Owned memory for 32-bit floating-point numbers, aligned to a cache line and set to zero.
///
/// The only way in which the library takes memory for numbers: it counts against `MemoryBudget`,
/// and a request that cannot be met is an error instead of the end of the process.
///
/// Safety: the buffer does not guard its contents. Its owner decides who may read and write, and
/// documents how; that is what `@unchecked Sendable` stands for.
public final class FloatBuffer: @unchecked Sendable {
  /// The first number.
  public let pointer: UnsafeMutablePointer<Float>
  /// How many numbers there are.
  public let count: Int

  private static let alignment = 64

  /// Takes memory for `count` numbers and sets them to zero.
  ///
  /// - Parameters:
  ///   - count: At least 0.
  ///   - purpose: What the memory is for, as it should stand in an error message.
  /// - Throws: `outOfMemory` if the memory limit or the machine does not allow it.
  public init(count: Int, for purpose: @autoclosure () -> String) throws(CNNError) {
    guard count >= 0, count <= Shape.maximumCount else {
      throw CNNError(
        .outOfMemory, "\(purpose()) would need \(count) numbers, which no memory holds")
    }
    let bytes = FloatBuffer.roundedBytes(count)
    guard MemoryBudget.reserve(bytes) else {
      throw CNNError(
        .outOfMemory,
        "\(purpose()) needs \(bytes) bytes; \(MemoryBudget.bytesInUse) are in use and the memory "
          + "limit is \(MemoryBudget.limit)")
    }
    var raw: UnsafeMutableRawPointer?
    guard posix_memalign(&raw, FloatBuffer.alignment, bytes) == 0, let memory = raw else {
      MemoryBudget.release(bytes)
      throw CNNError(
        .outOfMemory, "\(purpose()) needs \(bytes) bytes, and the machine has none left")
    }
    memset(memory, 0, bytes)
    pointer = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
    self.count = count
  }

  deinit {
    free(pointer)
    MemoryBudget.release(FloatBuffer.roundedBytes(count))
  }

  private static func roundedBytes(_ count: Int) -> Int {
    let bytes = count * MemoryLayout<Float>.stride
    return max(alignment, (bytes + alignment - 1) / alignment * alignment)
  }

  /// All numbers, to read and write.
  public var elements: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }
}
