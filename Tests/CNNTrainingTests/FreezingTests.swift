import CNNKit
import Foundation
import Testing

@Suite struct FreezingTests {
  private func options(_ change: (inout TrainingOptions) -> Void) -> TrainingOptions {
    var options = TrainingOptions()
    options.batchSize = 8
    options.optimizer = OptimizerSpecification("sgd")
    options.learningRate = 0.1
    change(&options)
    return options
  }

  /// Two linear layers with a normalisation between them, whose running statistics are no defaults.
  private func model() throws -> Model {
    let model = try makeModel(
      Graph(
        input: [4],
        layers: [
          Graph.Node("first.fc", type: "linear", ["out_features": 5]),
          Graph.Node("first.norm", type: "batch_norm"), Graph.Node("relu", type: "relu"),
          Graph.Node("second.fc", type: "linear", ["out_features": 3]),
        ]))
    try model.setValues(of: "first.norm.running_mean", to: [0.1, -0.2, 0.3, 0, 0.5])
    try model.setValues(of: "first.norm.running_var", to: [0.5, 2, 1, 0.7, 1.5])
    try model.setValues(of: "first.norm.weight", to: [1, 0.5, -1, 2, 1.5])
    try model.setValues(of: "first.norm.bias", to: [0.3, 0.2, 0.1, 0, 0.4])
    return model
  }

  private func feed(_ training: Training, seed: UInt64 = 1) throws {
    var random = TestRandom(seed)
    let input = try training.input(batch: 8)
    for index in input.indices { input[index] = random.number() }
    try [0, 1, 2, 1, 0, 2, 2, 1].withUnsafeBufferPointer { try training.setLabels($0) }
  }

  private func all(_ model: Model) throws -> [String: [Float]] {
    var values: [String: [Float]] = [:]
    for slot in model.parameters + model.states {
      values[slot.name] = try model.values(of: slot.name)
    }
    return values
  }

  // MARK: What stays

  @Test(arguments: [true, false])
  func frozenLayersKeepEveryBit(withStatistics: Bool) throws {
    let model = try model()
    let before = try all(model)
    let training = try Training(
      model: model,
      options: options {
        $0.frozen = ["first.*"]
        $0.weightDecay = 0.1
        $0.statistics = withStatistics ? .frozenLayers : .never
      })
    for step in 0..<5 {
      try feed(training, seed: UInt64(step))
      _ = try training.step()
    }
    let after = try all(model)
    for name in before.keys {
      let isKept = before[name] == after[name]
      let moves =
        name.hasPrefix("second") || (!withStatistics && name.hasPrefix("first.norm.running"))
      #expect(isKept != moves, "\(name)")
    }
  }

  @Test func aNormalisationThatIsTrainedInPartFollowsItsData() throws {
    let model = try model()
    let before = try all(model)
    let training = try Training(
      model: model, options: options { $0.frozen = ["first.fc.*", "first.norm.weight"] })
    try feed(training)
    _ = try training.step()
    #expect(try all(model)["first.norm.running_mean"] != before["first.norm.running_mean"])
  }

  @Test func allStatisticsStayWhileParametersAreTrained() throws {
    let model = try model()
    let before = try all(model)
    let training = try Training(model: model, options: options { $0.statistics = .always })
    try feed(training)
    _ = try training.step()
    let after = try all(model)
    for name in before.keys {
      #expect((before[name] == after[name]) == name.contains("running"), "\(name)")
    }
  }

  /// Everything before the head computes what it computes when predicting.
  @Test func frozenLayersComputeAsInPrediction() throws {
    let model = try model()
    let training = try Training(model: model, options: options { $0.frozen = ["first.*"] })
    try feed(training)
    try training.forward()
    let trained = Array(try training.session.output())
    let session = try Session(model: model, capacity: 8)
    let input = try session.input()
    let given = try training.input(batch: 8)
    for index in input.indices { input[index] = given[index] }
    try session.run(batch: 8)
    for (a, b) in zip(trained, try session.output()) { #expect(abs(a - b) < 1e-5) }
  }

  // MARK: Gradients through running statistics

  @Test(arguments: [["first.norm.*"], []])
  func gradientsAgreeWithDifferences(frozen: Set<String>) throws {
    let model = try model()
    let training = try Training(
      model: model,
      options: options {
        $0.frozen = frozen
        $0.statistics = frozen.isEmpty ? .always : .frozenLayers
      })
    try feed(training)
    func loss() throws -> Double {
      try training.forward()
      return try training.computeLoss()
    }
    _ = try loss()
    try training.zeroGradients()
    try training.backward()
    let checked =
      frozen.isEmpty
      ? ["first.fc.weight", "first.norm.weight", "first.norm.bias"]
      : ["first.fc.weight", "first.fc.bias"]
    for name in checked {
      let gradient = Array(try training.session.gradient(of: name))
      let memory = try model.memory(of: name)
      #expect(gradient.contains { abs($0) > 1e-3 })
      for index in memory.indices {
        let old = memory[index]
        memory[index] = old + 1e-2
        let above = try loss()
        memory[index] = old - 1e-2
        let below = try loss()
        memory[index] = old
        let difference = (above - below) / 2e-2
        #expect(abs(difference - Double(gradient[index])) < 4e-3, "\(name)[\(index)]")
      }
    }
  }

  // MARK: Rates by pattern

  @Test func everyPatternHasItsRate() throws {
    let model = try model()
    let training = try Training(
      model: model,
      options: options {
        $0.weightDecay = 0.5
        // The most specific pattern counts: "first.*" over "*", the full name over both.
        $0.learningRates = ["*": 2, "first.*": 0.25, "first.fc.bias": 0, "second.f?.weight": 1]
        $0.decayOverrides = ["*.fc.*": false, "second.fc.bias": true]
      })
    try feed(training)
    try training.zeroGradients()
    try training.forward()
    _ = try training.computeLoss()
    try training.backward()
    let before = try all(model)
    var gradients: [String: [Float]] = [:]
    for slot in model.parameters {
      gradients[slot.name] = Array(try training.session.gradient(of: slot.name))
    }
    try training.optimizerStep()
    let after = try all(model)
    let expected: [String: (factor: Float, decay: Float)] = [
      "first.fc.weight": (0.25, 0), "first.fc.bias": (0, 0), "first.norm.weight": (0.25, 0),
      "first.norm.bias": (0.25, 0), "second.fc.weight": (1, 0), "second.fc.bias": (2, 0.5),
    ]
    #expect(Set(expected.keys) == Set(model.parameters.map(\.name)))
    for (name, rule) in expected {
      let (p, g) = (try #require(before[name]), try #require(gradients[name]))
      for index in p.indices {
        let wanted = p[index] - 0.1 * rule.factor * (g[index] + rule.decay * p[index])
        #expect(abs(try #require(after[name])[index] - wanted) < 1e-6, "\(name)[\(index)]")
      }
    }
  }

  /// Parameters change during the backward pass with the same factors, to the bit.
  @Test(arguments: ["sgd", "momentum", "adam", "adamw"])
  func updatesDuringTheBackwardPassHaveTheSameRates(optimizer: String) throws {
    func run(atOnce: Bool) throws -> [String: [Float]] {
      let model = try model()
      let training = try Training(
        model: model,
        options: options {
          $0.optimizer = OptimizerSpecification(optimizer)
          $0.learningRates = ["first.*": 0.1]
          $0.weightDecay = 0.01
        })
      if atOnce { _ = try training.session.gradient(of: "second.fc.bias") }
      for step in 0..<3 {
        try feed(training, seed: UInt64(step))
        _ = try training.step()
      }
      return try all(model)
    }
    #expect(try run(atOnce: true) == run(atOnce: false))
  }

  // MARK: Options

  @Test func readsAndWritesTheOptions() throws {
    let options = try TrainingOptions(
      json: """
        {"frozen": ["layer1.*"], "freeze_statistics": "all", "decay": {"*.bias": true},
         "learning_rates": {"layer4.*": 0.1, "fc.*": 1}}
        """)
    #expect(options.frozen == ["layer1.*"] && options.statistics == .always)
    #expect(options.learningRates == ["layer4.*": 0.1, "fc.*": 1])
    #expect(options.decayOverrides == ["*.bias": true])
    #expect(try TrainingOptions(json: options.json) == options)
    #expect(try TrainingOptions(json: #"{"freeze_statistics": false}"#).statistics == .never)
    // A checkpoint from before these options says nothing of them.
    #expect(!TrainingOptions().json.contains("learning_rates"))
    #expect(!TrainingOptions().json.contains("freeze_statistics"))
  }

  @Test(arguments: [
    (#"{"learning_rates": {"fc.*": -1}}"#, "learning_rates"),
    (#"{"learning_rates": ["fc.*"]}"#, "learning_rates"),
    (#"{"freeze_statistics": 3}"#, "freeze_statistics"),
    (#"{"freeze_statistics": "none"}"#, "freeze_statistics"),
    (#"{"learning_rate": {"fc.*": 1}}"#, "learning_rate"),
  ])
  func unfitValuesNameTheirKey(json: String, key: String) {
    let error = failure { _ = try TrainingOptions(json: json) }
    #expect(error?.code == .invalidArgument && error?.message.contains("\"\(key)\"") == true)
  }

  @Test func patternsThatMatchNothingNameTheNearest() throws {
    let model = try model()
    func error(_ change: (inout TrainingOptions) -> Void) -> String {
      failure { _ = try Training(model: model, options: options(change)) }?.message ?? "no error"
    }
    #expect(error { $0.frozen = ["frist.*"] }.contains("did you mean \"first.*\""))
    #expect(error { $0.learningRates = ["*.fcc.bias": 1] }.contains("\"learning_rates\""))
    #expect(
      error { $0.decayOverrides = ["*.fcc.bias": true] }.contains("did you mean \"*.fc.bias\""))
    #expect(error { $0.learningRates = ["*": .nan] }.contains("learning_rates"))
    #expect(error { $0.frozen = ["*"] }.contains("nothing to train"))
  }

  // MARK: No work for what is frozen

  @Test func theBackwardPassEndsWhereNothingIsTrained() throws {
    let model = try model()
    func memory(_ frozen: Set<String>) throws -> Int {
      try Training(model: model, options: options { $0.frozen = frozen }).session.memoryBytes
    }
    #expect(try memory(["first.*"]) < memory([]))
    let training = try Training(model: model, options: options { $0.frozen = ["first.*"] })
    try feed(training)
    try training.forward()
    _ = try training.computeLoss()
    try training.backward()
    #expect(try training.session.gradient(of: "first.fc.weight").allSatisfy { $0 == 0 })
    #expect(try training.session.gradient(of: "second.fc.weight").contains { $0 != 0 })
  }

  @Test func aResumedRunWithFrozenLayersEndsWithTheSameBits() throws {
    let folder = try TemporaryFolder()
    func run(_ name: String, stopAfter: Int?, resume: Bool = false) throws -> Model {
      let model = try makeModel(smallNetwork())
      var options = TrainerOptions()
      options.epochs = 3
      options.training.batchSize = 8
      options.training.frozen = ["norm.*", "conv.b*"]
      options.training.learningRates = ["conv.*": 0.1]
      options.training.statistics = .always
      options.checkpointPath = folder.path(name)
      options.resume = resume
      let trainer = try Trainer(model: model, dataset: try stripes(50), options: options)
      var steps = 0
      do throws(CNNError) {
        try trainer.fit { _ in
          steps += 1
          return steps == stopAfter ? .cancel : .proceed
        }
      } catch { guard error.code == .cancelled else { throw error } }
      return model
    }
    let whole = try numbers(of: run("whole", stopAfter: nil))
    _ = try run("part", stopAfter: 9)
    #expect(try numbers(of: run("part", stopAfter: nil, resume: true)) == whole)
    #expect(try folder.bytes("part") == folder.bytes("whole"))
  }
}
