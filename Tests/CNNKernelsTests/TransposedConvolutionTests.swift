import CNNKernels
import Testing

/// A transposed convolution is the input gradient of an ordinary one, so each case is read backwards.
@Suite struct TransposedConvolutionTests {
  @Test(arguments: ConvolutionCase.all) func forwardMatchesReference(test: ConvolutionCase) {
    let g = test.geometry
    let bias = testNumbers(g.inputChannels, seed: 7)
    let sums = ReferenceConvolution.backwardData(
      g, batch: test.batch, gradOutput: test.gradOutput, weight: test.weight)
    let expected = sums.indices.map { max(sums[$0] + bias[$0 % g.inputChannels], 0) }
    var output = [Float](repeating: .nan, count: test.inputCount)
    let count = TransposedConvolution.scratchCount(g, batch: test.batch, pass: .forward, slots: 2)
    withScratch(count) { scratch in
      bias.withUnsafeBufferPointer { bias in
        TransposedConvolution.forward(
          g, batch: test.batch, input: test.gradOutput, weight: test.weight,
          epilogue: ConvolutionEpilogue(shift: bias.baseAddress, activation: .relu),
          output: &output, scratch: scratch, slots: 2)
      }
    }
    #expect(relativeError(output, expected) < test.tolerance(nil, .backwardData))
  }

  @Test(arguments: ConvolutionCase.all) func backwardDataMatchesReference(test: ConvolutionCase) {
    let g = test.geometry
    let expected = ReferenceConvolution.forward(
      g, batch: test.batch, input: test.input, weight: test.weight)
    var gradInput = [Float](repeating: .nan, count: test.outputCount)
    let count = TransposedConvolution.scratchCount(
      g, batch: test.batch, pass: .backwardData, slots: 2)
    withScratch(count) {
      TransposedConvolution.backwardData(
        g, batch: test.batch, gradOutput: test.input, weight: test.weight, gradInput: &gradInput,
        scratch: $0, slots: 2)
    }
    #expect(relativeError(gradInput, expected) < test.tolerance(nil, .forward))
  }

  @Test(arguments: ConvolutionCase.all) func backwardWeightsMatchesReference(test: ConvolutionCase)
  {
    let g = test.geometry
    let expected = ReferenceConvolution.backwardWeights(
      g, batch: test.batch, input: test.input, gradOutput: test.gradOutput)
    var expectedBias = [Float](repeating: 1, count: g.inputChannels)
    for (index, value) in test.input.enumerated() { expectedBias[index % g.inputChannels] += value }
    var weight = [Float](repeating: 0, count: test.weightCount)
    var bias = [Float](repeating: 1, count: g.inputChannels)
    let count = TransposedConvolution.scratchCount(
      g, batch: test.batch, pass: .backwardWeights, slots: 2)
    withScratch(count) {
      TransposedConvolution.backwardWeights(
        g, batch: test.batch, input: test.gradOutput, gradOutput: test.input, gradWeight: &weight,
        gradBias: &bias, scratch: $0, slots: 2)
    }
    #expect(relativeError(weight, expected.weight) < 2 * test.tolerance(nil, .backwardWeights))
    #expect(relativeError(bias, expectedBias) < 1e-5)
  }

  /// The worked example in one dimension: [a, b] with [x, y, z] and stride 2.
  @Test func workedExample() {
    let (a, b, x, y, z): (Float, Float, Float, Float, Float) = (2, 3, 5, 7, 11)
    let geometry = ConvolutionGeometry(
      inputHeight: 1, inputWidth: 5, inputChannels: 1, outputHeight: 1, outputWidth: 2,
      outputChannels: 1, kernelHeight: 1, kernelWidth: 3, strideWidth: 2)
    var output = [Float](repeating: .nan, count: 5)
    withScratch(
      TransposedConvolution.scratchCount(geometry, batch: 1, pass: .forward, slots: 1)
    ) {
      TransposedConvolution.forward(
        geometry, batch: 1, input: [a, b], weight: [x, y, z], output: &output, scratch: $0,
        slots: 1)
    }
    #expect(output == [a * x, a * y, a * z + b * x, b * y, b * z])
  }

  /// Two windows of a row of numbers, worked out by hand: products, not flipped, zeros outside.
  @Test func convolutionDoesNotFlipTheKernel() {
    let geometry = ConvolutionGeometry(
      inputHeight: 1, inputWidth: 3, inputChannels: 1, outputHeight: 1, outputWidth: 3,
      outputChannels: 1, kernelHeight: 1, kernelWidth: 2, padLeft: 1)
    for algorithm in [ConvolutionAlgorithm.im2row, .direct] {
      var output = [Float](repeating: .nan, count: 3)
      withScratch(
        Convolution.scratchCount(
          geometry, batch: 1, pass: .forward, slots: 1, algorithm: algorithm)
      ) {
        Convolution.forward(
          geometry, batch: 1, input: [2, 3, 5], weight: [10, 100], output: &output, scratch: $0,
          slots: 1, algorithm: algorithm)
      }
      #expect(output == [200, 320, 530])
    }
  }
}
