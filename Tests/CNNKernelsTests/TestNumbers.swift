import CNNKernels
import Testing

/// Numbers between -1 and 1 that look random and are the same each time.
func testNumbers(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) / 0x1p31
  }
}

/// The largest difference, as a share of the largest expected number (or of 1).
func relativeError(_ actual: [Float], _ expected: [Float]) -> Float {
  guard actual.count == expected.count else { return .infinity }
  var largest: Float = 1e-3
  var error: Float = 0
  for (x, y) in zip(actual, expected) {
    largest = max(largest, abs(y))
    if !x.isFinite { return .infinity }
    error = max(error, abs(x - y))
  }
  return error / largest
}

/// Scratch memory that is filled with NaN and has a guard at its end, which shows writes beyond.
func withScratch<Result>(
  _ count: Int?, _ body: (UnsafeMutablePointer<Float>) -> Result
) -> Result {
  let needed = count ?? 0
  let memory = UnsafeMutableRawPointer.allocate(byteCount: needed * 4 + 256, alignment: 64)
    .bindMemory(to: Float.self, capacity: needed + 64)
  memory.initialize(repeating: .nan, count: needed)
  (memory + needed).initialize(repeating: 12345, count: 64)
  defer { memory.deallocate() }
  let result = body(memory)
  #expect(count != nil)
  #expect((0..<64).allSatisfy { memory[needed + $0] == 12345 }, "wrote beyond the scratch memory")
  return result
}
