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
    guard let memory = FloatBuffer.allocate(bytes) else {
      MemoryBudget.release(bytes)
      throw CNNError(
        .outOfMemory, "\(purpose()) needs \(bytes) bytes, and the machine has none left")
    }
    pointer = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
    self.count = count
  }

  deinit {
    let bytes = FloatBuffer.roundedBytes(count)
    FloatBuffer.free(pointer, bytes)
    MemoryBudget.release(bytes)
  }

  #if canImport(Glibc)
    /// From this size on, memory comes straight from the system: it is zero without being written,
    /// takes no room before it is used, and goes back at once.
    private static let mappedBytes = 1 << 18
    /// From this size on, large pages are asked for, which save time where memory is walked through.
    private static let largePageBytes = 1 << 23

    private static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
      guard bytes >= mappedBytes else { return allocateSmall(bytes) }
      let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      guard let memory, memory != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
      // Only a wish: without it everything works as well.
      if bytes >= largePageBytes { _ = madvise(memory, bytes, MADV_HUGEPAGE) }
      return memory
    }

    private static func free(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
      if bytes >= mappedBytes { munmap(memory, bytes) } else { Glibc.free(memory) }
    }
  #else
    private static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? { allocateSmall(bytes) }

    private static func free(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
      Darwin.free(memory)
    }
  #endif

  private static func allocateSmall(_ bytes: Int) -> UnsafeMutableRawPointer? {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, alignment, bytes) == 0, let memory else { return nil }
    memset(memory, 0, bytes)
    return memory
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
