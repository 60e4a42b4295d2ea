import CNNLayerKit
import Testing

/// Compares the gradients of a layer with centred differences of a loss.
///
/// The loss is the sum of all outputs with fixed random weights, in Double, so `backward` starts
/// from those weights. An element counts as wrong if it is off by more than `tolerance` of the
/// larger of its own size and a typical gradient's; where two step sizes disagree, the function has
/// a kink and the element is skipped, which at most one in ten may be.
/// The first wrong element of an array is reported.
func checkGradients(
  _ layerCase: LayerCase, tolerance: Double = 4e-3, mostElements: Int = 160
) throws {
  let harness = try LayerHarness(layerCase)
  try harness.forward(.training)
  try harness.backward()
  for (index, input) in harness.inputs.enumerated()
  where harness.layer.isDifferentiable(input: index) {
    try compareGradients(
      harness, "input \(index)", input, harness.inputGradients[index], layerCase, tolerance,
      mostElements)
  }
  for (index, parameter) in harness.parameters.enumerated() {
    try compareGradients(
      harness, harness.layer.parameters[index].name, parameter, harness.parameterGradients[index],
      layerCase, tolerance, mostElements)
  }
}

/// Compares the gradient of one array.
func compareGradients(
  _ harness: LayerHarness, _ name: String, _ variable: GuardedBuffer, _ gradient: GuardedBuffer,
  _ layerCase: LayerCase, _ tolerance: Double = 4e-3, _ mostElements: Int = 160
) throws {
  let analytic = gradient.values
  let count = analytic.count
  let typical = analytic.map { Double(abs($0)) }.reduce(0, +) / Double(max(count, 1))
  let stride = max(1, count / mostElements)
  var (checked, skipped) = (0, 0)
  for i in Swift.stride(from: 0, to: count, by: stride) {
    let wide = try centredDifference(harness, variable, i, layerCase.step)
    let narrow = try centredDifference(harness, variable, i, layerCase.step / 2)
    checked += 1
    let scale = max(abs(wide), typical, 0.05)
    if abs(wide - narrow) > 3 * tolerance * scale {
      skipped += 1
      continue
    }
    // The error of a centred difference falls with the square of the step (Richardson 1911).
    let numerical = (4 * narrow - wide) / 3
    let actual = Double(analytic[i])
    guard abs(actual - numerical) <= tolerance * scale else {
      Issue.record(
        "\(layerCase.testDescription): gradient of \(name)[\(i)] is \(actual), expected \(numerical)"
      )
      return
    }
  }
  #expect(skipped * 10 <= checked, "\(skipped) of \(checked) elements of \(name) had a kink")
}

private func centredDifference(
  _ harness: LayerHarness, _ variable: GuardedBuffer, _ index: Int, _ step: Float
) throws -> Double {
  let value = variable.elements[index]
  defer { variable.elements[index] = value }
  let states = harness.states.map(\.values)
  defer { for (state, values) in zip(harness.states, states) { state.values = values } }
  // The distance that float32 arithmetic really moves.
  let (above, below) = (value + step, value - step)
  variable.elements[index] = above
  try harness.forward(.training)
  let high = harness.outputs.map(\.values)
  variable.elements[index] = below
  try harness.forward(.training)
  var difference: Double = 0
  for (o, output) in harness.outputs.enumerated() where harness.layer.outputs[o].isDifferentiable {
    for i in 0..<output.elements.count {
      difference +=
        Double(harness.outputGradients[o].elements[i])
        * (Double(high[o][i]) - Double(output.elements[i]))
    }
  }
  return difference / (Double(above) - Double(below))
}

/// Whether two arrays agree, with the largest distance in the message.
func expectClose(
  _ actual: [Float], _ expected: [Float], relative: Float = 1e-5, absolute: Float = 1e-6,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, "\(what)", sourceLocation: sourceLocation)
  guard actual.count == expected.count else { return }
  for i in 0..<actual.count
  where !(abs(actual[i] - expected[i]) <= absolute + relative * abs(expected[i])) {
    Issue.record(
      "\(what): element \(i) is \(actual[i]), expected \(expected[i])",
      sourceLocation: sourceLocation)
    return
  }
}
