/// The mean of each plane: [batch, pixels, channels] to [batch, channels].
package enum GlobalAveragePooling {
  /// output = the mean over the pixels of each sample and channel.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, batch: Int,
    pixels: Int, channels: Int, slots: Int
  ) {
    guard pixels > 0 else { return }
    let vector = Kernels.active.vector
    forEachBlock(batch, pixels, channels, slots) { sample, first, width in
      let target = output + sample * channels + first
      vector.rows.columnSums(
        input + sample * pixels * channels + first, channels, pixels, width, target)
      vector.elementwise.scale(1 / Float(pixels), target, target, width)
    }
  }

  /// gradInput = gradOutput / pixels for every pixel; overwritten.
  package static func backward(
    gradOutput: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>, batch: Int,
    pixels: Int, channels: Int, slots: Int
  ) {
    guard pixels > 0 else { return }
    let kernels = Kernels.active.vector.elementwise
    forEachBlock(batch, pixels, channels, slots) { sample, first, width in
      let source = gradOutput + sample * channels + first
      var target = gradInput + sample * pixels * channels + first
      for _ in 0..<pixels {
        kernels.scale(1 / Float(pixels), source, target, width)
        target += channels
      }
    }
  }

  private static func forEachBlock(
    _ batch: Int, _ pixels: Int, _ channels: Int, _ slots: Int,
    _ body: (_ sample: Int, _ first: Int, _ width: Int) -> Void
  ) {
    guard batch > 0, channels > 0 else { return }
    let width = 128
    let blocks = ThreadPool.chunkCount(of: channels, grain: width)
    let grain = Grain.rows(Grain.memory, columns: pixels * min(width, channels))
    ThreadPool.parallelRanges(count: batch * blocks, grain: grain, slots: slots) { range, _ in
      for index in range {
        let (sample, block) = index.quotientAndRemainder(dividingBy: blocks)
        body(sample, block * width, min(width, channels - block * width))
      }
    }
  }
}
