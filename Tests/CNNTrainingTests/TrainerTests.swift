import CNNKernels
import CNNKit
import Foundation
import Synchronization
import Testing

@Suite struct TrainerTests {
  private func options(_ change: (inout TrainerOptions) -> Void = { _ in }) -> TrainerOptions {
    var options = TrainerOptions()
    options.training.batchSize = 8
    options.training.learningRate = 0.01
    options.epochs = 3
    change(&options)
    return options
  }

  @Test func learnsAndReports() throws {
    let model = try makeModel(smallNetwork())
    let trainer = try Trainer(
      model: model, dataset: try stripes(60), validation: try stripes(30, seed: 8),
      options: options {
        $0.epochs = 6
        $0.accuracySamples = 12
      })
    var events: [TrainerProgress] = []
    let history = try trainer.fit {
      events.append($0)
      return .proceed
    }
    #expect(history == trainer.history)
    #expect(history.epochs.count == 6 && history.stopped == .finished)
    #expect(history.steps.count == 6 * 8)
    #expect(history.epochs[5].loss < history.epochs[0].loss / 2)
    #expect(try #require(history.epochs[5].validationAccuracy) > 0.9)
    #expect(history.epochs.allSatisfy { $0.seconds ?? 0 > 0 })
    #expect(history.accuracySamples.map(\.step) == [1, 8, 16, 24, 32, 40, 48])
    #expect(model.classNames == ["top", "middle", "bottom"])
    let steps = events.filter { $0.event == .step }
    #expect(steps.count == 48 && events.count == 54)
    #expect(steps.map(\.loss) == history.steps)
    #expect(steps.prefix(9).map(\.step) == [1, 2, 3, 4, 5, 6, 7, 8, 1])
    #expect(steps.allSatisfy { $0.stepCount == 8 && $0.epochCount == 6 })
    #expect(events.filter { $0.event == .epoch }.map(\.epoch) == [0, 1, 2, 3, 4, 5])
    let json = history.json
    let parsed = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect((parsed["steps"] as? [Any])?.count == 48)
    #expect(parsed["stopped"] as? String == "finished")
  }

  @Test func overfitsTwentySamples() throws {
    let data = try stripes(20, noise: 3)
    let model = try makeModel(smallNetwork(dropout: 0))
    try Trainer(
      model: model, dataset: data,
      options: options {
        $0.epochs = 60
        $0.training.batchSize = 20
      }
    ).fit()
    let metrics = try evaluate(model, on: data)
    #expect(metrics.accuracy == 1)
    #expect(metrics.loss < 0.05)
  }

  // MARK: The same bytes

  /// Trains with checkpoints; `copyAfter` keeps the checkpoint as it was after that step.
  @discardableResult
  private func run(
    _ folder: TemporaryFolder, _ name: String, seed: UInt64 = 1, threads: Int = 2, workers: Int = 1,
    killAfter: Int? = nil, resume: Bool = false, change: (inout TrainerOptions) -> Void = { _ in }
  ) throws -> Model {
    let before = ThreadPool.threadCount
    ThreadPool.setThreadCount(threads)
    defer { ThreadPool.setThreadCount(before) }
    let model = try makeModel(smallNetwork(), seed: seed)
    let trainer = try Trainer(
      model: model, dataset: try stripes(50), validation: try stripes(20, seed: 8),
      options: options {
        $0.checkpointPath = folder.path(name)
        $0.checkpointInterval = 3
        $0.resume = resume
        $0.workers = workers
        $0.training.schedule = LearningRateSchedule(.cosine(epochs: nil, minimum: 0))
        $0.augmentation = Augmentation(randomCrop: Augmentation.RandomCrop(padding: 1))
        $0.accuracySamples = 10
        change(&$0)
      })
    var steps = 0
    do throws(CNNError) {
      try trainer.fit { progress in
        guard progress.event == .step else { return .proceed }
        steps += 1
        guard steps == killAfter else { return .proceed }
        // What is on disk when the process dies; the cancelled run writes another checkpoint.
        try? FileManager.default.copyItem(atPath: folder.path(name), toPath: folder.path("kept"))
        return .cancel
      }
    } catch {
      guard error.code == .cancelled, killAfter != nil else { throw error }
      try? FileManager.default.removeItem(atPath: folder.path("cancelled"))
      try FileManager.default.moveItem(atPath: folder.path(name), toPath: folder.path("cancelled"))
      try FileManager.default.moveItem(atPath: folder.path("kept"), toPath: folder.path(name))
    }
    return model
  }

  @Test(arguments: [1, 3])
  func threadsDoNotMatter(threads: Int) throws {
    let folder = try TemporaryFolder()
    let one = try run(folder, "two", threads: 2)
    let other = try run(folder, "other", threads: threads, workers: threads - 1)
    #expect(try numbers(of: one) == numbers(of: other))
    #expect(try folder.bytes("two") == folder.bytes("other"))
  }

  // After a step with a checkpoint, after one without, at the end of an epoch, in the last epoch.
  @Test(arguments: [3, 5, 7, 9, 20], [1, 2])
  func aKilledRunEndsWithTheSameBytes(step: Int, accumulation: Int) throws {
    let folder = try TemporaryFolder()
    let change = { (options: inout TrainerOptions) in options.accumulation = accumulation }
    let whole = try run(folder, "whole", change: change)
    // With 2 batches per step there are 12 steps in all.
    let killAfter = accumulation == 1 ? step : (step + 1) / 2 + 2
    try run(folder, "killed", killAfter: killAfter, change: change)
    #expect(try folder.bytes("killed") != folder.bytes("whole"))
    // The resuming process starts from another seed of the parameters, which must not matter.
    let resumed = try run(folder, "killed", seed: 77, resume: true, change: change)
    #expect(try folder.bytes("killed") == folder.bytes("whole"))
    #expect(try numbers(of: resumed) == numbers(of: whole))
    // So does one that was cancelled properly.
    try FileManager.default.removeItem(atPath: folder.path("killed"))
    try FileManager.default.moveItem(
      atPath: folder.path("cancelled"), toPath: folder.path("killed"))
    try run(folder, "killed", seed: 78, resume: true, change: change)
    #expect(try folder.bytes("killed") == folder.bytes("whole"))
    // And resuming what is finished changes nothing.
    let again = try run(folder, "killed", seed: 79, resume: true, change: change)
    #expect(try folder.bytes("killed") == folder.bytes("whole"))
    #expect(try numbers(of: again) == numbers(of: whole))
  }

  @Test func resumingRefusesOtherOptionsAndData() throws {
    let folder = try TemporaryFolder()
    try run(folder, "a")
    func error(_ change: @escaping (inout TrainerOptions) -> Void) -> String {
      failure { try run(folder, "a", resume: true, change: change) }?.message ?? "no error"
    }
    #expect(error { $0.training.seed = 5 }.contains("\"seed\""))
    #expect(error { $0.training.batchSize = 9 }.contains("\"batch_size\""))
    #expect(error { $0.training.optimizer = OptimizerSpecification("sgd") }.contains("optimizer"))
    #expect(error { $0.shuffle = false }.contains("\"shuffle\""))
    #expect(error { $0.augmentation = nil }.contains("\"augment\""))
    // A longer cosine is another schedule; a longer run of a constant rate would do.
    #expect(error { $0.epochs = 5 }.contains("\"schedule\""))
    #expect(error { $0.patience = 100 } == "no error")
    let trainer = try Trainer(
      model: makeModel(smallNetwork()), dataset: try stripes(51),
      validation: try stripes(20, seed: 8),
      options: options {
        $0.checkpointPath = folder.path("a")
        $0.resume = true
      })
    #expect(failure { try trainer.fit() } != nil)
  }

  @Test func moreEpochsCanBeAdded() throws {
    let folder = try TemporaryFolder()
    let constant = { (epochs: Int) in
      { (options: inout TrainerOptions) in
        options.epochs = epochs
        options.training.schedule = LearningRateSchedule()
      }
    }
    try run(folder, "whole", change: constant(4))
    try run(folder, "parts", change: constant(2))
    try run(folder, "parts", resume: true, change: constant(4))
    #expect(try folder.bytes("parts") == folder.bytes("whole"))
  }

  // MARK: Ends

  @Test func cancellingKeepsTheLastStep() throws {
    let model = try makeModel(smallNetwork())
    let trainer = try Trainer(
      model: model, dataset: try stripes(50), validation: try stripes(20), options: options())
    var last: [Float] = []
    let error = failure {
      try trainer.fit { progress in
        // The model can be used in the callback.
        last = (try? numbers(of: model)) ?? []
        return progress.epoch == 1 && progress.step == 2 ? .cancel : .proceed
      }
    }
    #expect(error?.code == .cancelled)
    #expect(trainer.history.stopped == .cancelled)
    #expect(trainer.history.epochs.count == 1 && trainer.history.steps.count == 9)
    #expect(try numbers(of: model) == last)
  }

  @Test func stopsEarlyAndPutsTheBestBack() throws {
    let model = try makeModel(smallNetwork())
    // Labels without sense: the validation result gets no better for long.
    let trainer = try Trainer(
      model: model, dataset: try stripes(30, noise: 30),
      validation: try stripes(60, seed: 3, noise: 30),
      options: options {
        $0.epochs = 200
        $0.patience = 4
      })
    var atEpochs: [[Float]] = []
    let history = try trainer.fit { progress in
      if progress.event == .epoch { atEpochs.append((try? numbers(of: model)) ?? []) }
      return .proceed
    }
    #expect(history.stopped == .patience)
    let best = try #require(history.bestEpoch)
    #expect(history.epochs.count == best + 5)
    let accuracies = history.epochs.compactMap(\.validationAccuracy)
    #expect(accuracies[best] == accuracies.max())
    #expect(try numbers(of: model) == atEpochs[best])
    #expect(atEpochs[best] != atEpochs.last)
    #expect(
      try evaluate(model, on: try stripes(60, seed: 3, noise: 30)).accuracy == accuracies[best])
  }

  @Test func aRunThatDivergesSaysSo() throws {
    let model = try makeModel(linearNetwork(features: 2))
    let data = try TensorDataset(
      inputs: [1, 2, 3, .nan], sampleShape: Shape([2]),
      targets: [.classes([0, 1], names: ["a", "b", "c"])])
    let trainer = try Trainer(model: model, dataset: data, options: options())
    let error = failure { try trainer.fit() }
    #expect(error?.code == .nonFinite)
    #expect(error?.message.contains("step 1") == true)
    #expect(error?.message.contains("\"fc\"") == true)
  }

  @Test func hugeNumbersOfEpochsAndBatchesAreNoTrap() throws {
    let trainer = try Trainer(
      model: makeModel(smallNetwork()), dataset: try stripes(9),
      options: options {
        $0.epochs = .max
        $0.training.batchSize = .max
        $0.accumulation = .max
        $0.historyInterval = .max
        $0.accuracySamples = .max
      })
    #expect(failure { try trainer.fit { _ in .cancel } }?.code == .cancelled)
  }

  @Test func refusesDataThatDoesNotFit() throws {
    func error(_ graph: Graph, _ data: any Dataset, _ loss: String? = nil) throws -> (
      code: CNNError.Code, message: String
    )? {
      let trainer = try Trainer(
        model: makeModel(graph), dataset: data,
        options: options {
          if let loss { $0.training.losses = [LossSpecification(loss)] }
        })
      return failure { try trainer.fit() }
    }
    let data = try stripes(9)
    #expect(try error(linearNetwork(), data)?.code == .shapeMismatch)
    #expect(try error(smallNetwork(), data, "mean_squared_error")?.code == .unsupported)
    var narrow = smallNetwork()
    narrow.layers[6].attributes["out_features"] = 2
    #expect(try error(narrow, data)?.code == .shapeMismatch)
    let values = try TensorDataset(
      inputs: [Float](repeating: 0, count: 8), sampleShape: Shape([4]),
      targets: [.values([1, 2, 3, 4], shape: Shape([2]))])
    #expect(try error(linearNetwork(), values, "mean_squared_error")?.code == .shapeMismatch)
    let empty = try TensorDataset(
      inputs: [Float](), sampleShape: Shape([4]), targets: [.classes([Int](), names: ["a"])])
    #expect(try error(linearNetwork(), empty)?.code == .invalidArgument)
  }

  @Test func accumulationIsALargerBatch() throws {
    func train(_ batch: Int, _ accumulation: Int) throws -> Model {
      let model = try makeModel(linearNetwork(features: 36))
      let data = try stripes(24)
      var inputs = [Float](repeating: 0, count: 24 * 36)
      for index in 0..<24 {
        try inputs.withUnsafeMutableBufferPointer {
          try data.read(
            index, into: UnsafeMutableBufferPointer(rebasing: $0[index * 36..<(index + 1) * 36]),
            augmentation: nil)
        }
      }
      let flat = try TensorDataset(
        inputs: inputs, sampleShape: Shape([36]),
        targets: [.classes((0..<24).map { $0 % 3 }, names: ["a", "b", "c"])])
      try Trainer(
        model: model, dataset: flat,
        options: options {
          $0.training.batchSize = batch
          $0.accumulation = accumulation
        }
      ).fit()
      return model
    }
    let (one, two) = (try numbers(of: train(12, 1)), try numbers(of: train(6, 2)))
    for (a, b) in zip(one, two) { #expect(abs(a - b) < 1e-4) }
  }

  @Test func trainsHeadsOnTheirTargets() throws {
    let graph = Graph(
      input: [2],
      layers: [
        Graph.Node("body", type: "linear", ["out_features": 16]),
        Graph.Node("relu", type: "relu"),
        Graph.Node("side", type: "linear", ["out_features": 2], inputs: ["relu"]),
        Graph.Node("sum", type: "linear", ["out_features": 1], inputs: ["relu"]),
      ], outputs: ["side", "sum"])
    var random = TestRandom(4)
    let inputs = (0..<400).map { _ in random.number() }
    let sums = (0..<200).map { inputs[2 * $0] + inputs[2 * $0 + 1] }
    let data = try TensorDataset(
      inputs: inputs, sampleShape: Shape([2]),
      targets: [
        .values(sums, shape: Shape([1]), name: "total"),
        .classes(sums.map { $0 > 0 ? 1 : 0 }, names: ["-", "+"], name: "side"),
      ])
    let model = try makeModel(graph)
    let losses = [
      LossSpecification("softmax_cross_entropy", output: "side"),
      LossSpecification("mean_squared_error", output: "sum", weight: 2, target: "total"),
    ]
    try Trainer(
      model: model, dataset: data,
      options: options {
        $0.epochs = 40
        $0.training.losses = losses
      }
    ).fit()
    var evaluation = EvaluationOptions()
    evaluation.losses = losses
    let metrics = try evaluate(model, on: data, options: evaluation)
    #expect(try #require(metrics.accuracy) > 0.9)
    #expect(try #require(metrics.losses["sum"]) < 0.02)
    let side = try #require(metrics.losses["side"])
    let sum = try #require(metrics.losses["sum"])
    #expect(isClose(metrics.loss, side + 2 * sum, 1e-9))
  }
}
