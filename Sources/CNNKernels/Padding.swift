import Glibc

/// What lies around a padded plane.
package enum PaddingMode: Hashable, Sendable {
  /// One number.
  case constant(Float)
  /// The plane mirrored at its outermost pixels, which are not repeated.
  case reflect
  /// The outermost pixels repeated.
  case replicate
}

/// The sizes of a padding: [batch, inputHeight, inputWidth, channels] to
/// [batch, top + inputHeight + bottom, left + inputWidth + right, channels].
///
/// Negative amounts cut off.
package struct PaddingGeometry: Hashable, Sendable {
  /// Samples.
  package var batch: Int
  /// Rows of the input.
  package var inputHeight: Int
  /// Columns of the input.
  package var inputWidth: Int
  /// Channels.
  package var channels: Int
  /// Rows added above.
  package var top: Int
  /// Rows added below.
  package var bottom: Int
  /// Columns added at the left.
  package var left: Int
  /// Columns added at the right.
  package var right: Int

  /// Creates a geometry from validated sizes.
  package init(
    batch: Int, inputHeight: Int, inputWidth: Int, channels: Int, top: Int, bottom: Int,
    left: Int, right: Int
  ) {
    self.batch = batch
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.channels = channels
    self.top = top
    self.bottom = bottom
    self.left = left
    self.right = right
  }

  /// Rows of the output.
  package var outputHeight: Int { inputHeight + top + bottom }
  /// Columns of the output.
  package var outputWidth: Int { inputWidth + left + right }
}

/// Padding of planes.
package enum Padding {
  /// Writes the padded planes.
  ///
  /// Reflection needs amounts below the input's size; what lies further out repeats the edge.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, mode: PaddingMode,
    geometry g: PaddingGeometry, slots: Int
  ) {
    let height = g.outputHeight
    let width = g.outputWidth
    guard g.batch > 0, g.channels > 0, height > 0, width > 0 else { return }
    let kernels = Kernels.active.vector.elementwise
    let grain = Grain.rows(Grain.memory, columns: width * g.channels)
    ThreadPool.parallelRanges(count: g.batch * height, grain: grain, slots: slots) { range, _ in
      for index in range {
        let (sample, row) = index.quotientAndRemainder(dividingBy: height)
        let target = output + index * width * g.channels
        let value: Float = if case .constant(let number) = mode { number } else { 0 }
        guard let y = origin(row - g.top, g.inputHeight, mode) else {
          kernels.fill(target, width * g.channels, value)
          continue
        }
        let line = input + (sample * g.inputHeight + y) * g.inputWidth * g.channels
        let inside = insideColumns(g)
        for column in 0..<width where !inside.contains(column) {
          let pixel = target + column * g.channels
          if let x = origin(column - g.left, g.inputWidth, mode) {
            memcpy(pixel, line + x * g.channels, g.channels * 4)
          } else {
            kernels.fill(pixel, g.channels, value)
          }
        }
        memcpy(
          target + inside.lowerBound * g.channels,
          line + (inside.lowerBound - g.left) * g.channels, inside.count * g.channels * 4)
      }
    }
  }

  /// Adds the gradients of every pixel and its copies; `gradInput` is overwritten.
  package static func backward(
    gradOutput: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>, mode: PaddingMode,
    geometry g: PaddingGeometry, slots: Int
  ) {
    let kernels = Kernels.active.vector.elementwise
    PlaneBlocks.forEach(batch: g.batch, channels: g.channels, slots: slots) {
      sample, first, channels in
      let plane = gradInput + sample * g.inputHeight * g.inputWidth * g.channels + first
      PlaneBlocks.zero(
        plane, pixels: g.inputHeight * g.inputWidth, channels: channels, pitch: g.channels)
      for row in 0..<max(g.outputHeight, 0) {
        guard let y = origin(row - g.top, g.inputHeight, mode) else { continue }
        let line = plane + y * g.inputWidth * g.channels
        let gradient =
          gradOutput + (sample * g.outputHeight + row) * g.outputWidth * g.channels + first
        for column in 0..<max(g.outputWidth, 0) {
          guard let x = origin(column - g.left, g.inputWidth, mode) else { continue }
          let pixel = line + x * g.channels
          kernels.add(pixel, gradient + column * g.channels, pixel, channels)
        }
      }
    }
  }

  /// The output columns that show input columns directly.
  private static func insideColumns(_ g: PaddingGeometry) -> Range<Int> {
    let first = min(max(g.left, 0), g.outputWidth)
    return first..<max(first, min(g.left + g.inputWidth, g.outputWidth))
  }

  /// The input coordinate that an output shows, or nil for a constant.
  private static func origin(_ index: Int, _ size: Int, _ mode: PaddingMode) -> Int? {
    if index >= 0, index < size { return index }
    guard size > 0 else { return nil }
    switch mode {
    case .constant: return nil
    case .replicate: return index < 0 ? 0 : size - 1
    case .reflect:
      let mirrored = index < 0 ? -index : 2 * (size - 1) - index
      return min(max(mirrored, 0), size - 1)
    }
  }
}
