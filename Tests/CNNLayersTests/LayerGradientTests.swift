import CNNLayerKit
import Testing

@Suite struct LayerGradientTests {
  @Test(arguments: LayerCases.all)
  func gradientsMatchCentredDifferences(_ layerCase: LayerCase) throws {
    try checkGradients(layerCase)
  }

  /// The check itself must be able to fail.
  @Test(arguments: [-1, 1.02, 0] as [Float])
  func wrongGradientsAreCaught(_ factor: Float) throws {
    let layer = WronglyScaled(factor: factor)
    let harness = try LayerHarness(layer, inputs: [[6]], batch: 2)
    try harness.forward(.training)
    try harness.backward()
    withKnownIssue {
      try compareGradients(
        harness, "input", harness.inputs[0], harness.inputGradients[0], LayerCase("wrong", [:], [6])
      )
    }
  }
}

/// Three times the input, with a gradient that is wrong by a factor.
private struct WronglyScaled: Layer {
  let factor: Float
  var outputs: [OutputDeclaration] {
    (try? Shape([6])).map { [OutputDeclaration(shape: $0)] } ?? []
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    for i in 0..<call.outputs[0].count { call.outputs[0][i] = 3 * call.inputs[0][i] }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    for i in 0..<call.inputGradients[0].count {
      call.inputGradients[0][i] = 3 * factor * call.outputGradients[0][i]
    }
  }
}
