import Glibc

/// Pooling of windows, by their largest element or their mean.
///
/// Arrays are [batch, height, width, channels]; see `PoolingGeometry`. Outputs are apart from inputs.
package enum Pooling {
  private static var kernels: any PoolingKernels.Type { Kernels.active.vector.pooling }

  /// output = the largest element of each window.
  ///
  /// Padding never wins, the first of equals does, and NaN wins over all. A window that lies in the
  /// padding altogether gives 0 and the index -1.
  ///
  /// - Parameter indices: Receives, for each output, y · inputWidth + x of the element that won, as
  ///   a float, which is exact for planes of up to 2^24 pixels. Backward needs it.
  package static func maxForward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    indices: UnsafeMutablePointer<Float>?, geometry: PoolingGeometry, slots: Int
  ) {
    forEachRow(geometry, slots) { row, source, target in
      kernels.maxRow(
        input + source, output + target, indices.map { $0 + target }, row, geometry.channels,
        geometry)
    }
  }

  /// Adds each gradient to the element that won; `gradInput` is overwritten.
  ///
  /// Indices outside of their window are ignored.
  package static func maxBackward(
    gradOutput: UnsafePointer<Float>, indices: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, geometry: PoolingGeometry, slots: Int
  ) {
    forEachPlane(geometry, slots) { source, target, channels in
      zero(gradInput + target, geometry.inputHeight * geometry.inputWidth, channels, geometry)
      for row in 0..<max(geometry.outputHeight, 0) {
        kernels.maxRowBackward(
          gradOutput + source, indices + source, gradInput + target, row, channels, geometry)
      }
    }
  }

  /// output = the mean of each window.
  ///
  /// - Parameter countIncludePad: Whether cells of the padding count as zeros; otherwise they do not
  ///   count at all.
  package static func averageForward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, countIncludePad: Bool,
    geometry: PoolingGeometry, slots: Int
  ) {
    forEachRow(geometry, slots) { row, source, target in
      kernels.averageRow(
        input + source, output + target, row, geometry.channels, countIncludePad, geometry)
    }
  }

  /// Spreads each gradient evenly over its window; `gradInput` is overwritten.
  package static func averageBackward(
    gradOutput: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>,
    countIncludePad: Bool, geometry: PoolingGeometry, slots: Int
  ) {
    forEachPlane(geometry, slots) { source, target, channels in
      zero(gradInput + target, geometry.inputHeight * geometry.inputWidth, channels, geometry)
      for row in 0..<max(geometry.outputHeight, 0) {
        kernels.averageRowBackward(
          gradOutput + source, gradInput + target, row, channels, countIncludePad, geometry)
      }
    }
  }

  /// Calls `body` for each row of the output with the offsets of the sample's input and output.
  private static func forEachRow(
    _ g: PoolingGeometry, _ slots: Int, _ body: (_ row: Int, _ source: Int, _ target: Int) -> Void
  ) {
    guard g.batch > 0, g.outputHeight > 0, g.outputWidth > 0, g.channels > 0 else { return }
    let window = max(g.kernelHeight * g.kernelWidth, 1)
    let grain = Grain.rows(Grain.memory, columns: g.outputWidth * g.channels * window)
    ThreadPool.parallelRanges(count: g.batch * g.outputHeight, grain: grain, slots: slots) {
      range, _ in
      for index in range {
        let (sample, row) = index.quotientAndRemainder(dividingBy: g.outputHeight)
        body(
          row, sample * g.inputHeight * g.inputWidth * g.channels,
          sample * g.outputHeight * g.outputWidth * g.channels)
      }
    }
  }

  /// Calls `body` for blocks of channels of each sample, with the offsets of the block in the
  /// output and the input.
  ///
  /// Windows overlap, so a plane belongs to one thread.
  private static func forEachPlane(
    _ g: PoolingGeometry, _ slots: Int,
    _ body: (_ source: Int, _ target: Int, _ channels: Int) -> Void
  ) {
    PlaneBlocks.forEach(batch: g.batch, channels: g.channels, slots: slots) { sample, c, width in
      body(
        sample * g.outputHeight * g.outputWidth * g.channels + c,
        sample * g.inputHeight * g.inputWidth * g.channels + c, width)
    }
  }

  private static func zero(
    _ plane: UnsafeMutablePointer<Float>, _ pixels: Int, _ channels: Int, _ g: PoolingGeometry
  ) {
    PlaneBlocks.zero(plane, pixels: pixels, channels: channels, pitch: g.channels)
  }
}

/// Blocks of channels of samples, for passes that scatter into a plane.
enum PlaneBlocks {
  /// Calls `body` with a sample, the first channel of a block, and its number of channels.
  ///
  /// Batches of eight and more are cut into samples, smaller ones into blocks of 32 channels, too.
  static func forEach(
    batch: Int, channels: Int, slots: Int, _ body: (_ sample: Int, _ c: Int, _ width: Int) -> Void
  ) {
    guard batch > 0, channels > 0 else { return }
    let width = batch >= 8 ? channels : 32
    let blocks = ThreadPool.chunkCount(of: channels, grain: width)
    ThreadPool.parallelFor(chunks: batch * blocks, slots: slots) { chunk, _ in
      let (sample, block) = chunk.quotientAndRemainder(dividingBy: blocks)
      let first = block * width
      body(sample, first, min(width, channels - first))
    }
  }

  /// Writes zeros to a block of channels of `pixels` pixels, `pitch` apart.
  static func zero(
    _ plane: UnsafeMutablePointer<Float>, pixels: Int, channels: Int, pitch: Int
  ) {
    guard pixels > 0, channels > 0 else { return }
    if channels == pitch {
      memset(plane, 0, pixels * pitch * 4)
    } else {
      for pixel in 0..<pixels { memset(plane + pixel * pitch, 0, channels * 4) }
    }
  }
}
