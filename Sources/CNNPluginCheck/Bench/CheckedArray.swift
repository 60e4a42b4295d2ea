import Glibc

/// What surrounds an array.
enum Surroundings: Sendable {
  /// Much unused memory, so that what is written beside the array hurts nobody.
  case room
  /// A page behind the end that must not be touched.
  case guardBehind
  /// A page in front of the start that must not be touched.
  case guardInFront
  /// A page right behind the last number, wherever the first one is then: a caller's arrays start at any
  /// multiple of 4.
  case guardRightBehind
}

/// An array of numbers that notices what happens beside it.
///
/// Unless the guard is right behind it, it starts at a multiple of 64, as the arrays of the library do.
/// What lies between it and the guard, or on its other side, is filled with a pattern.
final class CheckedArray {
  /// What the array is, for messages.
  let name: String
  /// The numbers.
  let elements: UnsafeMutableBufferPointer<Float>

  private let mapping: UnsafeMutableRawPointer
  private let bytes: Int
  /// The part that can be read and written.
  private let open: UnsafeMutableRawBufferPointer
  private let isGuarded: Bool
  private let region: Int?

  private static let page = 4096
  private static let pattern: UInt8 = 0xA5

  /// - Parameters:
  ///   - shift: A multiple of 64 bytes by which the array is moved, to change its address.
  init(_ name: String, count: Int, _ surroundings: Surroundings, shift: Int = 0) throws {
    self.name = name
    let page = CheckedArray.page
    let size = count * MemoryLayout<Float>.stride
    let inside =
      surroundings == .room
      ? (size + shift + 6 * page) / page * page : (size + page - 1) / page * page
    isGuarded = surroundings != .room
    bytes = inside + 2 * page
    let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != UnsafeMutableRawPointer(bitPattern: -1) else {
      throw Skip("there is no memory for \(count) numbers")
    }
    mapping = memory
    let first = memory + page
    open = UnsafeMutableRawBufferPointer(start: first, count: inside)
    memset(first, Int32(CheckedArray.pattern), inside)
    let offset =
      switch surroundings {
      case .room: 2 * page + shift / 64 * 64
      case .guardBehind: (inside - size) / 64 * 64
      case .guardRightBehind: inside - size
      case .guardInFront: 0
      }
    elements = UnsafeMutableBufferPointer(
      start: (first + offset).bindMemory(to: Float.self, capacity: max(count, 1)), count: count)
    mprotect(memory, page, PROT_NONE)
    mprotect(first + inside, page, PROT_NONE)
    let start = UInt(bitPattern: first + offset)
    region = FaultHandler.add(
      FaultHandler.Region(
        start: UInt(bitPattern: memory), end: UInt(bitPattern: memory) + UInt(bytes),
        firstByte: start, lastByte: start + UInt(size), name: CheckedArray.lasting(name)))
  }

  deinit {
    if let region { FaultHandler.remove(region) }
    munmap(mapping, bytes)
  }

  private nonisolated(unsafe) static var names: [String: UnsafePointer<CChar>] = [:]

  /// A copy of a name that is never freed; arrays are made by one thread only.
  private static func lasting(_ name: String) -> UnsafePointer<CChar>? {
    if let known = names[name] { return known }
    let copy = UnsafePointer(strdup(name))
    names[name] = copy
    return copy
  }

  /// The numbers, or nothing where there are none: then calls get NULL.
  var argument: UnsafeMutableBufferPointer<Float> {
    elements.isEmpty ? .nothing : elements
  }

  var values: [Float] { Array(elements) }

  var bits: [UInt32] { elements.map(\.bitPattern) }

  func fill(_ value: Float) { elements.update(repeating: value) }

  func set(_ values: [Float]) {
    for (index, value) in values.enumerated() where index < elements.count {
      elements[index] = value
    }
  }

  /// Forbids writing, or allows it again.
  func protect(_ isReadOnly: Bool) {
    guard open.count > 0 else { return }
    mprotect(open.baseAddress, open.count, isReadOnly ? PROT_READ : PROT_READ | PROT_WRITE)
  }

  /// Throws a finding if something was written beside the array.
  func checkSurroundings() throws {
    guard isGuarded, let start = open.baseAddress, let own = elements.baseAddress else { return }
    let front = UnsafeMutableRawPointer(own) - start
    let behind = front + elements.count * MemoryLayout<Float>.stride
    try expect(
      (0..<front).allSatisfy { open[$0] == CheckedArray.pattern },
      "something was written in front of \(name)")
    try expect(
      (behind..<open.count).allSatisfy { open[$0] == CheckedArray.pattern },
      "something was written behind the end of \(name)")
  }
}

extension UnsafeMutableBufferPointer {
  /// No memory.
  static var nothing: UnsafeMutableBufferPointer { .init(start: nil, count: 0) }
}

/// A list of arrays as calls want it; its memory lives as long as the object.
final class ArrayList {
  private let list: UnsafeMutablePointer<UnsafeMutableBufferPointer<Float>>
  let count: Int

  init(_ arrays: [UnsafeMutableBufferPointer<Float>]) {
    count = arrays.count
    list = .allocate(capacity: max(count, 1))
    for (index, array) in arrays.enumerated() { (list + index).initialize(to: array) }
  }

  deinit { list.deallocate() }

  var base: UnsafePointer<UnsafeMutableBufferPointer<Float>> { UnsafePointer(list) }
}
