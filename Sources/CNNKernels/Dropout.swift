/// Dropout: each element becomes 0 with a given probability, the others are scaled up.
///
/// Srivastava et al., Dropout (2014), in the inverted form that leaves prediction alone. The forward
/// pass keeps one bit for each element, which costs a thirty-second of the tensor's memory, and the
/// backward pass reads it: that is cheaper than drawing the numbers again, and backward needs no
/// random source.
package enum Dropout {
  private static var kernels: any RandomKernels.Type { Kernels.active.vector.random }

  /// How many 4-byte words the mask of `count` elements takes.
  package static func maskCount(_ count: Int) -> Int {
    count <= 0 ? 0 : (count - 1) / 32 + 1
  }

  /// output = input / (1 - probability) where the element is kept, and 0 elsewhere.
  ///
  /// - Parameters:
  ///   - probability: The share that is dropped, in [0, 1); from 1 on everything is dropped.
  ///   - mask: `maskCount(count)` words that receive the bits; they are not floats, so copy them as
  ///     bytes only.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    mask: UnsafeMutablePointer<Float>, count: Int, probability: Float, key: PhiloxKey, slots: Int
  ) {
    let threshold = UInt32(exactly: (min(max(probability, 0), 1) * 0x1p24).rounded(.up)) ?? 0
    let scale = scale(probability)
    let words = UnsafeMutableRawPointer(mask).assumingMemoryBound(to: UInt32.self)
    ThreadPool.parallelRanges(count: count, grain: Grain.arithmetic, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.dropout(
        key, UInt64(start / 32), range.count, threshold, scale, input + start, output + start,
        words + start / 32)
    }
  }

  /// gradInput = gradOutput / (1 - probability) where the element was kept, and 0 elsewhere;
  /// overwrites, and may work in place.
  package static func backward(
    gradOutput: UnsafePointer<Float>, mask: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, count: Int, probability: Float, slots: Int
  ) {
    let scale = scale(probability)
    let words = UnsafeRawPointer(mask).assumingMemoryBound(to: UInt32.self)
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.applyMask(
        words + start / 32, range.count, scale, gradOutput + start, gradInput + start)
    }
  }

  private static func scale(_ probability: Float) -> Float {
    probability < 1 ? 1 / (1 - max(probability, 0)) : 0
  }
}
