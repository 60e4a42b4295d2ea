/// Sums, largest values and searches over arrays, in a fixed order.
package enum Reduction {
  private static var kernels: any ReductionKernels.Type { Kernels.active.vector.reduction }

  /// Σ x.
  package static func sum(_ x: UnsafePointer<Float>, count: Int, slots: Int) -> Double {
    PartialSums.sum(count: count, grain: Grain.reduction(count), slots: slots) {
      kernels.sum(x + $0.lowerBound, $0.count)
    }
  }

  /// Σ x².
  package static func sumOfSquares(_ x: UnsafePointer<Float>, count: Int, slots: Int) -> Double {
    PartialSums.sum(count: count, grain: Grain.reduction(count), slots: slots) {
      kernels.sumOfSquares(x + $0.lowerBound, $0.count)
    }
  }

  /// Σ a · b.
  package static func dot(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, slots: Int
  ) -> Double {
    PartialSums.sum(count: count, grain: Grain.reduction(count), slots: slots) {
      kernels.dot(a + $0.lowerBound, b + $0.lowerBound, $0.count)
    }
  }

  /// The largest |x|, NaN if one is NaN, 0 of nothing.
  package static func maxAbs(_ x: UnsafePointer<Float>, count: Int, slots: Int) -> Float {
    let parts = PartialSums.collect(
      count: count, grain: Grain.reduction(count), slots: slots
    ) { Double(kernels.maxAbs(x + $0.lowerBound, $0.count)) }
    var best = 0.0
    for index in 0..<Grain.partialSums where !(parts[index] <= best) && best == best {
      best = parts[index]
    }
    return Float(best)
  }

  /// The index of the first infinity or NaN, or -1.
  package static func firstNonFiniteIndex(
    _ x: UnsafePointer<Float>, count: Int, slots: Int
  ) -> Int {
    // Indices are exact as doubles up to 2^53. Parts that were not needed hold 0 and are not read.
    let parts = PartialSums.collect(
      count: count, grain: Grain.reduction(count), slots: slots
    ) { range in
      let found = kernels.firstNonFinite(x + range.lowerBound, range.count)
      return found < 0 ? -1 : Double(range.lowerBound + found)
    }
    for index in 0..<ThreadPool.chunkCount(of: count, grain: Grain.reduction(count))
    where parts[index] >= 0 {
      return Int(exactly: parts[index]) ?? -1
    }
    return -1
  }

  /// indexes[row] = the index of the largest element of the row of [rows, columns].
  ///
  /// The first of equals; NaN is larger than everything, as in NumPy and PyTorch.
  package static func argmax(
    _ x: UnsafePointer<Float>, indexes: UnsafeMutablePointer<Int32>, rows: Int, columns: Int,
    slots: Int
  ) {
    let grain = Grain.rows(Grain.memory, columns: columns)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      let first = range.lowerBound
      kernels.argmax(x + first * columns, range.count, columns, indexes + first)
    }
  }
}

/// Partial results of a reduction, on the stack.
enum PartialSums {
  /// One result for each of at most 64 chunks, and 0 for the others.
  static func collect(
    count: Int, grain: Int, slots: Int, _ body: (Range<Int>) -> Double
  ) -> InlineArray<64, Double> {
    var parts = InlineArray<64, Double>(repeating: 0)
    withUnsafeMutablePointer(to: &parts) { pointer in
      let target = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Double.self)
      ThreadPool.parallelRanges(count: count, grain: grain, slots: slots) { range, _ in
        target[range.lowerBound / grain] = body(range)
      }
    }
    return parts
  }

  /// Σ of the results of all chunks, in order.
  static func sum(
    count: Int, grain: Int, slots: Int, _ body: (Range<Int>) -> Double
  ) -> Double {
    let parts = collect(count: count, grain: grain, slots: slots, body)
    var sum = 0.0
    for index in 0..<Grain.partialSums { sum += parts[index] }
    return sum
  }
}
