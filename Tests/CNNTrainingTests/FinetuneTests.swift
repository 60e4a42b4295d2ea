import CNNKernels
import CNNKit
import Foundation
import Testing

/// The digits from `first` on, with the classes renumbered from 0.
private func digits(
  _ classes: ClosedRange<Int>, part: DatasetOptions.Part, perClass: Int = .max
) throws -> TensorDataset {
  var options = DatasetOptions()
  options.part = part
  let all = try DatasetLoader.builtIn("digits", options: options)
  var inputs: [Float] = []
  var labels: [Int] = []
  var taken: [Int: Int] = [:]
  var sample = [Float](repeating: 0, count: all.sampleShape.count)
  for index in 0..<all.count {
    let label = try all.label(at: index)
    guard classes.contains(label), taken[label, default: 0] < perClass else { continue }
    taken[label, default: 0] += 1
    try sample.withUnsafeMutableBufferPointer { try all.read(index, into: $0, augmentation: nil) }
    inputs += sample
    labels.append(label - classes.lowerBound)
  }
  return try TensorDataset(
    inputs: inputs, sampleShape: all.sampleShape,
    targets: [.classes(labels, names: classes.map(String.init))])
}

/// A small residual network that knows the digits from 0 to 4, trained once for all tests.
private let trained: Result<Model, any Error> = Result {
  let data = try digits(0...4, part: .train)
  let model = try makeModel(
    Graph.resNetSmall(
      inputShape: data.sampleShape.sizes, classes: 5, widths: [16, 32, 64], blocksPerStage: [1],
      dropout: 0.1))
  var options = TrainerOptions()
  options.epochs = 4
  options.training.learningRate = 5e-3
  options.training.schedule = LearningRateSchedule(.cosine(epochs: nil, minimum: 0))
  try Trainer(model: model, dataset: data, options: options).fit()
  return model
}

@Suite struct FinetuneTests {
  private func options(_ change: (inout FinetuneOptions) -> Void = { _ in }) -> FinetuneOptions {
    var options = FinetuneOptions()
    options.augmentation = Augmentation(randomCrop: Augmentation.RandomCrop(padding: 1))
    options.epochs = 15
    options.learningRate = 3e-3
    change(&options)
    return options
  }

  private func all(_ model: Model) throws -> [String: [Float]] {
    var values: [String: [Float]] = [:]
    for slot in model.parameters + model.states {
      values[slot.name] = try model.values(of: slot.name)
    }
    return values
  }

  @Test func learnsOtherDigitsFromTwentyOfEach() throws {
    let base = try trained.get()
    let before = try all(base)
    let test = try digits(5...9, part: .test)
    let finetuner = try Finetuner(
      base, dataset: try digits(5...9, part: .train, perClass: 20), options: options())
    let history = try finetuner.run()
    let model = finetuner.model
    #expect(try #require(evaluate(model, on: test).accuracy) > 0.7)
    #expect(model.classNames == ["5", "6", "7", "8", "9"])
    #expect(history.phases.map(\.name) == ["head", "body"])
    #expect(history.phases.map(\.history.epochs.count) == [30, 15])
    #expect(history.validationCount == 20 && history.validationAccuracy ?? 0 > 0.8)
    #expect(history.unfrozen.allSatisfy { $0.hasPrefix("layer3.") } && history.unfrozen.count > 5)
    // The model that it began with is what it was; the new one differs in head and last stage only,
    // and in no running statistic.
    #expect(try all(base) == before)
    let after = try all(model)
    for (name, old) in before {
      let isTrained =
        name.hasPrefix("fc") || (name.hasPrefix("layer3.") && !name.contains("running"))
      #expect((after[name] == old) != isTrained, "\(name)")
    }
  }

  @Test func theHeadAloneIsTrainedOnFeatures() throws {
    let base = try trained.get()
    let finetuner = try Finetuner(
      base, dataset: try digits(5...9, part: .train, perClass: 20),
      validation: try digits(5...9, part: .test), options: options { $0.epochs = 0 })
    let history = try finetuner.run()
    #expect(history.phases.map(\.name) == ["head"] && history.keptPhase == "head")
    #expect(history.featureSeconds != nil)
    // What the head alone was judged by is what the whole model does.
    let last = try #require(history.phases[0].history.epochs.last)
    #expect(last.validationAccuracy == history.validationAccuracy)
    #expect(isClose(try #require(last.validationLoss), try #require(history.validationLoss), 1e-5))
    #expect(try #require(history.validationAccuracy) > 0.5)
    let (before, after) = (try all(base), try all(finetuner.model))
    for (name, old) in before { #expect((after[name] == old) != name.hasPrefix("fc"), "\(name)") }
  }

  @Test func givesTheSameBitsWithAnyNumberOfThreads() throws {
    func run(threads: Int, workers: Int) throws -> [Float] {
      let before = ThreadPool.threadCount
      ThreadPool.setThreadCount(threads)
      defer { ThreadPool.setThreadCount(before) }
      let finetuner = try Finetuner(
        try trained.get(), dataset: try digits(5...9, part: .train, perClass: 8),
        options: options {
          $0.workers = workers
          $0.headEpochs = 3
          $0.epochs = 2
          $0.validationShare = 0
        })
      try finetuner.run()
      return try numbers(of: finetuner.model)
    }
    let one = try run(threads: 1, workers: 0)
    #expect(try run(threads: 2, workers: 2) == one)
  }

  @Test func aModelThatKnowsTheClassesKeepsItsHead() throws {
    let base = try trained.get()
    let finetuner = try Finetuner(
      base, dataset: try digits(0...4, part: .train, perClass: 5), options: options())
    #expect(try all(finetuner.model) == all(base))
    #expect(finetuner.model !== base)
  }

  /// Without anything before the head there are no features, and no second phase.
  @Test func aNetworkThatIsOnlyAHeadIsTrainedAsAWhole() throws {
    let data = try stripes(60)
    let graph = Graph(
      input: [6, 6, 1],
      layers: [
        Graph.Node("flat", type: "flatten"),
        Graph.Node("fc", type: "linear", ["out_features": 7]),
      ])
    let finetuner = try Finetuner(
      try makeModel(graph), dataset: data,
      options: options {
        $0.augmentation = Augmentation()
        $0.headLearningRate = 0.05
      })
    let history = try finetuner.run()
    #expect(history.featureSeconds == nil && history.phases.count == 1)
    #expect(history.unfrozen.isEmpty && history.keptPhase == "head")
    #expect(history.validationAccuracy ?? 0 > 0.9)
  }

  @Test(arguments: [1, 20, 400, 1290])
  func aCallbackStopsIt(after count: Int) throws {
    let finetuner = try Finetuner(
      try trained.get(), dataset: try digits(5...9, part: .train, perClass: 20), options: options())
    var calls = 0
    var last: TrainerProgress?
    let error = failure {
      try finetuner.run { progress in
        calls += 1
        last = progress
        return calls < count ? .proceed : .cancel
      }
    }
    #expect(error?.code == .cancelled && calls == count)
    #expect(last?.epochCount == 45)
    #expect(last?.loss.isNaN == (count <= 20))
    #expect(numbersAreFinite(finetuner.model))
  }

  private func numbersAreFinite(_ model: Model) -> Bool {
    (try? numbers(of: model).allSatisfy(\.isFinite)) ?? false
  }

  @Test func epochsAreCountedThroughBothPhases() throws {
    let finetuner = try Finetuner(
      try trained.get(), dataset: try digits(5...9, part: .train, perClass: 5),
      options: options {
        $0.headEpochs = 3
        $0.epochs = 2
      })
    var epochs: [Int] = []
    try finetuner.run { progress in
      if progress.event == .epoch { epochs.append(progress.epoch) }
      return .proceed
    }
    #expect(epochs == [0, 1, 2, 3, 4])
    let parsed = try #require(
      try JSONSerialization.jsonObject(with: Data(finetuner.history.json.utf8)) as? [String: Any])
    let phases = try #require(parsed["phases"] as? [[String: Any]])
    #expect(phases.map { $0["name"] as? String } == ["head", "body"])
    #expect((phases[1]["epochs"] as? [Any])?.count == 2)
  }

  // MARK: What does not fit

  @Test(arguments: [
    (#"{"epochs": -1}"#, CNNError.Code.invalidArgument, "epochs"),
    (#"{"head_epochs": 0.5}"#, .invalidArgument, "head_epochs"),
    (#"{"views": 0}"#, .invalidArgument, "views"),
    (#"{"views": 1e300}"#, .invalidArgument, "views"),
    (#"{"learning_rate": 0}"#, .invalidArgument, "learning_rate"),
    (#"{"head_learning_rate": -1}"#, .invalidArgument, "head_learning_rate"),
    (#"{"unfreeze": "layer4.*"}"#, .invalidArgument, "unfreeze"),
    (#"{"label_smoothing": 1}"#, .invalidArgument, "label_smoothing"),
    (#"{"validation_share": 1}"#, .invalidArgument, "validation_share"),
    (#"{"batch_size": 0}"#, .invalidArgument, "batch_size"),
    (#"{"weight_decay": -1}"#, .invalidArgument, "weight_decay"),
    (#"{"augment": {"flip": 1}}"#, .unknownName, "flip"),
    (#"{"epoch": 1}"#, .unknownName, "epochs"), (#"{"layer": 3}"#, .invalidArgument, "layer"),
    ("[]", .malformedData, "object"),
  ])
  func unfitOptionsNameTheirKey(json: String, code: CNNError.Code, hint: String) {
    let error = failure { _ = try FinetuneOptions(json: json) }
    #expect(error?.code == code && error?.message.contains(hint) == true, "\(error?.message ?? "")")
  }

  @Test func refusesDataThatDoesNotFit() throws {
    let base = try trained.get()
    let good = try digits(5...9, part: .train, perClass: 3)
    let wrongShape = failure { _ = try Finetuner(base, dataset: try stripes(9)) }
    #expect(wrongShape?.code == .shapeMismatch)
    let otherClasses = failure {
      _ = try Finetuner(base, dataset: good, validation: try digits(4...8, part: .test))
    }
    #expect(otherClasses?.code == .shapeMismatch)
    #expect(otherClasses?.message.contains("must be the same") == true)
    let noClasses = try TensorDataset(
      inputs: [Float](repeating: 0, count: 2 * base.network.tensors[0].shape.count),
      sampleShape: base.network.tensors[0].shape, targets: [])
    #expect(failure { _ = try Finetuner(base, dataset: noClasses) }?.code == .invalidArgument)
    let pattern = failure {
      try Finetuner(base, dataset: good, options: options { $0.unfreeze = ["layr3.*"] }).run()
    }
    #expect(pattern?.code == .unknownName)
    #expect(pattern?.message.contains("\"unfreeze\"") == true)
    #expect(pattern?.message.contains("layer3.*") == true)
    let layer = failure {
      _ = try Finetuner(base, dataset: good, options: options { $0.layer = "fd" })
    }
    #expect(layer?.code == .unknownName)
  }
}
