import CNNKernelTypes
import Glibc

/// Transposed convolution: the input gradient of an ordinary convolution, taken as a layer.
///
/// `geometry` is that ordinary convolution: its input is this layer's output, its output this
/// layer's input. The weight is `[inputs' channels, kernelHeight, kernelWidth, outputs' channels /
/// groups]`. Scratch memory and promises are those of `Convolution`.
package enum TransposedConvolution {
  /// Returns the number of floats that a call needs as scratch memory, or nil if no memory could
  /// hold them or the geometry is not valid.
  package static func scratchCount(
    _ geometry: ConvolutionGeometry, batch: Int, pass: ConvolutionPass, slots: Int,
    algorithm: ConvolutionAlgorithm? = nil
  ) -> Int? {
    let twin: ConvolutionPass =
      switch pass {
      case .forward: .backwardData
      case .backwardData: .forward
      case .backwardWeights: .backwardWeights
      }
    let own = Convolution.scratchCount(
      geometry, batch: batch, pass: twin, slots: slots, algorithm: algorithm)
    guard let own else { return nil }
    guard pass == .backwardWeights else { return own }
    return product(max(own, ChannelSums.scratchCount(channels: geometry.inputChannels)))
  }

  /// Computes `output = epilogue(transposed convolution of input with weight)`.
  package static func forward(
    _ geometry: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    weight: UnsafePointer<Float>, epilogue: ConvolutionEpilogue = ConvolutionEpilogue(),
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int,
    algorithm: ConvolutionAlgorithm? = nil
  ) {
    Convolution.backwardData(
      geometry, batch: batch, gradOutput: input, weight: weight, gradInput: output,
      scratch: scratch, slots: slots, algorithm: algorithm)
    epilogue.apply(
      to: output, rows: batch * geometry.inputHeight * geometry.inputWidth,
      channels: geometry.inputChannels, slots: slots)
  }

  /// Computes the gradient of the input; `gradInput` is overwritten.
  package static func backwardData(
    _ geometry: ConvolutionGeometry, batch: Int, gradOutput: UnsafePointer<Float>,
    weight: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, slots: Int, algorithm: ConvolutionAlgorithm? = nil
  ) {
    Convolution.forward(
      geometry, batch: batch, input: gradOutput, weight: weight, output: gradInput,
      scratch: scratch, slots: slots, algorithm: algorithm)
  }

  /// Adds the gradients of the weight and, where wanted, of the bias.
  package static func backwardWeights(
    _ geometry: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    gradOutput: UnsafePointer<Float>, gradWeight: UnsafeMutablePointer<Float>,
    gradBias: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>, slots: Int,
    algorithm: ConvolutionAlgorithm? = nil
  ) {
    Convolution.backwardWeights(
      geometry, batch: batch, input: gradOutput, gradOutput: input, gradWeight: gradWeight,
      gradBias: nil, scratch: scratch, slots: slots, algorithm: algorithm)
    if let gradBias {
      ChannelSums.add(
        gradOutput, rows: batch * geometry.inputHeight * geometry.inputWidth,
        channels: geometry.inputChannels, to: gradBias, scratch: scratch, slots: slots)
    }
  }
}
