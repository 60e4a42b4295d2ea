import CNNKernelTypes
import CNNKernels
import Testing

@Suite struct ConvolutionTests {
  private static func forward(
    _ test: ConvolutionCase, _ algorithm: ConvolutionAlgorithm?, slots: Int,
    kernels: KernelTable = Kernels.active,
    activation: ConvolutionEpilogue.Activation = .none, affine: Bool = false,
    addend: [Float]? = nil, inPlace: Bool = false
  ) -> [Float] {
    let scratch = Convolution.scratchCount(
      test.geometry, batch: test.batch, pass: .forward, slots: slots, algorithm: algorithm)
    var output = [Float](repeating: .nan, count: test.outputCount)
    if inPlace, let addend { output = addend }
    let (scale, shift) = (test.scale, test.shift)
    withScratch(scratch) { scratch in
      scale.withUnsafeBufferPointer { scale in
        shift.withUnsafeBufferPointer { shift in
          (addend ?? []).withUnsafeBufferPointer { separate in
            output.withUnsafeMutableBufferPointer { output in
              guard let target = output.baseAddress else { return }
              let terms = inPlace ? UnsafePointer(target) : separate.baseAddress
              Convolution.forward(
                test.geometry, batch: test.batch, input: test.input, weight: test.weight,
                epilogue: ConvolutionEpilogue(
                  scale: affine ? scale.baseAddress : nil, shift: affine ? shift.baseAddress : nil,
                  addend: addend == nil ? nil : terms, activation: activation),
                output: target, scratch: scratch, slots: slots, algorithm: algorithm,
                kernels: kernels)
            }
          }
        }
      }
    }
    return output
  }

  private static func backwardData(
    _ test: ConvolutionCase, _ algorithm: ConvolutionAlgorithm?, slots: Int,
    kernels: KernelTable = Kernels.active
  ) -> [Float] {
    let scratch = Convolution.scratchCount(
      test.geometry, batch: test.batch, pass: .backwardData, slots: slots, algorithm: algorithm)
    var gradInput = [Float](repeating: .nan, count: test.inputCount)
    withScratch(scratch) {
      Convolution.backwardData(
        test.geometry, batch: test.batch, gradOutput: test.gradOutput, weight: test.weight,
        gradInput: &gradInput, scratch: $0, slots: slots, algorithm: algorithm, kernels: kernels)
    }
    return gradInput
  }

  private static func backwardWeights(
    _ test: ConvolutionCase, _ algorithm: ConvolutionAlgorithm?, slots: Int,
    kernels: KernelTable = Kernels.active,
    bias wanted: Bool = true
  ) -> (weight: [Float], bias: [Float]) {
    let scratch = Convolution.scratchCount(
      test.geometry, batch: test.batch, pass: .backwardWeights, slots: slots, algorithm: algorithm)
    // Gradients are added to what is there.
    var weight = [Float](repeating: 1, count: test.weightCount)
    var bias = [Float](repeating: 2, count: test.geometry.outputChannels)
    withScratch(scratch) { scratch in
      bias.withUnsafeMutableBufferPointer { bias in
        Convolution.backwardWeights(
          test.geometry, batch: test.batch, input: test.input, gradOutput: test.gradOutput,
          gradWeight: &weight, gradBias: wanted ? bias.baseAddress : nil, scratch: scratch,
          slots: slots, algorithm: algorithm, kernels: kernels)
      }
    }
    return (weight.map { $0 - 1 }, bias.map { $0 - 2 })
  }

  /// The numbers of all three passes.
  static func everything(
    _ test: ConvolutionCase, _ algorithm: ConvolutionAlgorithm, slots: Int
  ) -> [Float] {
    let gradients = backwardWeights(test, algorithm, slots: slots)
    return forward(test, algorithm, slots: slots) + backwardData(test, algorithm, slots: slots)
      + gradients.weight + gradients.bias
  }

  @Test(arguments: ConvolutionCase.all) func forwardMatchesReference(test: ConvolutionCase) {
    let expected = ReferenceConvolution.forward(
      test.geometry, batch: test.batch, input: test.input, weight: test.weight)
    for algorithm in test.algorithms(.forward) {
      let error = relativeError(Self.forward(test, algorithm, slots: 2), expected)
      #expect(error < algorithm.tolerance, "\(algorithm)")
    }
    let error = relativeError(Self.forward(test, nil, slots: 1), expected)
    #expect(error < test.tolerance(nil, .forward))
  }

  @Test(arguments: ConvolutionCase.all) func epilogueMatchesReference(test: ConvolutionCase) {
    let activations: [ConvolutionEpilogue.Activation] = [.none, .relu, .leakyRelu(slope: 0.1)]
    for (index, activation) in activations.enumerated() {
      let affine = index != 1
      let expected = ReferenceConvolution.forward(
        test.geometry, batch: test.batch, input: test.input, weight: test.weight,
        scale: affine ? test.scale : nil, shift: affine ? test.shift : nil, activation: activation)
      for algorithm in test.algorithms(.forward) {
        let actual = Self.forward(test, algorithm, slots: 2, activation: activation, affine: affine)
        #expect(
          relativeError(actual, expected) < algorithm.tolerance, "\(algorithm) \(activation)")
      }
    }
  }

  /// Adding in the last pass is right, gives the bits of adding afterwards, and works in place.
  @Test(arguments: ConvolutionCase.all) func addendsMatchReference(test: ConvolutionCase) {
    let addend = testNumbers(test.outputCount, seed: 6)
    for (affine, activation) in [
      (true, ConvolutionEpilogue.Activation.none), (true, .relu), (false, .leakyRelu(slope: 0.1)),
    ] {
      let expected = ReferenceConvolution.forward(
        test.geometry, batch: test.batch, input: test.input, weight: test.weight,
        scale: affine ? test.scale : nil, shift: affine ? test.shift : nil, addend: addend,
        activation: activation)
      for algorithm in test.algorithms(.forward)
      where Convolution.takesAddend(test.geometry, algorithm: algorithm) {
        func forward(slots: Int, inPlace: Bool) -> [Float] {
          Self.forward(
            test, algorithm, slots: slots, activation: activation, affine: affine, addend: addend,
            inPlace: inPlace)
        }
        let actual = forward(slots: 2, inPlace: false)
        #expect(
          relativeError(actual, expected) < algorithm.tolerance, "\(algorithm) \(activation)")
        if activation == .none {
          let plain = Self.forward(test, algorithm, slots: 2, affine: affine)
          #expect(actual == zip(plain, addend).map { $0 + $1 }, "\(algorithm)")
        }
        for slots in [1, 3, 8] {
          #expect(forward(slots: slots, inPlace: true) == actual, "\(algorithm)")
        }
      }
    }
  }

  @Test(arguments: ConvolutionCase.all) func packedWeightGivesTheSameBits(test: ConvolutionCase) {
    let g = test.geometry
    for algorithm in test.algorithms(.forward) {
      let count = Convolution.packedWeightCount(g, algorithm: algorithm)
      guard count > 0 else { continue }
      let scratch = Convolution.scratchCount(
        g, batch: test.batch, pass: .forward, slots: 2, algorithm: algorithm, packed: true)
      var output = [Float](repeating: .nan, count: test.outputCount)
      withScratch(count) { packed in
        Convolution.packWeight(
          g, weight: test.weight, packed: packed, slots: 2, algorithm: algorithm)
        withScratch(scratch) {
          Convolution.forward(
            g, batch: test.batch, input: test.input, weight: test.weight,
            packedWeight: UnsafePointer(packed), output: &output, scratch: $0, slots: 2,
            algorithm: algorithm)
        }
      }
      #expect(output == Self.forward(test, algorithm, slots: 2), "\(algorithm)")
    }
  }

  @Test(arguments: ConvolutionCase.all) func backwardDataMatchesReference(test: ConvolutionCase) {
    let expected = ReferenceConvolution.backwardData(
      test.geometry, batch: test.batch, gradOutput: test.gradOutput, weight: test.weight)
    for algorithm in test.algorithms(.backwardData) {
      let error = relativeError(Self.backwardData(test, algorithm, slots: 2), expected)
      #expect(error < algorithm.tolerance, "\(algorithm)")
    }
    let error = relativeError(Self.backwardData(test, nil, slots: 1), expected)
    #expect(error < test.tolerance(nil, .backwardData))
  }

  @Test(arguments: ConvolutionCase.all) func backwardWeightsMatchesReference(test: ConvolutionCase)
  {
    let expected = ReferenceConvolution.backwardWeights(
      test.geometry, batch: test.batch, input: test.input, gradOutput: test.gradOutput)
    for algorithm in test.algorithms(.backwardWeights) + [
      Convolution.algorithm(for: test.geometry, pass: .backwardWeights)
    ] {
      let actual = Self.backwardWeights(test, algorithm, slots: 2)
      #expect(
        relativeError(actual.weight, expected.weight) < 2 * algorithm.tolerance, "\(algorithm)")
      #expect(relativeError(actual.bias, expected.bias) < 4e-6, "\(algorithm)")
      let withoutBias = Self.backwardWeights(test, algorithm, slots: 2, bias: false)
      #expect(withoutBias.weight == actual.weight)
      #expect(withoutBias.bias.allSatisfy { $0 == 0 })
    }
  }

  /// The kernels that run anywhere must be right on the machines where others are chosen, too.
  @Test(arguments: ConvolutionCase.all) func baselineMatchesTheChosenKernels(test: ConvolutionCase)
  {
    for algorithm in test.algorithms {
      let (kernels, other) = (Kernels.baseline, Kernels.active)
      do {
        #expect(
          relativeError(
            Self.forward(test, algorithm, slots: 2, kernels: kernels, affine: true),
            Self.forward(test, algorithm, slots: 2, kernels: other, affine: true))
            < 2 * test.tolerance(algorithm, .forward))
        #expect(
          relativeError(
            Self.backwardData(test, algorithm, slots: 2, kernels: kernels),
            Self.backwardData(test, algorithm, slots: 2, kernels: other))
            < 2 * test.tolerance(algorithm, .backwardData))
        let first = Self.backwardWeights(test, algorithm, slots: 2, kernels: kernels)
        let second = Self.backwardWeights(test, algorithm, slots: 2, kernels: other)
        let weightTolerance = 4 * test.tolerance(algorithm, .backwardWeights)
        #expect(relativeError(first.weight, second.weight) < weightTolerance)
        #expect(relativeError(first.bias, second.bias) < 8e-6)
      }
    }
  }

  @Test(arguments: ConvolutionCase.all) func samplesDoNotDependOnTheBatch(test: ConvolutionCase) {
    guard test.batch > 1 else { return }
    var single = test
    single.batch = 1
    for algorithm in test.algorithms(.forward) {
      let all = Self.forward(test, algorithm, slots: 2)
      #expect(Array(all.prefix(single.outputCount)) == Self.forward(single, algorithm, slots: 2))
    }
  }

  @Test func sizesThatNoMemoryHoldsHaveNoScratchCount() {
    let padded = ConvolutionCase(7, 7, 8, to: 12, kernel: (3, 3), padding: (1, 1, 1, 1))
    var geometry = padded.geometry
    #expect(Convolution.scratchCount(geometry, batch: 1, pass: .forward, slots: 1) != nil)
    #expect(Convolution.scratchCount(geometry, batch: .max, pass: .forward, slots: 1) == nil)
    #expect(Convolution.scratchCount(geometry, batch: 1, pass: .forward, slots: 0) == nil)
    #expect(Convolution.scratchCount(geometry, batch: 1, pass: .forward, slots: .max) == nil)
    geometry.groups = 3
    #expect(Convolution.scratchCount(geometry, batch: 1, pass: .forward, slots: 1) == nil)
    geometry.groups = 1
    for field: WritableKeyPath<ConvolutionGeometry, Int> in [
      \.inputHeight, \.inputChannels, \.outputWidth, \.outputChannels, \.kernelHeight,
      \.strideHeight, \.dilationWidth, \.padTop,
    ] {
      for value in [Int.min, -1, Int.max] {
        var broken = geometry
        broken[keyPath: field] = value
        for pass in ConvolutionPass.allCases {
          #expect(Convolution.scratchCount(broken, batch: 1, pass: pass, slots: 1) == nil)
        }
      }
    }
  }
}

extension ConvolutionAlgorithm {
  /// The largest error against sums in double precision, as a share of the largest number.
  ///
  /// For Winograd's tiles the promise is 1e-4 on any data; on the data of these tests it is less.
  var tolerance: Float {
    switch self {
    case .im2row, .pointwise, .depthwise, .direct: 3e-6
    case .winogradRows: 2e-5
    case .winograd6, .winograd8: 4e-5
    }
  }
}
