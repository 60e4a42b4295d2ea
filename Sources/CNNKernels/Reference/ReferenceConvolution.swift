/// Plain loops that say what `Convolution` computes; for tests.
package enum ReferenceConvolution {
  /// Calls `body` with the indices of input, weight and output of every product.
  private static func forEachProduct(
    _ g: ConvolutionGeometry, batch: Int,
    _ body: (_ input: Int, _ weight: Int, _ output: Int) -> Void
  ) {
    let groupInputs = g.inputChannels / g.groups
    let groupOutputs = g.outputChannels / g.groups
    for n in 0..<batch {
      for oh in 0..<g.outputHeight {
        for ow in 0..<g.outputWidth {
          for oc in 0..<g.outputChannels {
            let output =
              ((n * g.outputHeight + oh) * g.outputWidth + ow) * g.outputChannels + oc
            for kh in 0..<g.kernelHeight {
              for kw in 0..<g.kernelWidth {
                let ih = oh * g.strideHeight + kh * g.dilationHeight - g.padTop
                let iw = ow * g.strideWidth + kw * g.dilationWidth - g.padLeft
                guard (0..<g.inputHeight).contains(ih), (0..<g.inputWidth).contains(iw) else {
                  continue
                }
                for c in 0..<groupInputs {
                  let ic = oc / groupOutputs * groupInputs + c
                  let input = ((n * g.inputHeight + ih) * g.inputWidth + iw) * g.inputChannels + ic
                  let weight = ((oc * g.kernelHeight + kh) * g.kernelWidth + kw) * groupInputs + c
                  body(input, weight, output)
                }
              }
            }
          }
        }
      }
    }
  }

  /// Returns the output of the convolution, with scale, shift, addend and activation.
  package static func forward(
    _ g: ConvolutionGeometry, batch: Int, input: [Float], weight: [Float], scale: [Float]? = nil,
    shift: [Float]? = nil, addend: [Float]? = nil,
    activation: ConvolutionEpilogue.Activation = .none
  ) -> [Float] {
    var sums = [Double](
      repeating: 0, count: batch * g.outputHeight * g.outputWidth * g.outputChannels)
    forEachProduct(g, batch: batch) { i, w, o in sums[o] += Double(input[i]) * Double(weight[w]) }
    return sums.indices.map { index in
      let channel = index % g.outputChannels
      let affine = sums[index] * Double(scale?[channel] ?? 1) + Double(shift?[channel] ?? 0)
      let x = affine + Double(addend?[index] ?? 0)
      switch activation {
      case .none: return Float(x)
      case .relu: return Float(max(x, 0))
      case .leakyRelu(let slope): return Float(x < 0 ? x * Double(slope) : x)
      }
    }
  }

  /// Returns the gradient of the input.
  package static func backwardData(
    _ g: ConvolutionGeometry, batch: Int, gradOutput: [Float], weight: [Float]
  ) -> [Float] {
    var sums = [Double](
      repeating: 0, count: batch * g.inputHeight * g.inputWidth * g.inputChannels)
    forEachProduct(g, batch: batch) { i, w, o in
      sums[i] += Double(gradOutput[o]) * Double(weight[w])
    }
    return sums.map { Float($0) }
  }

  /// Returns the gradients of weight and bias.
  package static func backwardWeights(
    _ g: ConvolutionGeometry, batch: Int, input: [Float], gradOutput: [Float]
  ) -> (weight: [Float], bias: [Float]) {
    var sums = [Double](
      repeating: 0,
      count: g.outputChannels * g.kernelHeight * g.kernelWidth * g.inputChannels / g.groups)
    forEachProduct(g, batch: batch) { i, w, o in
      sums[w] += Double(gradOutput[o]) * Double(input[i])
    }
    var bias = [Double](repeating: 0, count: g.outputChannels)
    for index in gradOutput.indices { bias[index % g.outputChannels] += Double(gradOutput[index]) }
    return (sums.map { Float($0) }, bias.map { Float($0) })
  }
}
