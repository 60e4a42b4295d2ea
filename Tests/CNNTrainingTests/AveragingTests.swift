import CNNKernels
import CNNKit
import Testing

@Suite struct AveragingTests {
  private func options(_ change: (inout TrainerOptions) -> Void = { _ in }) -> TrainerOptions {
    var options = TrainerOptions()
    options.training.batchSize = 8
    options.training.learningRate = 0.02
    options.epochs = 3
    options.ema = ExponentialMovingAverage(decay: 0.6)
    change(&options)
    return options
  }

  /// Trains, and returns the model's numbers before, after each step and as each epoch is told.
  private func run(
    _ options: TrainerOptions, validation: TensorDataset? = nil,
    stopAfter: Int? = nil
  ) throws -> (
    model: Model, start: [Float], steps: [[Float]], epochs: [[Float]], history: History
  ) {
    let model = try makeModel(smallNetwork())
    let start = try numbers(of: model)
    var steps: [[Float]] = []
    var epochs: [[Float]] = []
    let trainer = try Trainer(
      model: model, dataset: try stripes(40), validation: validation, options: options)
    do throws(CNNError) {
      try trainer.fit { progress in
        let now = (try? numbers(of: model)) ?? []
        if progress.event == .step { steps.append(now) } else { epochs.append(now) }
        return steps.count == stopAfter ? .cancel : .proceed
      }
    } catch {
      guard error.code == .cancelled, stopAfter != nil else { throw error }
    }
    return (model, start, steps, epochs, trainer.history)
  }

  /// The average after each step, in plain loops.
  private func averages(_ start: [Float], _ steps: [[Float]], decay: Double, warmup: Bool)
    -> [[Float]]
  {
    var average = start
    return steps.enumerated().map { step, values in
      let ramp = Double(1 + step) / Double(10 + step)
      let weight = Float(1 - (warmup ? min(decay, ramp) : decay))
      for i in average.indices { average[i] += weight * (values[i] - average[i]) }
      return average
    }
  }

  @Test(arguments: [(0.6, true), (0.6, false), (0.999, true), (0, false)])
  func followsAPlainReference(decay: Double, warmup: Bool) throws {
    let run = try run(
      options { $0.ema = ExponentialMovingAverage(decay: decay, warmup: warmup) })
    #expect(run.steps.count == 15)
    let expected = averages(run.start, run.steps, decay: decay, warmup: warmup)
    // The last digit may be rounded otherwise where a processor multiplies and adds at once.
    func isSame(_ a: [Float], _ b: [Float]) -> Bool {
      a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }
    }
    #expect(isSame(try numbers(of: run.model), expected[14]))
    // While an epoch is told, the model has the average; training goes on with its own numbers.
    for epoch in 0..<3 { #expect(isSame(run.epochs[epoch], expected[5 * epoch + 4])) }
    #expect((decay == 0) == isSame(run.epochs[2], run.steps[14]))
    let plain = try self.run(options { $0.ema = nil })
    #expect(plain.steps == run.steps)
    #expect(try numbers(of: plain.model) == run.steps[14])
  }

  @Test func theAverageIsJudgedAndKept() throws {
    let validation = try stripes(30, seed: 8, noise: 3)
    let run = try run(options { $0.accuracySamples = 30 }, validation: validation)
    let best = try #require(run.history.bestEpoch)
    #expect(try numbers(of: run.model) == run.epochs[best])
    let metrics = try evaluate(run.model, on: validation)
    #expect(metrics.accuracy == run.history.epochs[best].validationAccuracy)
    #expect(isClose(metrics.loss, try #require(run.history.epochs[best].validationLoss), 1e-9))
    #expect(run.history.accuracySamples.last?.validation != nil)
    #expect(
      run.history.accuracySamples[best + 1].validation
        == run.history.epochs[best].validationAccuracy)
  }

  @Test func aCancelledRunLeavesTheAverage() throws {
    let run = try run(options(), stopAfter: 7)
    #expect(run.steps.count == 7)
    let expected = averages(run.start, run.steps, decay: 0.6, warmup: true)[6]
    for (a, b) in zip(try numbers(of: run.model), expected) { #expect(abs(a - b) < 1e-6) }
  }

  @Test(arguments: [1, 3])
  func threadsDoNotMatter(threads: Int) throws {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    ThreadPool.setThreadCount(2)
    let two = try numbers(of: run(options()).model)
    ThreadPool.setThreadCount(threads)
    #expect(try numbers(of: run(options()).model) == two)
  }

  @Test func theDecayRises() {
    let average = ExponentialMovingAverage(decay: 0.999)
    #expect(average.decay(atStep: 0) == 0.1)
    #expect(average.decay(atStep: 8) == 0.5)
    #expect(average.decay(atStep: 1_000_000) == 0.999)
    #expect(ExponentialMovingAverage(decay: 0.9, warmup: false).decay(atStep: 0) == 0.9)
  }
}
