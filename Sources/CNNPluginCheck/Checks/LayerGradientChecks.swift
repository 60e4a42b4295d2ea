import CNNKernels
import CNNLayerKit

/// Checks of gradients.
let layerGradientChecks: [Check] = [
  Check(
    .layer, "gradients",
    "Gradients of inputs and parameters agree with centred differences of the outputs.",
    needs: ["outputs", "read-only"], run: checkGradients),
  Check(
    .layer, "gradient-memory",
    "Gradients of inputs are overwritten, gradients of parameters are added to.",
    needs: ["repeat", "read-only"], run: checkGradientMemory),
  Check(
    .layer, "zero-gradients", "Gradients of zeros are zeros.", needs: ["repeat", "read-only"],
    run: checkZeroGradients),
]

private func checkGradients(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.differentiableCases() {
    let bench = try LayerBench(layerCase, filled(options(context, concurrency: 1)))
    try bench.forward(.training)
    try bench.backward()
    let check = GradientComparison(bench)
    for (index, input) in bench.inputs.enumerated() where bench.layer.isDifferentiable(input: index)
    {
      try check.compare(input, bench.inputGradients[index].values)
    }
    for (index, parameter) in bench.parameters.enumerated() {
      try check.compare(parameter, bench.parameterGradients[index].values)
    }
  }
}

/// Compares what backward computed with how the outputs change.
///
/// The objective is the sum of all outputs, each times its gradient as backward got it, in Double. An
/// element is wrong if it is off by more than `tolerance` of its own size or a typical gradient's. Where
/// two widths of the step disagree the function has a kink, and the element does not count.
private struct GradientComparison {
  private let bench: LayerBench
  private let states: [[Float]]
  private let tolerance = 4e-3
  private let mostElements = 96

  init(_ bench: LayerBench) {
    self.bench = bench
    states = bench.states.map(\.values)
  }

  func compare(_ variable: CheckedArray, _ analytic: [Float]) throws {
    guard !analytic.isEmpty else { return }
    let typical = analytic.map { Double(abs($0)) }.reduce(0, +) / Double(analytic.count)
    var (checked, kinks) = (0, 0)
    // An odd distance, so that every channel is met.
    for index in stride(from: 0, to: analytic.count, by: max(1, analytic.count / mostElements) | 1)
    {
      checked += 1
      switch try numerical(variable, index, typical: typical) {
      case nil: kinks += 1
      case let (value, scale)?:
        let actual = Double(analytic[index])
        try expect(
          abs(actual - value) <= tolerance * scale,
          "\(bench.layerCase), batch \(bench.options.batch): the gradient of "
            + "\(variable.name)[\(index)] is \(actual), and centred differences give \(value)")
      }
    }
    try expect(
      kinks * 4 <= checked,
      "\(bench.layerCase): for \(kinks) of \(checked) elements of \(variable.name), centred "
        + "differences do not settle: either the outputs jump, or --values names a better range")
  }

  /// The gradient by centred differences and the size to hold errors against, or nil at a kink.
  private func numerical(
    _ variable: CheckedArray, _ index: Int, typical: Double
  ) throws -> (value: Double, scale: Double)? {
    for step in [Float(0.02), 0.004] {
      let wide = try difference(variable, index, step)
      let narrow = try difference(variable, index, step / 2)
      let scale = max(abs(wide), typical, 0.05)
      // The error of a centred difference falls with the square of the step (Richardson 1911).
      if abs(wide - narrow) <= 3 * tolerance * scale { return ((4 * narrow - wide) / 3, scale) }
    }
    return nil
  }

  private func difference(_ variable: CheckedArray, _ index: Int, _ step: Float) throws -> Double {
    let value = variable.elements[index]
    defer { variable.elements[index] = value }
    // The distance that float32 arithmetic really moves.
    let (above, below) = (value + step, value - step)
    variable.elements[index] = above
    try forward()
    let high = bench.outputs.map(\.values)
    variable.elements[index] = below
    try forward()
    var sum: Double = 0
    for (o, output) in bench.outputs.enumerated() where bench.layer.outputs[o].isDifferentiable {
      for i in 0..<output.elements.count {
        sum +=
          Double(bench.outputGradients[o].elements[i])
          * (Double(high[o][i]) - Double(output.elements[i]))
      }
    }
    return sum / (Double(above) - Double(below))
  }

  private func forward() throws {
    for (state, values) in zip(bench.states, states) { state.set(values) }
    try bench.forward(.training)
  }
}

private func checkGradientMemory(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.differentiableCases() {
    let (once, twice) = (
      try LayerBench(layerCase, options(context)), try LayerBench(layerCase, options(context))
    )
    for bench in [once, twice] { try bench.forward(.training) }
    try once.backward()
    for gradient in twice.parameterGradients { gradient.fill(0.5) }
    try twice.backward()
    for (a, b) in zip(once.parameterGradients, twice.parameterGradients) {
      try expect(
        isClose(a.values.map { $0 + 0.5 }, b.values),
        "\(layerCase): \(a.name) held 0.5 before, and the layer's part was not added to that")
    }
    let before = twice.parameterGradients.map(\.values)
    try twice.backward()
    for ((a, b), gradient) in zip(zip(once.parameterGradients, before), twice.parameterGradients) {
      try expect(
        isClose(zip(a.values, b).map(+), gradient.values),
        "\(layerCase): a second backward did not add the same to \(gradient.name)")
    }
    var filled = options(context)
    filled.outputFill = 2
    let other = try LayerBench(layerCase, filled)
    try other.forward(.training)
    try other.backward()
    for (index, (a, b)) in zip(once.inputGradients, other.inputGradients).enumerated()
    where once.layer.isDifferentiable(input: index) {
      try expect(
        a.bits == b.bits, "\(layerCase): \(a.name) depends on what its memory held before")
    }
  }
}

private func checkZeroGradients(_ context: CheckContext) throws {
  for layerCase in try context.differentiableCases() {
    let bench = try LayerBench(layerCase, filled(options(context)))
    try bench.forward(.training)
    for gradient in bench.outputGradients { gradient.fill(0) }
    try bench.backward()
    for gradient in bench.inputGradients + bench.parameterGradients {
      try expect(
        gradient.elements.allSatisfy { $0 == 0 },
        "\(layerCase): the gradients of outputs are 0, and \(gradient.name) is not")
    }
  }
}
