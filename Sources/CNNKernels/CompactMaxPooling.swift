/// Max pooling for training, which remembers a byte for each output: the cell of the window that the
/// largest element was in.
///
/// Arrays are [batch, height, width, channels]; see `PoolingGeometry`. Forward may rectify as well:
/// the largest of rectified elements is the rectified largest element, and where that is not
/// positive no gradient flows, so neither the rectifier's output nor a mask has to be kept.
package enum CompactMaxPooling {
  private static var kernels: any PoolingKernels.Type { Kernels.active.vector.pooling }

  /// Whether a byte can say which cell of a window it is.
  package static func fits(_ geometry: PoolingGeometry) -> Bool {
    let (cells, overflow) = geometry.kernelHeight.multipliedReportingOverflow(
      by: geometry.kernelWidth)
    return !overflow && cells <= 255
  }

  /// How many floats the memory for `count` bytes takes.
  package static func cacheCount(_ count: Int) -> Int { count / 4 + 1 }

  /// output = the largest element of each window, and max(that, 0) if `rectifies`.
  ///
  /// Padding never wins, the first of equals does, and NaN wins over all. A window that lies in the
  /// padding altogether gives 0.
  /// - Parameter cells: Receives a byte for each output, as far as `cacheCount` goes.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    cells: UnsafeMutablePointer<Float>, rectifies: Bool, geometry g: PoolingGeometry, slots: Int
  ) {
    guard g.batch > 0, g.outputHeight > 0, g.outputWidth > 0, g.channels > 0 else { return }
    let bytes = UnsafeMutableRawPointer(cells).assumingMemoryBound(to: UInt8.self)
    let window = g.kernelHeight * g.kernelWidth
    let grain = Grain.rows(Grain.memory, columns: g.outputWidth * g.channels * window)
    ThreadPool.parallelRanges(count: g.batch * g.outputHeight, grain: grain, slots: slots) {
      range, _ in
      for index in range {
        let (sample, row) = index.quotientAndRemainder(dividingBy: g.outputHeight)
        let target = sample * g.outputHeight * g.outputWidth * g.channels
        kernels.maxCellsRow(
          input + sample * g.inputHeight * g.inputWidth * g.channels, output + target,
          bytes + target, row, rectifies, g)
      }
    }
  }

  /// Gives each element that won the gradients of its windows, in their order; `gradInput` is
  /// overwritten.
  package static func backward(
    gradOutput: UnsafePointer<Float>, cells: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, geometry g: PoolingGeometry, slots: Int
  ) {
    guard g.batch > 0, g.inputHeight > 0, g.inputWidth > 0, g.channels > 0 else { return }
    let bytes = UnsafeRawPointer(cells).assumingMemoryBound(to: UInt8.self)
    let grain = Grain.rows(Grain.memory, columns: g.inputWidth * g.channels)
    ThreadPool.parallelRanges(count: g.batch * g.inputHeight, grain: grain, slots: slots) {
      range, _ in
      for index in range {
        let (sample, row) = index.quotientAndRemainder(dividingBy: g.inputHeight)
        let source = sample * g.outputHeight * g.outputWidth * g.channels
        kernels.maxCellsRowBackward(
          gradOutput + source, bytes + source,
          gradInput + sample * g.inputHeight * g.inputWidth * g.channels, row, g)
      }
    }
  }
}
