import CNNLayerKit

/// Memory with known patterns on both sides, to catch writes out of bounds.
final class GuardedBuffer {
  let elements: UnsafeMutableBufferPointer<Float>
  private let base: UnsafeMutablePointer<Float>
  private static let margin = 32
  private static let pattern: UInt32 = 0x7FA5_C3E1

  init(_ count: Int, fill: (Int) -> Float = { _ in .nan }) {
    // The host promises memory that is aligned to a cache line.
    base = UnsafeMutableRawPointer.allocate(
      byteCount: (count + 2 * GuardedBuffer.margin) * 4, alignment: 64
    ).bindMemory(to: Float.self, capacity: count + 2 * GuardedBuffer.margin)
    elements = UnsafeMutableBufferPointer(start: base + GuardedBuffer.margin, count: count)
    base.withMemoryRebound(to: UInt32.self, capacity: count + 2 * GuardedBuffer.margin) {
      for i in 0..<GuardedBuffer.margin {
        $0[i] = GuardedBuffer.pattern
        $0[GuardedBuffer.margin + count + i] = GuardedBuffer.pattern
      }
    }
    for i in 0..<count { (base + GuardedBuffer.margin + i).initialize(to: fill(i)) }
  }

  convenience init(_ values: [Float]) { self.init(values.count) { values[$0] } }

  deinit { base.deallocate() }

  var values: [Float] {
    get { Array(elements) }
    set { for i in 0..<elements.count { elements[i] = newValue[i] } }
  }

  var bits: [UInt32] { elements.map(\.bitPattern) }

  func poison() { for i in 0..<elements.count { elements[i] = .nan } }

  func zero() { for i in 0..<elements.count { elements[i] = 0 } }

  /// Whether nobody wrote beside the elements.
  var isIntact: Bool {
    let count = elements.count + 2 * GuardedBuffer.margin
    return base.withMemoryRebound(to: UInt32.self, capacity: count) { words in
      (0..<GuardedBuffer.margin).allSatisfy {
        words[$0] == GuardedBuffer.pattern
          && words[GuardedBuffer.margin + elements.count + $0] == GuardedBuffer.pattern
      }
    }
  }
}

/// A list of arrays as calls want it; keeps its memory alive.
final class BufferList {
  private let list: UnsafeMutablePointer<UnsafeMutableBufferPointer<Float>>
  private let count: Int

  init(_ buffers: [UnsafeMutableBufferPointer<Float>]) {
    count = buffers.count
    list = .allocate(capacity: max(count, 1))
    for (i, buffer) in buffers.enumerated() { (list + i).initialize(to: buffer) }
  }

  deinit { list.deallocate() }

  var tensors: TensorList { TensorList(list, count: count) }
}
