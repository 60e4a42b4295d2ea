/// Pseudo-random numbers with a fixed seed (SplitMix64, Steele, Lea and Flood 2014).
struct Numbers {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in the range.
  mutating func number(_ range: ClosedRange<Float> = -1...1) -> Float {
    let share = Double(word() >> 11) / Double(1 << 53)
    let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
    return Float(low + share * (high - low))
  }

  mutating func numbers(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in number(range) }
  }
}

/// Adds up bits in a way that every one of them and their order count (FNV-1a).
struct Digest {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ words: [UInt32]) {
    for word in words {
      value = (value ^ UInt64(word)) &* 0x100_0000_01B3
    }
  }

  mutating func add(_ arrays: [[UInt32]]) { for array in arrays { add(array) } }
}

/// Whether two arrays agree within rounding.
func isClose(_ a: [Float], _ b: [Float], tolerance: Float = 1e-4) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(0.1, abs($0), abs($1)) }
}
