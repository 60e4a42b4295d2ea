import Glibc

/// Arithmetic on arrays, element by element.
///
/// Outputs may be the same memory as inputs. Nothing happens for counts below 1.
package enum Elementwise {
  private static var kernels: any ElementwiseKernels.Type { Kernels.active.vector.elementwise }

  /// y = value.
  package static func fill(
    _ y: UnsafeMutablePointer<Float>, count: Int, value: Float, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      kernels.fill(y + range.lowerBound, range.count, value)
    }
  }

  /// y = x; the two must be the same memory or apart.
  package static func copy(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    if x == UnsafePointer(y) { return }
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      memcpy(y + range.lowerBound, x + range.lowerBound, range.count * 4)
    }
  }

  /// y = a + b.
  package static func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.add(a + start, b + start, y + start, range.count)
    }
  }

  /// y = max(a + b, 0); NaN stays NaN.
  package static func addRectified(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.addRectified(a + start, b + start, y + start, range.count)
    }
  }

  /// y += x.
  package static func accumulate(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    add(x, y, y, count: count, slots: slots)
  }

  /// y += factor · x.
  package static func axpy(
    _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int,
    slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      kernels.axpy(factor, x + range.lowerBound, y + range.lowerBound, range.count)
    }
  }

  /// y = a + weight · (b - a).
  package static func blend(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, weight: Float,
    _ y: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.blend(a + start, b + start, weight, y + start, range.count)
    }
  }

  /// Lets x and y change places.
  package static func exchange(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      for index in range {
        let kept = x[index]
        x[index] = y[index]
        y[index] = kept
      }
    }
  }

  /// y = factor · x.
  package static func scale(
    _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int,
    slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      kernels.scale(factor, x + range.lowerBound, y + range.lowerBound, range.count)
    }
  }

  /// y = a · b.
  package static func multiply(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.multiply(a + start, b + start, y + start, range.count)
    }
  }

  /// y += a · b, for the gradients of products.
  package static func multiplyAccumulate(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.multiplyAccumulate(a + start, b + start, y + start, range.count)
    }
  }
}
