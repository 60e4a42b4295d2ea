import CNNKernels
import CNNLayerKit

/// The check on which those that compare bits rely.
let layerRepetitionChecks: [Check] = [
  Check(
    .layer, "repeat",
    "The same call gives the same bits again, in other memory too, and whatever was called between.",
    needs: ["backward"], run: checkRepetition)
]

/// Checks that results depend on arguments alone.
let layerDeterminismChecks: [Check] = [
  Check(
    .layer, "process", "The same calls give the same bits in another process.", needs: ["repeat"],
    runsTwice: true, run: digestAll),
  Check(
    .layer, "threads", "The same bits for any concurrency and number of threads.",
    needs: ["repeat"], run: checkThreads),
  Check(
    .layer, "concurrent-calls",
    "Several threads that call one layer at once, each with memory of its own, get what one call gets.",
    needs: ["threads"], run: checkConcurrentCalls),
  Check(
    .layer, "concurrent-creation",
    "Several threads that make layers at once get what one alone gets.", needs: ["repeat"],
    run: checkConcurrentCreation),
  Check(
    .layer, "interleaved",
    "Forward, other calls of this and other layers of the type, then backward: the same as without "
      + "these.", needs: ["repeat"], run: checkInterleaving),
  Check(
    .layer, "random",
    "Random numbers of the host are those of the call's key, and other ones in every step.",
    needs: ["repeat"], run: checkRandomKeys),
]

private func checkRepetition(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.layerCases() {
    let layer = try layerCase.make()
    let first = try LayerBench(layerCase, layer: layer, options(context)).runAll()
    for shift in [0, 64, 448, 1984] {
      var options = options(context)
      options.shift = shift
      let bench = try LayerBench(layerCase, layer: layer, options)
      try expect(
        try bench.runAll() == first,
        "\(layerCase): the same calls give something else "
          + (shift == 0 ? "when they are repeated" : "in memory at other addresses"))
    }
    let again = try LayerBench(layerCase, options(context)).runAll()
    try expect(again == first, "\(layerCase): another layer made of the same gives something else")
  }
}

private func digestAll(_ context: CheckContext) throws -> UInt64? {
  ThreadPool.setThreadCount(1)
  var digest = Digest()
  for layerCase in try context.layerCases() {
    digest.add(try LayerBench(layerCase, options(context, batch: 3)).runAll())
  }
  return digest.value
}

private func checkThreads(_ context: CheckContext) throws {
  for layerCase in try context.layerCases() + context.largeCases() {
    func results(
      threads: Int, concurrency: Int, _ order: HostHooks.ChunkOrder? = nil
    ) throws -> [[UInt32]] {
      ThreadPool.setThreadCount(threads)
      let bench = try LayerBench(layerCase, options(context, batch: 3, concurrency: concurrency))
      return try HostHooks.ordering(order) { try bench.runAll() }
    }
    let expected = try results(threads: 1, concurrency: 1)
    // Whoever adds up in the order in which chunks happen to run is found without any threads.
    for order in [HostHooks.ChunkOrder.reversed, .scattered] {
      try expect(
        try results(threads: 3, concurrency: 3, order) == expected,
        "\(layerCase): other bits when the chunks of parallel_for run in another order: they add to "
          + "the same numbers, or read what others write")
    }
    for (threads, concurrency) in [(2, 2), (3, 3), (8, 8), (8, 2), (2, 8), (8, 8), (8, 8), (8, 8)] {
      try expect(
        try results(threads: threads, concurrency: concurrency) == expected,
        "\(layerCase): other bits with \(threads) threads and concurrency \(concurrency) than with "
          + "one thread")
    }
  }
}

private func checkConcurrentCalls(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(3)
  for layerCase in try context.layerCases() + context.largeCases() {
    let layer = try layerCase.make()
    let bodies = try (0..<4).map { number in
      var options = options(context)
      options.seed = 10 + number
      return try concurrentBody(LayerBench(layerCase, layer: layer, options))
    }
    try HostHooks.pausing { try runAtOnce(bodies) }
    try runAtOnce(bodies)
  }
}

/// What one of several threads does: the same calls again and again, which have to give the same bits.
private func concurrentBody(_ bench: LayerBench) throws -> () throws -> Void {
  let changing = bench.states + bench.parameterGradients
  let before = changing.map(\.values)
  let expected = try bench.runAll()
  return {
    try repeating(400) {
      for (array, values) in zip(changing, before) { array.set(values) }
      try expect(
        try bench.runAll() == expected,
        "\(bench.layerCase): threads that call at once get other bits than one alone")
    }
  }
}

private func checkConcurrentCreation(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  let cases = try context.layerCases()
  let layers = try cases.map { try $0.make() }
  let made = Locked<[(number: Int, layer: any Layer)]>([])
  let bodies = (0..<4).map { thread -> () throws -> Void in
    {
      // The first ones, when all threads are at work for certain.
      var kept: [(number: Int, layer: any Layer)] = []
      var number = thread
      try repeating(200) {
        number = (number + 1) % cases.count
        let layer = try cases[number].make()
        try expect(
          layer.outputs == layers[number].outputs
            && layer.parameters == layers[number].parameters
            && layer.states == layers[number].states,
          "\(cases[number]): threads that create at once get other declarations than one alone")
        if kept.count < 12 { kept.append((number, layer)) }
      }
      let own = kept
      made.withLock { $0 += own }
    }
  }
  try HostHooks.pausing { try runAtOnce(bodies) }
  try runAtOnce(bodies)
  for (number, layer) in made.withLock({ $0 }) {
    let expected = try LayerBench(cases[number], layer: layers[number], options(context)).runAll()
    let bench = try LayerBench(cases[number], layer: layer, options(context))
    try expect(
      try bench.runAll() == expected,
      "\(cases[number]): a layer that was made while others were made computes something else")
  }
}

private func checkInterleaving(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.differentiableCases() {
    let alone = try LayerBench(layerCase, options(context))
    try alone.forward(.training)
    try alone.backward()
    let expected = alone.bits(isDifferentiable: true)
    for sharesLayer in [true, false] {
      let layer = try layerCase.make()
      let bench = try LayerBench(layerCase, layer: layer, options(context))
      var others = options(context)
      others.seed = 2
      let other = try LayerBench(layerCase, layer: sharesLayer ? layer : nil, others)
      try bench.forward(.training)
      try other.forward(.training)
      try other.forward(.inference)
      try bench.backward()
      try expect(
        bench.bits(isDifferentiable: true) == expected,
        "\(layerCase): backward gives something else if \(sharesLayer ? "the" : "another") layer was "
          + "called between forward and backward: what they share is the cache")
    }
  }
}

private func checkRandomKeys(_ context: CheckContext) throws {
  var isRandom = false
  for (number, layerCase) in try context.layerCases().enumerated() {
    var results: Set<[[UInt32]]> = []
    var keys: Set<RandomKey> = []
    for step in 0..<4 {
      let key = RandomKey(seed: 1 << 40 + 7, node: 3, step: UInt64(step))
      let bench = try LayerBench(layerCase, options(context))
      bench.random = key
      _ = HostHooks.takeKeys()
      results.insert(try bench.runAll())
      let used = HostHooks.takeKeys()
      for used in used where used != key {
        throw Finding(
          "\(layerCase): random numbers are taken with the key (seed \(used.seed), node "
            + "\(used.node), step \(used.step)), and that of the call is (seed \(key.seed), node "
            + "\(key.node), step \(key.step)); only the stream is the layer's to choose")
      }
      keys.formUnion(used)
    }
    isRandom = isRandom || !keys.isEmpty
    // With other attributes than the defaults, there may be no chance of a difference.
    try expect(
      keys.isEmpty || results.count > 1 || number > 0,
      "\(layerCase): random numbers are taken, and every step has the same results")
  }
  if !isRandom { throw Skip("no random numbers are taken from the host") }
}
