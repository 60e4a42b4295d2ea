import CNNKernelTypes
import CNNKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The random numbers of one sample in one epoch: what they are depends on nothing else.
struct SampleRandom {
  /// What numbers are for, so that two uses of the same seed do not share them.
  enum Purpose: UInt32 {
    case order = 0x6461_7401
    case augmentation = 0x6461_7402
    case split = 0x6461_7403
    case mixing = 0x6461_7404
  }

  private var stream: PhiloxStream

  init(seed: UInt64, epoch: Int, index: Int, purpose: Purpose) {
    let step = UInt64(truncatingIfNeeded: epoch) << 40 ^ UInt64(truncatingIfNeeded: index)
    stream = PhiloxStream(PhiloxKey(seed: seed, node: purpose.rawValue, step: step))
  }

  init(_ draw: AugmentationDraw, index: Int) {
    // The golden ratio in 64 bits: no two small multiples of it are near each other.
    let apart = UInt64(truncatingIfNeeded: draw.repetition) &* 0x9E37_79B9_7F4A_7C15
    self.init(seed: draw.seed &+ apart, epoch: draw.epoch, index: index, purpose: .augmentation)
  }

  /// A number from 0 up to, but not including, 1.
  mutating func uniform() -> Float {
    stream.nextUnit()
  }

  /// A whole number from 0 up to, but not including, `bound`, all equally likely.
  ///
  /// - Parameter bound: At least 1.
  mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: stream.next(below: UInt64(max(1, bound))))
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
