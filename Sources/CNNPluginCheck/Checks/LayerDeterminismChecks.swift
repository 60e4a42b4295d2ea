import CNNKernels
import CNNLayerKit
import Glibc

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

/// What a thread is to do, and what came of it.
private final class Work {
  private let bench: LayerBench
  private let expected: [[UInt32]]
  private let rounds: Int
  private let barrier: UnsafeMutablePointer<pthread_barrier_t>
  private(set) var problem: String?

  /// - Parameter barrier: Where threads wait until all are there.
  init(
    _ bench: LayerBench, rounds: Int, barrier: UnsafeMutablePointer<pthread_barrier_t>
  ) throws {
    (self.bench, self.rounds, self.barrier) = (bench, rounds, barrier)
    (states, gradients) = (bench.states.map(\.values), bench.parameterGradients.map(\.values))
    expected = try bench.runAll()
  }

  private let states: [[Float]]
  private let gradients: [[Float]]

  func run() {
    pthread_barrier_wait(barrier)
    let start = ContinuousClock.now
    for _ in 0..<rounds where problem == nil && ContinuousClock.now - start < .milliseconds(250) {
      for (array, values) in zip(bench.states, states) { array.set(values) }
      for (array, values) in zip(bench.parameterGradients, gradients) { array.set(values) }
      do {
        guard try bench.runAll() != expected else { continue }
        problem = "\(bench.layerCase): threads that call at once get other bits than one alone"
      } catch {
        problem = "\(bench.layerCase): \(error)"
      }
    }
  }
}

private func checkConcurrentCalls(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(3)
  let count = 4
  let barrier = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)
  pthread_barrier_init(barrier, nil, UInt32(count))
  for layerCase in try context.layerCases() + context.largeCases() {
    let layer = try layerCase.make()
    let works = try (0..<count).map { number in
      var options = options(context)
      options.seed = 10 + number
      let bench = try LayerBench(layerCase, layer: layer, options)
      return try Work(bench, rounds: 400, barrier: barrier)
    }
    runAtOnce(works)
    for work in works { if let problem = work.problem { throw Finding(problem) } }
  }
}

/// Runs each work on a thread of its own; ends the process if there are no threads.
private func runAtOnce(_ works: [Work]) {
  var threads: [pthread_t] = []
  for work in works {
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeUnretainedValue().run() }
        return nil
      }, Unmanaged.passUnretained(work).toOpaque())
    // Those that were started wait for this one.
    guard status == 0 else { abort() }
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
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
