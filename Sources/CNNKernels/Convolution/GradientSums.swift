import CNNKernelTypes

/// A sum over a batch that is cut into parts, so that threads can work on them side by side.
///
/// The number of parts follows from sizes, and parts are added up in order: same bits for any
/// number of threads.
enum GradientSums {
  /// The most parts of any sum.
  static let maximumParts = 16

  /// Returns where the part `index` of `parts` begins, when `count` is cut as evenly as possible.
  static func start(of index: Int, parts: Int, count: Int) -> Int {
    count / parts * index + min(index, count % parts)
  }

  /// Adds `count` sums, which lie `stride` apart, to `target`.
  static func add(
    _ sums: UnsafePointer<Float>, count: Int, stride: Int, to target: UnsafeMutablePointer<Float>,
    length: Int, slots: Int, kernels: KernelTable
  ) {
    let add = kernels.convolution.add
    ThreadPool.parallelRanges(count: length, grain: 1 << 14, slots: slots) { range, _ in
      var index = 0
      while index < count {
        add(sums + index * stride + range.lowerBound, target + range.lowerBound, range.count)
        index += 1
      }
    }
  }
}
