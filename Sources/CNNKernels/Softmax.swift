/// Softmax over the last axis of [rows, classes].
package enum Softmax {
  private static var kernels: any SoftmaxKernels.Type { Kernels.active.vector.softmax }

  /// output = exp(input - largest) / Σ exp(input - largest), row by row; may work in place.
  ///
  /// The largest element is subtracted first, so nothing overflows. A row that holds NaN or
  /// +infinity, or only -infinity, becomes NaN.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, rows: Int,
    classes: Int, slots: Int
  ) {
    let grain = Grain.rows(Grain.arithmetic, columns: classes)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      let start = range.lowerBound * classes
      kernels.forward(input + start, output + start, range.count, classes)
    }
  }

  /// gradInput = output · (gradOutput - Σ gradOutput · output), row by row; `gradInput` is
  /// overwritten and may be `gradOutput`.
  package static func backward(
    output: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, rows: Int, classes: Int, slots: Int
  ) {
    let grain = Grain.rows(Grain.memory, columns: classes)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      let start = range.lowerBound * classes
      kernels.backward(
        output + start, gradOutput + start, gradInput + start, range.count, classes)
    }
  }
}
