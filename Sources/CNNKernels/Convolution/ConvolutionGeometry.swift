/// The sizes of a two-dimensional convolution: one sample in, one sample out.
///
/// Layouts: input `[batch, inputHeight, inputWidth, inputChannels]`, output likewise, weight
/// `[outputChannels, kernelHeight, kernelWidth, inputChannels / groups]`. Bottom and right padding
/// follow from the output's size: whatever lies outside of the input counts as zero.
package struct ConvolutionGeometry: Sendable, Hashable {
  package var inputHeight: Int
  package var inputWidth: Int
  package var inputChannels: Int
  package var outputHeight: Int
  package var outputWidth: Int
  package var outputChannels: Int
  package var kernelHeight: Int
  package var kernelWidth: Int
  package var strideHeight: Int
  package var strideWidth: Int
  package var dilationHeight: Int
  package var dilationWidth: Int
  package var padTop: Int
  package var padLeft: Int
  package var groups: Int
  /// Whether every output number has to be a plain sum of products: no algorithm that saves
  /// multiplications at the price of rounding errors.
  package var isPrecise = false

  package init(
    inputHeight: Int, inputWidth: Int, inputChannels: Int, outputHeight: Int, outputWidth: Int,
    outputChannels: Int, kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1,
    strideWidth: Int = 1, dilationHeight: Int = 1, dilationWidth: Int = 1, padTop: Int = 0,
    padLeft: Int = 0, groups: Int = 1
  ) {
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputChannels = inputChannels
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
    self.outputChannels = outputChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideHeight = strideHeight
    self.strideWidth = strideWidth
    self.dilationHeight = dilationHeight
    self.dilationWidth = dilationWidth
    self.padTop = padTop
    self.padLeft = padLeft
    self.groups = groups
  }

  /// Whether the kernels may be called: sizes at least 1, channels that the groups divide, and no
  /// index that overflows.
  package var isValid: Bool {
    let sizes = [
      inputHeight, inputWidth, inputChannels, outputHeight, outputWidth, outputChannels,
      kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, groups,
    ]
    guard sizes.allSatisfy({ $0 >= 1 }), padTop >= 0, padLeft >= 0,
      inputChannels % groups == 0, outputChannels % groups == 0
    else { return false }
    return paddedHeight != nil && paddedWidth != nil && checkedPaddedCount != nil
      && product(inputHeight, inputWidth, inputChannels) != nil
      && product(outputHeight, outputWidth, outputChannels) != nil
      && product(outputChannels, kernelHeight, kernelWidth, inputChannels) != nil
      && product(outputHeight, outputWidth, kernelHeight, kernelWidth, inputChannels) != nil
  }

  var groupInputChannels: Int { inputChannels / groups }
  var groupOutputChannels: Int { outputChannels / groups }
  /// The number of output positions of a sample.
  var positions: Int { outputHeight * outputWidth }
  var inputCount: Int { inputHeight * inputWidth * inputChannels }
  var outputCount: Int { positions * outputChannels }
  /// The number of weights that meet in one output number.
  var depth: Int { kernelHeight * kernelWidth * groupInputChannels }
  var weightCount: Int { outputChannels * depth }
  /// Whether the output is a plain product of the input, as a matrix, with the weight.
  var isPointwise: Bool {
    kernelHeight == 1 && kernelWidth == 1 && strideHeight == 1 && strideWidth == 1 && padTop == 0
      && padLeft == 0 && groups == 1 && outputHeight == inputHeight && outputWidth == inputWidth
  }
  var isDepthwise: Bool { groups == inputChannels && groups > 1 }

  private var paddedHeight: Int? {
    span(outputHeight, strideHeight, kernelHeight, dilationHeight, inputHeight, padTop)
  }
  private var paddedWidth: Int? {
    span(outputWidth, strideWidth, kernelWidth, dilationWidth, inputWidth, padLeft)
  }
  private var checkedPaddedCount: Int? {
    guard let paddedHeight, let paddedWidth else { return nil }
    return product(paddedHeight, paddedWidth, inputChannels)
  }
}

/// Returns the extent that windows and the padded input reach along one axis.
private func span(
  _ output: Int, _ stride: Int, _ kernel: Int, _ dilation: Int, _ input: Int, _ padding: Int
) -> Int? {
  guard let steps = product(output - 1, stride), let reach = product(kernel - 1, dilation) else {
    return nil
  }
  let (sum, overflow) = steps.addingReportingOverflow(reach)
  let (extent, overflow2) = sum.addingReportingOverflow(1)
  let (padded, overflow3) = input.addingReportingOverflow(padding)
  return overflow || overflow2 || overflow3 ? nil : max(extent, padded)
}

/// Returns the product, or nil where it cannot be the number of floats in memory.
func product(_ factors: Int...) -> Int? {
  var result = 1
  for factor in factors {
    let (next, overflow) = result.multipliedReportingOverflow(by: factor)
    if overflow || next < 0 || next > Int.max / 64 { return nil }
    result = next
  }
  return result
}
