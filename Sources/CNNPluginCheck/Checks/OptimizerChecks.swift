import CNNGraph
import CNNKernels
import CNNLayerKit
import CNNTraining

/// Checks of kinds of optimizer.
let optimizerChecks: [Check] = [
  Check(
    .optimizer, "create",
    "An optimizer is made with defaults, or refused with a message at the ends of the attributes' "
      + "limits.", run: checkCreation),
  Check(
    .optimizer, "memory-limit",
    "When the host has no memory, create fails with CNN_OUT_OF_MEMORY and keeps nothing.",
    needs: ["create"], run: checkMemoryLimit),
  Check(
    .optimizer, "update", "Updates succeed, change parameters, and stay finite.", needs: ["create"],
    run: checkUpdate),
  Check(
    .optimizer, "bounds", "Nothing is written beside parameters and states, nor to gradients.",
    needs: ["update"], run: checkBounds),
  Check(
    .optimizer, "repeat", "The same bits again, and for any concurrency.", needs: ["update"],
    run: checkRepetition),
  Check(
    .optimizer, "pieces",
    "The same bits however parameters are cut into ranges, unless needs_whole_parameters.",
    needs: ["repeat", "bounds"], run: checkPieces),
  Check(
    .optimizer, "gradient-scale",
    "Gradients of half the size with twice the gradient_scale give the same bits.",
    needs: ["repeat"], run: checkScale),
  Check(
    .optimizer, "process", "The same bits in another process.", needs: ["repeat"], runsTwice: true,
    run: digest),
  Check(
    .optimizer, "concurrent-calls",
    "Several threads that update at once, in memory of their own, get what one alone gets.",
    needs: ["repeat"], run: checkConcurrentCalls),
  Check(
    .optimizer, "leaks", "Optimizers that are made and destroyed, and updates, lose no memory.",
    needs: ["update"], run: checkLeaks),
  Check(
    .optimizer, "training", "A network trains with the optimizer: its loss stays finite and falls.",
    needs: ["repeat"], run: checkTraining),
]

/// A host for one optimizer.
private final class OptimizerBench {
  let optimizer: any Optimizer
  let count: Int
  let parameters: CheckedArray
  let gradients: CheckedArray
  let states: CheckedArray
  /// Numbers between one state and the next, which are nobody's.
  private let gap = 16
  private let isGuarded: Bool

  init(_ optimizer: any Optimizer, count: Int, _ surroundings: Surroundings = .room) throws {
    (self.optimizer, self.count) = (optimizer, count)
    isGuarded = surroundings != .room
    parameters = try CheckedArray("the parameters", count: count, surroundings)
    gradients = try CheckedArray("the gradients", count: count, surroundings)
    states = try CheckedArray(
      "the states", count: optimizer.stateNames.count * (count + gap), surroundings)
    var numbers = Numbers(6)
    parameters.set(numbers.numbers(count))
    states.fill(0)
  }

  /// Changes all parameters, cut into ranges.
  ///
  /// - Parameters:
  ///   - cuts: Where ranges begin, beside 0.
  ///   - scale: The gradient scale; gradients are made smaller by as much.
  func step(_ number: Int, cuts: [Int] = [], scale: Float = 1, concurrency: Int = 1) throws {
    var numbers = Numbers(100 + number)
    gradients.set(numbers.numbers(count).map { $0 / scale })
    guard let first = parameters.elements.baseAddress, let gradient = gradients.elements.baseAddress
    else { return }
    let starts = [0] + cuts.filter { $0 < count }
    gradients.protect(isGuarded)
    defer { gradients.protect(false) }
    for (start, end) in zip(starts, starts.dropFirst() + [count]) {
      CheckProcess.note("update of \(end - start) parameters in step \(number)")
      try optimizer.update(
        OptimizerCall(
          parameters: first + start, gradients: gradient + start, count: end - start,
          states: optimizer.stateNames.isEmpty
            ? nil : states.elements.baseAddress.map { $0 + start },
          stateStride: count + gap, step: number, learningRate: 0.01, weightDecay: 0.02,
          gradientScale: Double(scale), concurrency: concurrency))
    }
    for array in [parameters, gradients, states] { try array.checkSurroundings() }
    for state in optimizer.stateNames.indices where isGuarded {
      let between = (state * (count + gap) + count)..<((state + 1) * (count + gap))
      try expect(
        between.allSatisfy { states.elements[$0] == 0 },
        "something was written behind the end of state \"\(optimizer.stateNames[state])\"")
    }
  }

  var bits: [[UInt32]] { [parameters.bits, states.bits] }
}

private func checkCreation(_ context: CheckContext) throws {
  let type = try OptimizerRegistry.shared.entry(named: context.type)
  try attemptExtremes(type.attributes, context) { _ = try type.create($0) }
  _ = try context.makeOptimizer()
}

private func checkMemoryLimit(_ context: CheckContext) throws {
  try refuseMemory { _ = try context.makeOptimizer() }
}

private func checkUpdate(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(3)
  for count in [1, 7, 1000] {
    let bench = try OptimizerBench(try context.makeOptimizer(), count: count)
    let before = bench.parameters.bits
    for step in 1...20 { try bench.step(step, concurrency: 3) }
    for array in [bench.parameters, bench.states] {
      if let index = array.elements.firstIndex(where: { !$0.isFinite }) {
        throw Finding(
          "\(count) parameters: after 20 steps \(array.name)[\(index)] is \(array.elements[index])")
      }
    }
    try expect(bench.parameters.bits != before, "20 steps change no parameter")
  }
}

private func checkBounds(_ context: CheckContext) throws {
  for surroundings in [Surroundings.guardRightBehind, .guardInFront] {
    for count in [1, 5, 8, 1000, 1025] {
      let bench = try OptimizerBench(try context.makeOptimizer(), count: count, surroundings)
      for step in 1...2 { try bench.step(step, concurrency: 2) }
    }
  }
}

private func results(
  _ context: CheckContext, count: Int = 1003, cuts: [Int] = [], scale: Float = 1,
  concurrency: Int = 1
) throws -> [[UInt32]] {
  ThreadPool.setThreadCount(concurrency)
  let bench = try OptimizerBench(try context.makeOptimizer(), count: count)
  for step in 1...4 {
    try bench.step(step, cuts: cuts, scale: scale, concurrency: concurrency)
  }
  return bench.bits
}

private func checkPieces(_ context: CheckContext) throws {
  if try context.makeOptimizer().needsWholeParameters {
    throw Skip("the optimizer needs whole parameters")
  }
  let whole = try results(context)
  for cuts in [[1], [500], [3, 4, 20, 997], Array(stride(from: 17, to: 1003, by: 17))] {
    try expect(
      try results(context, cuts: cuts) == whole,
      "parameters that are cut at \(cuts.prefix(4)) end as other bits than whole ones")
  }
}

private func checkScale(_ context: CheckContext) throws {
  // Powers of two, so that nothing is rounded.
  let plain = try results(context)
  for scale in [Float(2), 0.25] {
    try expect(
      try results(context, scale: scale) == plain,
      "gradients \(scale) times smaller with gradient_scale \(scale) give other parameters")
  }
}

private func checkRepetition(_ context: CheckContext) throws {
  for count in [1003, 100_000] {
    let first = try results(context, count: count)
    for order in [HostHooks.ChunkOrder.reversed, .scattered] {
      try expect(
        try HostHooks.ordering(order) {
          try results(context, count: count, concurrency: 3)
        } == first, "other bits when the chunks of parallel_for run in another order")
    }
    for concurrency in [1, 2, 3, 8] {
      try expect(
        try results(context, count: count, concurrency: concurrency) == first,
        "other bits in a second run, with concurrency \(concurrency)")
    }
  }
}

private func digest(_ context: CheckContext) throws -> UInt64? {
  var digest = Digest()
  digest.add(try results(context, concurrency: 2))
  return digest.value
}

private func checkConcurrentCalls(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(3)
  let optimizer = try context.makeOptimizer()
  for count in [50, 5000] {
    try runAtOnce(
      (0..<4).map { number in
        // From the same start each time.
        func result() throws -> [[UInt32]] {
          let bench = try OptimizerBench(optimizer, count: count - number)
          for step in 1...3 { try bench.step(step + 10 * number, concurrency: 2) }
          return bench.bits
        }
        let expected = try result()
        let bench = try OptimizerBench(optimizer, count: count - number)
        let (parameters, states) = (bench.parameters.values, bench.states.values)
        return {
          try repeating(200) {
            bench.parameters.set(parameters)
            bench.states.set(states)
            for step in 1...3 { try bench.step(step + 10 * number, concurrency: 2) }
            try expect(
              bench.bits == expected, "threads that update at once get other bits than one alone")
          }
        }
      })
  }
}

private func checkLeaks(_ context: CheckContext) throws {
  try expectNoLeak("create and destroy", runs: 1000) { _ = try context.makeOptimizer() }
  let bench = try OptimizerBench(try context.makeOptimizer(), count: 10)
  var step = 0
  try expectNoLeak("update", runs: 200) {
    step += 1
    try bench.step(step)
  }
}

private func checkTraining(_ context: CheckContext) throws {
  let type = try OptimizerRegistry.shared.entry(named: context.type)
  let graph = Graph(
    input: [6],
    layers: [
      Graph.Node("hidden", type: "linear", ["out_features": 8]),
      Graph.Node("act", type: "tanh"), Graph.Node("out", type: "linear", ["out_features": 3]),
    ])
  var options = TrainingOptions()
  options.batchSize = 6
  options.optimizer = OptimizerSpecification(
    context.type, attributes: try context.checked(type.attributes).values)
  let training = try Training(model: try Model(graph, seed: 2), options: options)
  var numbers = Numbers(4)
  let inputs = numbers.numbers(36)
  var losses: [Double] = []
  for _ in 0..<100 {
    let memory = try training.input(batch: 6)
    for (index, value) in inputs.enumerated() { memory[index] = value }
    try (0..<6).map { Int32($0 % 3) }.withUnsafeBufferPointer { try training.setLabels($0) }
    losses.append(try training.step())
  }
  try expect(losses.allSatisfy(\.isFinite), "the loss does not stay finite: \(losses)")
  try expect(losses[99] < losses[0], "the loss does not fall: from \(losses[0]) to \(losses[99])")
}
