import CNNKernels
import CNNLayerKit
import Glibc

/// Checks of properties that a layer declares.
let layerClaimChecks: [Check] = [
  Check(
    .layer, "optional",
    "Unused outputs, unwanted gradients and frozen parameters may be NULL, each and all.",
    needs: ["repeat"], run: checkOptional),
  Check(
    .layer, "in-place", "CNN_LAYER_IN_PLACE: the same bits in the memory of the input.",
    needs: ["repeat"], run: checkInPlace),
  Check(
    .layer, "identity", "CNN_LAYER_IDENTITY_IN_INFERENCE: the first output is the first input.",
    needs: ["forward"], run: checkIdentity),
  Check(
    .layer, "function", "CNN_LAYER_FUNCTION: forward computes that function.", needs: ["forward"],
    run: checkFunction),
  Check(
    .layer, "prepared",
    "CNN_LAYER_PREPARED_COUNT: prepare writes every number, the same ones for any concurrency, and "
      + "where training and predicting compute the same, they agree.", needs: ["forward"],
    run: checkPrepared),
]

private func checkInPlace(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  let cases = try context.layerCases().filter { try $0.make().supportsInPlace }
  guard !cases.isEmpty else { throw Skip("the layer does not say so") }
  for layerCase in cases {
    for mode in [ExecutionMode.inference, .training] {
      let (apart, inside) = (
        try LayerBench(layerCase, options(context)), try LayerBench(layerCase, options(context))
      )
      // The host keeps inputs that backward reads.
      let isFree = mode == .inference || !inside.layer.backwardReads.contains(.inputs)
      try apart.forward(mode)
      try inside.forward(mode, inPlace: isFree)
      try expect(
        apart.outputs.map(\.bits) == inside.outputs.map(\.bits),
        "\(layerCase): forward in the memory of the input gives other outputs")
      guard mode == .training, apart.layer.isDifferentiable else { continue }
      try apart.backward()
      try inside.backward(inPlace: apart.layer.isDifferentiable(input: 0))
      try expect(
        apart.bits(isDifferentiable: true) == inside.bits(isDifferentiable: true),
        "\(layerCase): backward in the memory of the output's gradient gives other gradients")
    }
  }
}

private func checkIdentity(_ context: CheckContext) throws {
  let cases = try context.layerCases().filter { try $0.make().isIdentityInInference }
  guard !cases.isEmpty else { throw Skip("the layer does not say so") }
  for layerCase in cases {
    let bench = try LayerBench(layerCase, options(context))
    try bench.forward(.inference)
    let (x, y) = (bench.inputs[0], bench.outputs[0])
    if let index = zip(x.bits, y.bits).enumerated().first(where: { $1.0 != $1.1 })?.offset {
      throw Finding(
        "\(layerCase): output [\(index)] is \(y.elements[index]), and the input "
          + "\(x.elements[index])")
    }
  }
}

private func checkFunction(_ context: CheckContext) throws {
  let cases = try context.layerCases().filter { try $0.make().elementaryFunction != nil }
  guard !cases.isEmpty else { throw Skip("the layer does not say so") }
  for layerCase in cases {
    var options = options(context, batch: 3)
    options.values = -4...4
    let bench = try LayerBench(layerCase, options)
    guard let function = bench.layer.elementaryFunction else { continue }
    let x = bench.inputs[0].values
    let expected = apply(function, x, channels: layerCase.inputs[0].sizes.last ?? 1)
    for mode in [ExecutionMode.inference, .training] {
      try bench.forward(mode)
      for (index, (y, wanted)) in zip(bench.outputs[0].values, expected).enumerated()
      where !(abs(y - wanted) <= 1e-6 + 1e-5 * abs(wanted)) {
        throw Finding(
          "\(layerCase): of \(x[index]) the layer makes \(y), and \(function.name) makes \(wanted)")
      }
    }
  }
}

private func apply(_ function: ElementaryFunction, _ x: [Float], channels: Int) -> [Float] {
  switch function {
  case .rectifier: return x.map { max($0, 0) }
  case .leakyRectifier(let slope): return x.map { $0 > 0 ? $0 : slope * $0 }
  case .sigmoid: return x.map { Float(1 / (1 + exp(-Double($0)))) }
  case .softmax:
    var result = x
    for row in stride(from: 0, to: x.count, by: channels) {
      let powers = x[row..<(row + channels)].map { exp(Double($0)) }
      let sum = powers.reduce(0, +)
      for c in 0..<channels { result[row + c] = Float(powers[c] / sum) }
    }
    return result
  }
}

private func checkPrepared(_ context: CheckContext) throws {
  let cases = try context.layerCases().filter { try $0.make().preparedCount > 0 }
  guard !cases.isEmpty else { throw Skip("nothing is prepared") }
  for layerCase in cases {
    var bits: [[UInt32]] = []
    for (concurrency, fill) in [(1, Float.nan), (2, 0), (8, 7)] {
      var options = options(context, concurrency: concurrency)
      options.outputFill = fill
      let bench = try LayerBench(layerCase, options)
      try bench.prepare()
      bits.append(bench.prepared.bits)
      try expect(
        bits[0] == bits[bits.count - 1],
        "\(layerCase): prepare leaves numbers as they were, or depends on concurrency")
    }
    guard try predictsAsItTrains(layerCase, context) else { continue }
    let (training, predicting) = (
      try LayerBench(layerCase, options(context)), try LayerBench(layerCase, options(context))
    )
    try training.forward(.training)
    try predicting.forward(.inference)
    for (a, b) in zip(training.outputs, predicting.outputs)
    where !isClose(a.values, b.values, tolerance: 2e-3) {
      throw Finding(
        "\(layerCase): with what prepare wrote, \(a.name) is another one than when training")
    }
  }
}

/// Whether forward when training depends on nothing that predicting has not: neither on random numbers,
/// nor states, nor other samples.
private func predictsAsItTrains(_ layerCase: LayerCase, _ context: CheckContext) throws -> Bool {
  func first(_ change: (LayerBench) -> Void) throws -> [Float] {
    let bench = try LayerBench(layerCase, options(context))
    change(bench)
    try bench.forward(.training)
    return bench.outputs.flatMap { $0.values.prefix($0.elements.count / bench.options.batch) }
  }
  let plain = try first { _ in }
  let changed = [
    try first { $0.random = RandomKey(seed: 8, node: 1, step: 99) },
    try first { for state in $0.states { state.fill(2) } },
    try first { bench in
      for input in bench.inputs {
        let half = input.elements.count / 2
        for i in half..<input.elements.count { input.elements[i] *= 0.5 }
      }
    },
  ]
  return changed.allSatisfy { isClose($0, plain, tolerance: 1e-5) }
}

private func checkOptional(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.layerCases() {
    let whole = try LayerBench(layerCase, options(context))
    try whole.forward(.training)
    for unused in subsets(Array(1..<max(1, whole.outputs.count))) {
      for mode in [ExecutionMode.inference, .training] {
        try whole.forward(mode)
        let bench = try LayerBench(layerCase, options(context))
        try bench.forward(mode, unused: unused)
        for (index, output) in bench.outputs.enumerated() where !unused.contains(index) {
          try expect(
            isClose(output.values, whole.outputs[index].values),
            "\(layerCase): without outputs \(unused.sorted()), \(output.name) is another one")
        }
      }
    }
    guard whole.layer.isDifferentiable else { continue }
    try checkMissingGradients(layerCase, context)
  }
}

private func checkMissingGradients(_ layerCase: LayerCase, _ context: CheckContext) throws {
  let layer = try layerCase.make()
  let inputs = subsets(layerCase.inputs.indices.filter { layer.isDifferentiable(input: $0) })
  let outputs = layer.outputs.indices.filter { layer.outputs[$0].isDifferentiable }
  var missing: [LayerBench.Missing] = []
  for set in inputs { missing.append(LayerBench.Missing(inputs: set)) }
  for set in subsets(Array(layer.parameters.indices)) {
    missing.append(LayerBench.Missing(parameters: set))
    if let all = inputs.last { missing.append(LayerBench.Missing(inputs: all, parameters: set)) }
  }
  for output in outputs where outputs.count > 1 {
    missing.append(LayerBench.Missing(outputs: [output]))
  }
  for missing in missing {
    let (whole, bench) = (
      try LayerBench(layerCase, filled(options(context))),
      try LayerBench(layerCase, filled(options(context)))
    )
    // What nobody uses has no gradient, or one of zeros.
    for output in missing.outputs { whole.outputGradients[output].fill(0) }
    for bench in [whole, bench] { try bench.forward(.training) }
    try whole.backward()
    try bench.backward(missing: missing)
    let what =
      "\(layerCase): without gradients of outputs \(missing.outputs.sorted()), inputs "
      + "\(missing.inputs.sorted()) and parameters \(missing.parameters.sorted()), "
    for (index, gradient) in bench.inputGradients.enumerated()
    where layer.isDifferentiable(input: index) && !missing.inputs.contains(index) {
      try expect(
        isClose(gradient.values, whole.inputGradients[index].values),
        what + "\(gradient.name) is another one")
    }
    for (index, gradient) in bench.parameterGradients.enumerated()
    where !missing.parameters.contains(index) {
      try expect(
        isClose(gradient.values, whole.parameterGradients[index].values),
        what + "\(gradient.name) is another one")
    }
  }
}

/// Each element alone, and all of them.
private func subsets(_ elements: [Int]) -> [Set<Int>] {
  elements.count > 1 ? elements.map { [$0] } + [Set(elements)] : elements.map { [$0] }
}
