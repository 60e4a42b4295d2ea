import CNNGraph
import CNNKernels
import CNNLayerKit
import CNNTraining

/// Checks of kinds of loss.
let lossChecks: [Check] = [
  Check(
    .loss, "create",
    "A loss is made with defaults, or refused with a message at the ends of the attributes' limits.",
    run: checkCreation),
  Check(
    .loss, "memory-limit",
    "When the host has no memory, create fails with CNN_OUT_OF_MEMORY and keeps nothing.",
    needs: ["create"], run: checkMemoryLimit),
  Check(
    .loss, "evaluate", "Losses and gradients of ordinary numbers are finite, for any batch.",
    needs: ["create"], run: checkEvaluation),
  Check(
    .loss, "bounds", "Nothing is written beside the gradient, nor to output and target.",
    needs: ["evaluate"], run: checkBounds),
  Check(
    .loss, "repeat", "The same bits again, in other memory, and for any concurrency.",
    needs: ["evaluate"], run: checkRepetition),
  Check(
    .loss, "gradients", "The gradient agrees with centred differences of the loss.",
    needs: ["repeat"], run: checkGradients),
  Check(
    .loss, "weight", "The weight scales the gradient and not the loss; the gradient may be NULL.",
    needs: ["repeat"], run: checkWeight),
  Check(
    .loss, "process", "The same bits in another process.", needs: ["repeat"], runsTwice: true,
    run: digest),
  Check(
    .loss, "concurrent-calls",
    "Several threads that call one loss at once get what one call gets.", needs: ["repeat"],
    run: checkConcurrentCalls),
  Check(
    .loss, "leaks", "Losses that are made and destroyed, and calls, lose no memory.",
    needs: ["evaluate"], run: checkLeaks),
  Check(
    .loss, "training", "A network trains with the loss: it stays finite and falls.",
    needs: ["repeat"], run: checkTraining),
]

private func checkCreation(_ context: CheckContext) throws {
  let type = try LossRegistry.shared.entry(named: context.type)
  try attemptExtremes(type.attributes, context) { _ = try type.create($0) }
  let loss = try context.makeLoss()
  for sizes in [[], [1], [3], [2, 3], [4, 4, 5]] {
    let shape = try Shape(sizes)
    CheckProcess.note("check of \(shape)")
    do throws(CNNError) { try loss.check(shape) } catch {
      try expect(!error.message.contains("gave no message"), "\(shape): \(error.message)")
    }
  }
}

/// Makes something with each attribute at its limits.
///
/// - Throws: A finding if it is refused without a message.
func attemptExtremes(
  _ attributes: [AttributeSpecification], _ context: CheckContext,
  _ make: (Attributes) throws -> Void
) throws {
  let usual = try context.checked(attributes)
  for attribute in attributes {
    for value in AttributeGuess.extremes(attribute) {
      CheckProcess.note("create with \"\(attribute.name)\": \(value)")
      do {
        try make(
          Attributes(
            usual.values.merging([attribute.name: value]) { $1 }, checkedAgainst: attributes))
      } catch let error as CNNError {
        try expect(
          !error.message.contains("gave no message"),
          "\"\(attribute.name)\": \(value): \(error.message)")
      }
    }
  }
}

private func checkMemoryLimit(_ context: CheckContext) throws {
  try refuseMemory { _ = try context.makeLoss() }
}

/// Makes something while the host has no memory for one request after the other.
func refuseMemory(_ make: () throws -> Void) throws {
  let before = MemoryBudget.bytesInUse
  for number in 0..<1000 {
    CheckProcess.note("create without memory for request \(number + 1)")
    var failure: CNNError?
    let requests = try HostHooks.refusingAllocation(number) {
      do { try make() } catch let error as CNNError { failure = error }
    }
    guard requests > number else {
      if number == 0 { throw Skip("create takes no memory from the host") }
      return
    }
    if let failure {
      try expect(
        failure.code == .outOfMemory,
        "without memory, create fails with another status: \(failure.message)")
    }
    try expect(
      MemoryBudget.bytesInUse == before,
      "without memory for request \(number + 1), create keeps \(MemoryBudget.bytesInUse - before) bytes"
    )
  }
}

private func checkEvaluation(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(2)
  for bench in try context.lossBenches(context.makeLoss(), batches: [1, 2, 3, 7]) {
    let loss = try bench.evaluate()
    try expect(loss.isFinite, "\(bench.description): the loss is \(loss)")
    if let index = bench.gradient.elements.firstIndex(where: { !$0.isFinite }) {
      throw Finding(
        "\(bench.description): the gradient [\(index)] is \(bench.gradient.elements[index]), or was "
          + "not written")
    }
  }
}

private func checkBounds(_ context: CheckContext) throws {
  let loss = try context.makeLoss()
  for surroundings in [Surroundings.guardRightBehind, .guardInFront] {
    for bench in try context.lossBenches(loss, surroundings, batches: [1, 2, 3]) {
      for concurrency in [1, 3] {
        _ = try bench.evaluate(concurrency: concurrency)

      }
    }
  }
}

private func checkGradients(_ context: CheckContext) throws {
  for bench in try context.lossBenches(context.makeLoss()) {
    _ = try bench.evaluate()
    let analytic = bench.gradient.values
    let typical = analytic.map { Double(abs($0)) }.reduce(0, +) / Double(analytic.count)
    var kinks = 0
    for (index, actual) in analytic.enumerated() {
      let value = bench.output.elements[index]
      func difference(_ step: Float) throws -> Double {
        let (above, below) = (value + step, value - step)
        bench.output.elements[index] = above
        let high = try bench.evaluate()
        bench.output.elements[index] = below
        let low = try bench.evaluate()
        bench.output.elements[index] = value
        return (high - low) / (Double(above) - Double(below))
      }
      let (wide, narrow) = (try difference(0.02), try difference(0.01))
      let scale = max(abs(wide), typical, 1e-3)
      guard abs(wide - narrow) <= 0.01 * scale else {
        kinks += 1
        continue
      }
      let numerical = (4 * narrow - wide) / 3
      try expect(
        abs(Double(actual) - numerical) <= 5e-3 * scale,
        "\(bench.description): the gradient [\(index)] is \(actual), and centred differences give "
          + "\(numerical)")
    }
    try expect(kinks * 2 <= analytic.count, "\(bench.description): the loss jumps")
  }
}

private func checkWeight(_ context: CheckContext) throws {
  for bench in try context.lossBenches(context.makeLoss()) {
    let loss = try bench.evaluate()
    let gradient = bench.gradient.values
    try expect(
      try bench.evaluate(wantsGradient: false) == loss,
      "\(bench.description): without a gradient the loss is another one")
    for weight in [Float(2.5), 0] {
      try expect(
        try bench.evaluate(weight: weight) == loss,
        "\(bench.description): with weight \(weight) the loss is another one")
      try expect(
        isClose(bench.gradient.values, gradient.map { weight * $0 }),
        "\(bench.description): with weight \(weight) the gradient is not \(weight) times as large")
    }
  }
}

private func results(
  _ context: CheckContext, concurrency: Int, shift: Int = 0, fill: Float = .nan
) throws -> [UInt32] {
  var bits: [UInt32] = []
  for bench in try context.lossBenches(context.makeLoss(), batches: [1, 3, 40], shift: shift) {
    let loss = try bench.evaluate(concurrency: concurrency, fill: fill).bitPattern
    bits += [UInt32(truncatingIfNeeded: loss), UInt32(truncatingIfNeeded: loss >> 32)]
    bits += bench.gradient.bits
  }
  return bits
}

private func checkRepetition(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  let first = try results(context, concurrency: 1)
  for order in [HostHooks.ChunkOrder.reversed, .scattered] {
    try expect(
      try HostHooks.ordering(order) { try results(context, concurrency: 3) } == first,
      "other bits when the chunks of parallel_for run in another order")
  }
  for (threads, shift, fill) in [(1, 0, Float(0)), (2, 64, 1), (3, 960, 2), (8, 0, 3), (8, 0, 4)] {
    ThreadPool.setThreadCount(threads)
    try expect(
      try results(context, concurrency: threads, shift: shift, fill: fill) == first,
      "other bits in a second call, with concurrency \(threads)")
  }
}

private func digest(_ context: CheckContext) throws -> UInt64? {
  var digest = Digest()
  digest.add(try results(context, concurrency: 2))
  return digest.value
}

private func checkConcurrentCalls(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(3)
  let loss = try context.makeLoss()
  for shape in try context.lossBenches(loss, batches: [40]) {
    try runAtOnce(
      (0..<4).map { number in
        let bench = try LossBench(
          loss, shape.shape, usesLabels: shape.usesLabels, batch: 40, seed: 20 + number)
        let expected = try bench.evaluate()
        let gradient = bench.gradient.bits
        return {
          try repeating(400) {
            try expect(
              try bench.evaluate() == expected && bench.gradient.bits == gradient,
              "\(bench.description): threads that call at once get other bits than one alone")
          }
        }
      })
  }
}

private func checkLeaks(_ context: CheckContext) throws {
  try expectNoLeak("create and destroy", runs: 1000) { _ = try context.makeLoss() }
  for bench in try context.lossBenches(context.makeLoss()) {
    try expectNoLeak("evaluate", runs: 200) { _ = try bench.evaluate() }
  }
}

private func checkTraining(_ context: CheckContext) throws {
  let classes = 3
  let graph = Graph(
    input: [6], layers: [Graph.Node("out", type: "linear", ["out_features": .integer(classes)])])
  let loss = try context.makeLoss()
  guard (try? loss.check(Shape([classes]))) != nil else {
    throw Skip("the loss does not judge \(classes) numbers")
  }
  var options = TrainingOptions()
  options.batchSize = 6
  options.learningRate = 0.02
  options.losses = [
    LossSpecification(
      context.type,
      attributes: try context.checked(
        LossRegistry.shared.entry(named: context.type).attributes
      ).values)
  ]
  let training = try Training(model: try Model(graph, seed: 2), options: options)
  var numbers = Numbers(4)
  let inputs = numbers.numbers(36)
  let targets = (0..<18).map { Float($0 % classes == $0 / classes % classes ? 1 : 0) }
  var losses: [Double] = []
  for _ in 0..<60 {
    let memory = try training.input(batch: 6)
    for (index, value) in inputs.enumerated() { memory[index] = value }
    if loss.targets.contains(.labels) {
      try (0..<6).map { Int32($0 % classes) }.withUnsafeBufferPointer {
        try training.setLabels($0)
      }
    } else {
      try targets.withUnsafeBufferPointer { try training.setTargets($0) }
    }
    losses.append(try training.step())
  }
  try expect(losses.allSatisfy(\.isFinite), "the loss does not stay finite: \(losses)")
  try expect(
    losses[59] < losses[0], "the loss does not fall: from \(losses[0]) to \(losses[59])")
}
