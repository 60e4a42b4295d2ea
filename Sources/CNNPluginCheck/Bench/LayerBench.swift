import CNNLayerKit

/// A host for one layer, which owns every array that its calls see.
final class LayerBench {
  /// How a bench is set up.
  struct Options {
    var batch = 2
    /// The number of samples that memory is planned for; nil for the batch.
    var planned: Int?
    var concurrency = 2
    var surroundings = Surroundings.room
    /// Whether what a call may only read cannot be written; needs guards.
    var protects = false
    /// What outputs and gradients of inputs hold before a call.
    var outputFill = Float.nan
    /// What temporary memory and the cache hold before a call.
    var scratchFill = Float.nan
    var seed = 1
    /// How far arrays are moved, in bytes.
    var shift = 0
    var values: ClosedRange<Float> = -1...1
  }

  let layer: any Layer
  let layerCase: LayerCase
  let options: Options
  let inputs: [CheckedArray]
  let outputs: [CheckedArray]
  let parameters: [CheckedArray]
  let states: [CheckedArray]
  let inputGradients: [CheckedArray]
  let outputGradients: [CheckedArray]
  let parameterGradients: [CheckedArray]
  let prepared: CheckedArray
  let cache: CheckedArray
  let backwardScratch: CheckedArray
  private let forwardScratch: [ExecutionMode: CheckedArray]
  var random = RandomKey(seed: 7, node: 3, step: 11)

  init(_ layerCase: LayerCase, layer: (any Layer)? = nil, _ options: Options) throws {
    let layer = try layer ?? layerCase.make()
    let batch = options.batch
    // The host's own memory is aligned, whatever memory callers bring along.
    let own = options.surroundings == .guardRightBehind ? .guardBehind : options.surroundings
    func temporary(_ name: String, _ count: Int) throws -> CheckedArray {
      try CheckedArray(name, count: count, own, shift: options.shift)
    }
    func array(_ name: String, _ count: Int) throws -> CheckedArray {
      try CheckedArray(name, count: count, options.surroundings, shift: options.shift)
    }
    func list(_ kind: String, _ counts: [Int]) throws -> [CheckedArray] {
      try counts.enumerated().map { try array("\(kind) \($0.offset)", $0.element) }
    }
    (self.layer, self.layerCase, self.options) = (layer, layerCase, options)
    inputs = try list("input", layerCase.inputs.map { batch * $0.count })
    inputGradients = try list("the gradient of input", layerCase.inputs.map { batch * $0.count })
    outputs = try list("output", layer.outputs.map { batch * $0.shape.count })
    outputGradients = try list(
      "the gradient of output", layer.outputs.map { batch * $0.shape.count })
    parameters = try layer.parameters.map { try array("parameter \"\($0.name)\"", $0.shape.count) }
    parameterGradients = try layer.parameters.map {
      try array("the gradient of parameter \"\($0.name)\"", $0.shape.count)
    }
    states = try layer.states.map { try array("state \"\($0.name)\"", $0.shape.count) }
    prepared = try temporary("the prepared numbers", layer.preparedCount)
    var sizes: [ExecutionMode: Workspace] = [:]
    for mode in [ExecutionMode.training, .inference] {
      sizes[mode] = try layer.workspace(
        batch: options.planned ?? batch, mode: mode, concurrency: options.concurrency)
    }
    cache = try temporary("the cache", sizes[.training]?.cache ?? 0)
    backwardScratch = try temporary("backward's scratch", sizes[.training]?.backwardScratch ?? 0)
    forwardScratch = try sizes.mapValues { try temporary("forward's scratch", $0.forwardScratch) }
    fill()
  }

  private func fill() {
    var numbers = Numbers(options.seed)
    for (index, input) in inputs.enumerated() {
      if layer.isDifferentiable(input: index) {
        input.set(numbers.numbers(input.elements.count, options.values))
      } else {
        // Most likely positions: different ones in each channel.
        let shape = layerCase.inputs[index]
        let channels = shape.sizes.last ?? 1
        for i in 0..<input.elements.count {
          input.elements[i] = Float(i % shape.count / channels)
        }
      }
    }
    for (parameter, declaration) in zip(parameters, layer.parameters) {
      parameter.set(firstValues(declaration, &numbers))
    }
    for (state, declaration) in zip(states, layer.states) {
      var start: Float = 0
      if case .constant(let value) = declaration.initializer { start = Float(value) }
      // Positive, because running variances are among them.
      state.set(numbers.numbers(state.elements.count, 0.25...0.75).map { start + $0 })
    }
    for (gradient, output) in zip(outputGradients, layer.outputs) {
      gradient.set(numbers.numbers(gradient.elements.count))
      if !output.isDifferentiable { gradient.fill(.nan) }
    }
    for gradient in parameterGradients { gradient.fill(0) }
  }

  /// Numbers of about the size that a model would start with, and none of them 0.
  private func firstValues(
    _ declaration: ParameterDeclaration, _ numbers: inout Numbers
  ) -> [Float] {
    let count = declaration.shape.count
    switch declaration.initializer {
    case .constant(let value) where value != 0:
      return numbers.numbers(count, 0.7...1.3).map { Float(value) * $0 }
    case .normal(let deviation) where deviation > 0:
      let bound = Float(max(deviation, 0.1) * 1.7)
      return numbers.numbers(count, -bound...bound)
    case .uniform(let bound) where bound > 0:
      return numbers.numbers(count, Float(-max(bound, 0.1))...Float(max(bound, 0.1)))
    case .he:
      let bound = Float(6 / Double(declaration.fanIn)).squareRoot()
      return numbers.numbers(count, -bound...bound)
    default: return numbers.numbers(count, -0.8...0.8)
    }
  }

  /// What is called, for messages.
  private func note(_ what: String) {
    CheckProcess.note(
      "\(what), batch \(options.batch), concurrency \(options.concurrency), \(layerCase)")
  }

  /// Computes the outputs.
  ///
  /// - Parameters:
  ///   - inPlace: Whether the first output is in the memory of the first input.
  ///   - unused: The outputs that nobody wants.
  func forward(
    _ mode: ExecutionMode, inPlace: Bool = false, unused: Set<Int> = []
  ) throws {
    let isTraining = mode == .training
    let scratch = forwardScratch[mode] ?? cache
    for output in outputs { output.fill(options.outputFill) }
    scratch.fill(options.scratchFill)
    if isTraining { cache.fill(options.scratchFill) }
    if !isTraining { try prepare() }
    var targets = outputs.enumerated().map {
      unused.contains($0.offset) ? .nothing : $0.element.argument
    }
    if inPlace { targets[0] = inputs[0].argument }
    let lists = [
      inputs.map(\.argument), targets, parameters.map(\.argument), states.map(\.argument),
    ]
    .map(ArrayList.init)
    note("forward when \(isTraining ? "training" : "predicting")")
    try protecting(
      (inPlace ? [] : inputs) + parameters + [prepared] + (isTraining ? [] : states)
    ) {
      try layer.forward(
        ForwardCall(
          batch: options.batch, mode: mode, inputs: lists[0].tensors, outputs: lists[1].tensors,
          parameters: lists[2].tensors, states: lists[3].tensors,
          prepared: isTraining ? .nothing : prepared.argument,
          cache: isTraining ? cache.argument : .nothing, scratch: scratch.argument, random: random,
          services: HostHooks.services(concurrency: options.concurrency)))
    }
    withExtendedLifetime(lists) {}
    if inPlace { outputs[0].set(inputs[0].values) }
    try checkSurroundings(scratch)
  }

  /// Computes what depends on parameters alone.
  func prepare() throws {
    guard layer.preparedCount > 0 else { return }
    prepared.fill(options.outputFill)
    let lists = [parameters, states].map { ArrayList($0.map(\.argument)) }
    note("prepare")
    try protecting(parameters + states) {
      try layer.prepare(
        PrepareCall(
          parameters: lists[0].tensors, states: lists[1].tensors, prepared: prepared.argument,
          services: HostHooks.services(concurrency: options.concurrency)))
    }
    withExtendedLifetime(lists) {}
    try prepared.checkSurroundings()
  }

  /// Which gradients of a call are missing.
  struct Missing {
    /// Outputs that nobody uses.
    var outputs: Set<Int> = []
    /// Inputs whose gradient nobody wants.
    var inputs: Set<Int> = []
    /// Parameters that are frozen.
    var parameters: Set<Int> = []
  }

  /// Computes gradients from `outputGradients`, and adds to `parameterGradients`.
  func backward(inPlace: Bool = false, missing: Missing = Missing()) throws {
    for gradient in inputGradients { gradient.fill(options.outputFill) }
    backwardScratch.fill(options.scratchFill)
    var wanted = inputGradients.enumerated().map { index, gradient in
      layer.isDifferentiable(input: index) && !missing.inputs.contains(index)
        ? gradient.argument : .nothing
    }
    if inPlace { wanted[0] = outputGradients[0].argument }
    let arriving = outputGradients.enumerated().map { index, gradient in
      layer.outputs[index].isDifferentiable && !missing.outputs.contains(index)
        ? gradient.argument : .nothing
    }
    let frozen = parameterGradients.enumerated().map {
      missing.parameters.contains($0.offset) ? .nothing : $0.element.argument
    }
    let reads = layer.backwardReads
    let lists = [
      inputs.map { reads.contains(.inputs) ? $0.argument : .nothing },
      outputs.map { reads.contains(.outputs) ? $0.argument : .nothing }, arriving, wanted,
      parameters.map(\.argument), frozen, states.map(\.argument),
    ].map(ArrayList.init)
    note("backward")
    try protecting(
      inputs + outputs + (inPlace ? [] : outputGradients) + parameters + states + [cache]
    ) {
      try layer.backward(
        BackwardCall(
          batch: options.batch, inputs: lists[0].tensors, outputs: lists[1].tensors,
          outputGradients: lists[2].tensors, inputGradients: lists[3].tensors,
          parameters: lists[4].tensors, parameterGradients: lists[5].tensors,
          states: lists[6].tensors, cache: cache.argument, scratch: backwardScratch.argument,
          random: random, services: HostHooks.services(concurrency: options.concurrency)))
    }
    withExtendedLifetime(lists) {}
    if inPlace { inputGradients[0].set(outputGradients[0].values) }
    try checkSurroundings(backwardScratch)
  }

  private func protecting(_ arrays: [CheckedArray], _ body: () throws -> Void) throws {
    guard options.protects else { return try body() }
    for array in arrays { array.protect(true) }
    defer { for array in arrays { array.protect(false) } }
    try body()
  }

  private func checkSurroundings(_ scratch: CheckedArray) throws {
    for array in inputs + outputs + parameters + states { try array.checkSurroundings() }
    for array in inputGradients + outputGradients + parameterGradients {
      try array.checkSurroundings()
    }
    for array in [prepared, cache, scratch] { try array.checkSurroundings() }
  }
}

extension ArrayList {
  var tensors: TensorList { TensorList(base, count: count) }
}

extension LayerBench {
  /// The bits of everything that a forward and a backward pass compute.
  func bits(isDifferentiable: Bool) -> [[UInt32]] {
    var arrays = outputs + states
    if isDifferentiable {
      arrays += parameterGradients
      arrays += inputGradients.enumerated().filter { layer.isDifferentiable(input: $0.offset) }
        .map(\.element)
    }
    return arrays.map(\.bits)
  }

  /// Runs every pass that there is, and returns the bits of all results.
  func runAll() throws -> [[UInt32]] {
    try forward(.inference)
    var bits = outputs.map(\.bits)
    try forward(.training)
    if layer.isDifferentiable { try backward() }
    bits += self.bits(isDifferentiable: layer.isDifferentiable)
    return bits
  }
}
