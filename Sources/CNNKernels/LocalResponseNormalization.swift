/// Local response normalisation across channels.
///
/// Krizhevsky, Sutskever, Hinton (2012), with alpha divided by the size as in PyTorch:
/// denominator = k + alpha / size · Σ input² over the `size` channels from c - size / 2 on;
/// output = input · denominator^-beta. Channels outside count as 0. The backward pass computes the
/// denominators again, so nothing has to be kept but the input. Both passes may work in place.
package enum LocalResponseNormalization {
  private static var kernels: any NormalizationKernels.Type { Kernels.active.vector.normalization }

  /// How many floats of scratch memory `forward` and `backward` need; nil if that is too much.
  package static func scratchCount(
    channels: Int, attributes: ResponseAttributes, slots: Int
  ) -> Int? {
    let (count, overflow) = (3 * attributes.rowCount(channels: channels))
      .multipliedReportingOverflow(by: slots)
    return overflow ? nil : count
  }

  /// Normalises [pixels, channels], pixels = N · H · W.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, pixels: Int,
    channels: Int, attributes: ResponseAttributes, scratch: UnsafeMutablePointer<Float>,
    slots: Int
  ) {
    let grain = Grain.rows(Grain.arithmetic, columns: channels)
    let row = attributes.rowCount(channels: channels)
    ThreadPool.parallelRanges(count: pixels, grain: grain, slots: slots) { range, slot in
      let start = range.lowerBound * channels
      kernels.responseForward(
        input + start, output + start, scratch + 3 * slot * row, range.count, channels, attributes)
    }
  }

  /// gradInput = gradOutput · denominator^-beta - 2 · alpha · beta / size · input · Σ gradOutput ·
  /// output / denominator, the sum over the channels whose windows contain this one.
  package static func backward(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, pixels: Int, channels: Int,
    attributes: ResponseAttributes, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let grain = Grain.rows(Grain.arithmetic, columns: channels)
    let row = attributes.rowCount(channels: channels)
    ThreadPool.parallelRanges(count: pixels, grain: grain, slots: slots) { range, slot in
      let start = range.lowerBound * channels
      kernels.responseBackward(
        input + start, gradOutput + start, gradInput + start, scratch + 3 * slot * row,
        range.count, channels, attributes)
    }
  }
}
