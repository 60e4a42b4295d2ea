/// Local response normalisation across channels.
///
/// Krizhevsky, Sutskever, Hinton (2012), with alpha divided by the size as in PyTorch:
/// denominator = k + alpha / size · Σ input² over the `size` channels from c - size / 2 on;
/// output = input · denominator^-beta. Channels outside count as 0.
package enum LocalResponseNormalization {
  private static var kernels: any NormalizationKernels.Type { Kernels.active.vector.normalization }

  /// Normalises [pixels, channels], pixels = N · H · W.
  ///
  /// - Parameters:
  ///   - output: Not the input.
  ///   - denominator: [pixels, channels], written for backward.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    denominator: UnsafeMutablePointer<Float>, pixels: Int, channels: Int,
    attributes: ResponseAttributes, slots: Int
  ) {
    let grain = Grain.rows(Grain.arithmetic, columns: channels)
    ThreadPool.parallelRanges(count: pixels, grain: grain, slots: slots) { range, _ in
      let start = range.lowerBound * channels
      kernels.responseForward(
        input + start, output + start, denominator + start, range.count, channels, attributes)
    }
  }

  /// gradInput = gradOutput · denominator^-beta - 2 · alpha · beta / size · input · Σ gradOutput ·
  /// output / denominator, the sum over the channels whose windows contain this one.
  ///
  /// `gradInput` is overwritten, and none of the other arrays.
  package static func backward(
    input: UnsafePointer<Float>, output: UnsafePointer<Float>, denominator: UnsafePointer<Float>,
    gradOutput: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>, pixels: Int,
    channels: Int, attributes: ResponseAttributes, slots: Int
  ) {
    let grain = Grain.rows(Grain.arithmetic, columns: channels)
    ThreadPool.parallelRanges(count: pixels, grain: grain, slots: slots) { range, _ in
      let start = range.lowerBound * channels
      kernels.responseBackward(
        input + start, output + start, denominator + start, gradOutput + start,
        gradInput + start, range.count, channels, attributes)
    }
  }
}
