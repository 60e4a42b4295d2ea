#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The random numbers of one sample in one epoch: what they are depends on nothing else.
///
/// A window into Philox's sequence (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3,
/// 2011): the seed is the key; epoch, purpose and sample index choose the counter.
struct SampleRandom {
  /// What numbers are for, so that two uses of the same seed do not share them.
  enum Purpose: UInt32 {
    case order = 1
    case augmentation = 2
    case split = 3
  }

  private let key0: UInt32
  private let key1: UInt32
  private let counter2: UInt32
  private let counter3: UInt32
  private var block: UInt64
  private var words = SIMD4<UInt32>()
  private var used = 4

  init(seed: UInt64, epoch: Int, index: Int, purpose: Purpose) {
    key0 = UInt32(truncatingIfNeeded: seed)
    key1 = UInt32(truncatingIfNeeded: seed >> 32)
    counter2 = UInt32(truncatingIfNeeded: epoch)
    counter3 = purpose.rawValue
    block = UInt64(truncatingIfNeeded: index) << 24
  }

  init(_ draw: AugmentationDraw, index: Int) {
    self.init(seed: draw.seed, epoch: draw.epoch, index: index, purpose: .augmentation)
  }

  /// The next 32 random bits.
  mutating func word() -> UInt32 {
    if used == words.scalarCount { refill() }
    defer { used += 1 }
    return words[used]
  }

  private mutating func refill() {
    var x0 = UInt32(truncatingIfNeeded: block)
    var x1 = UInt32(truncatingIfNeeded: block >> 32)
    var x2 = counter2
    var x3 = counter3
    var k0 = key0
    var k1 = key1
    for _ in 0..<10 {
      let p0 = UInt64(x0) &* 0xd251_1f53
      let p1 = UInt64(x2) &* 0xcd9e_8d57
      x0 = UInt32(truncatingIfNeeded: p1 >> 32) ^ x1 ^ k0
      x2 = UInt32(truncatingIfNeeded: p0 >> 32) ^ x3 ^ k1
      x1 = UInt32(truncatingIfNeeded: p1)
      x3 = UInt32(truncatingIfNeeded: p0)
      k0 &+= 0x9e37_79b9
      k1 &+= 0xbb67_ae85
    }
    words = SIMD4(x0, x1, x2, x3)
    block &+= 1
    used = 0
  }

  /// A number from 0 up to, but not including, 1.
  mutating func uniform() -> Float {
    Float(word() >> 8) * 0x1p-24
  }

  /// A whole number from 0 up to, but not including, `bound`, all equally likely.
  ///
  /// - Parameter bound: At least 1.
  mutating func below(_ bound: Int) -> Int {
    guard bound > 1 else { return 0 }
    let range = UInt64(bound)
    // Lemire, Fast Random Integer Generation in an Interval, 2019.
    var product = bits64().multipliedFullWidth(by: range)
    if product.low < range {
      let excess = (0 &- range) % range
      while product.low < excess { product = bits64().multipliedFullWidth(by: range) }
    }
    return Int(truncatingIfNeeded: product.high)
  }

  private mutating func bits64() -> UInt64 {
    let high = UInt64(word())
    return high << 32 | UInt64(word())
  }

  /// A normally distributed number of mean 0 and deviation 1, by Box and Muller's method.
  mutating func normal() -> Float {
    let radius = (-2 * log(1 - Double(uniform()))).squareRoot()
    return Float(radius * cos(2 * .pi * Double(uniform())))
  }

  /// Puts the elements in a random order, all orders equally likely.
  mutating func shuffle<Element>(_ elements: UnsafeMutableBufferPointer<Element>) {
    guard elements.count > 1 else { return }
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, below(last + 1))
    }
  }
}
