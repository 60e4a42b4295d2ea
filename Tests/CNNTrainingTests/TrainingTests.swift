import CAllocationCounter
import CNNKernels
import CNNKit
import Foundation
import Testing

@Suite struct TrainingTests {
  private func options(_ change: (inout TrainingOptions) -> Void = { _ in }) -> TrainingOptions {
    var options = TrainingOptions()
    options.learningRate = 0.01
    options.batchSize = 12
    change(&options)
    return options
  }

  private func batch(_ count: Int) throws -> (inputs: [Float], labels: [Int64]) {
    let data = try stripes(count)
    var inputs = [Float](repeating: 0, count: count * 36)
    for index in 0..<count {
      try inputs.withUnsafeMutableBufferPointer {
        try data.read(
          index, into: UnsafeMutableBufferPointer(rebasing: $0[index * 36..<(index + 1) * 36]),
          augmentation: nil)
      }
    }
    return (inputs, try (0..<count).map { Int64(try data.label(at: $0)) })
  }

  private func step(
    _ training: Training, _ batch: (inputs: [Float], labels: [Int64])
  ) throws -> Double {
    try batch.inputs.withUnsafeBufferPointer { inputs in
      try batch.labels.withUnsafeBufferPointer { labels in
        try training.step(batch: batch.labels.count, inputs: inputs, labels: labels)
      }
    }
  }

  @Test(arguments: ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw"])
  func everyOptimizerReducesTheLoss(name: String) throws {
    let training = try Training(
      model: makeModel(smallNetwork(dropout: 0)),
      options: options {
        $0.optimizer = OptimizerSpecification(name)
        $0.learningRate = name == "sgd" || name == "adagrad" ? 0.1 : nil
      })
    let data = try batch(12)
    let first = try step(training, data)
    var last = first
    for _ in 0..<60 { last = try step(training, data) }
    #expect(last < first / 3, "\(first) \(last)")
  }

  @Test func theStepIsTheSumOfItsParts() throws {
    let data = try batch(12)
    let whole = try Training(model: makeModel(smallNetwork()), options: options())
    let parts = try Training(model: makeModel(smallNetwork()), options: options())
    for _ in 0..<3 {
      let loss = try step(whole, data)
      let input = try parts.input(batch: 12)
      for index in input.indices { input[index] = data.inputs[index] }
      try data.labels.withUnsafeBufferPointer { try parts.setLabels($0) }
      try parts.zeroGradients()
      try parts.forward()
      #expect(try parts.computeLoss() == loss)
      try parts.backward()
      try parts.optimizerStep()
    }
    #expect(try numbers(of: whole.model) == numbers(of: parts.model))
  }

  @Test func ownGradientsTrain() throws {
    // Maximise the first logit: the gradient of its negative.
    let training = try Training(
      model: makeModel(linearNetwork()),
      options: options {
        $0.losses = []
        $0.optimizer = OptimizerSpecification("sgd")
      })
    let input = try training.input(batch: 1)
    for index in input.indices { input[index] = 1 }
    try training.forward()
    let before = try training.session.output()[0]
    #expect(try training.computeLoss() == 0)
    try training.session.outputGradient()[0] = -1
    try training.zeroGradients()
    try training.backward()
    try training.optimizerStep()
    try training.forward()
    // Four weights and a bias move by 0.01 each, the inputs are 1.
    #expect(abs(try training.session.output()[0] - before - 0.05) < 1e-6)
  }

  @Test func headsAddUp() throws {
    let graph = Graph(
      input: [4],
      layers: [
        Graph.Node("body", type: "linear", ["out_features": 5]),
        Graph.Node("kind", type: "linear", ["out_features": 3], inputs: ["body"]),
        Graph.Node("box", type: "linear", ["out_features": 4], inputs: ["body"]),
      ], outputs: ["kind", "box"])
    func loss(_ kind: Double, _ box: Double) throws -> Double {
      let training = try Training(
        model: makeModel(graph),
        options: options {
          $0.losses = [
            LossSpecification("softmax_cross_entropy", output: "kind", weight: kind),
            LossSpecification("smooth_l1", output: "box", weight: box),
          ]
        })
      let input = try training.input(batch: 2)
      for index in input.indices { input[index] = Float(index) / 8 }
      try [0, 2].withUnsafeBufferPointer { try training.setLabels($0, output: "kind") }
      try [Float](repeating: 3, count: 8).withUnsafeBufferPointer {
        try training.setTargets($0, output: "box")
      }
      return try training.step()
    }
    let (kind, box) = (try loss(1, 0), try loss(0, 1))
    #expect(kind > 0 && box > 0)
    #expect(isClose(try loss(2, 0.5), 2 * kind + 0.5 * box, 1e-9))
  }

  @Test func takesNoMemoryInSteadyState() throws {
    let training = try Training(
      model: makeModel(smallNetwork()),
      options: options {
        $0.clipNorm = 1
        $0.clipValue = 1
        $0.weightDecay = 1e-4
        $0.schedule = LearningRateSchedule(.step(epochs: 2, factor: 0.5), warmupSteps: 5)
      })
    let data = try batch(12)
    for _ in 0..<3 { _ = try step(training, data) }
    var sum = 0.0
    allocation_counter_start()
    for _ in 0..<100 { sum += try step(training, data) }
    #expect(allocation_counter_stop() == 0)
    // The counter counts.
    allocation_counter_start()
    let array = [Double](repeating: sum, count: Int.random(in: 50...60))
    #expect(allocation_counter_stop() > 0)
    #expect(array.count >= 50)
    #expect(sum > 0)
  }

  @Test func namesTheFirstLayerThatIsNotFinite() throws {
    let model = try makeModel(smallNetwork(dropout: 0))
    let training = try Training(model: model, options: options())
    let data = try batch(12)
    _ = try step(training, data)
    var weights = try model.values(of: "logits.weight")
    weights[0] = .infinity
    try model.setValues(of: "logits.weight", to: weights)
    let before = try numbers(of: model)
    let error = failure { _ = try step(training, data) }
    #expect(error?.code == .nonFinite)
    #expect(error?.message.contains("step 2") == true)
    #expect(error?.message.contains("\"logits\"") == true, "\(error?.message ?? "")")
    #expect(try numbers(of: model) == before)
  }

  @Test func aGradientThatIsNotFiniteChangesNothing() throws {
    let model = try makeModel(linearNetwork())
    let training = try Training(model: model, options: options())
    let input = try training.input(batch: 1)
    for index in input.indices { input[index] = 1 }
    let before = try numbers(of: model)
    try training.forward()
    try training.session.outputGradient()[1] = .nan
    try training.zeroGradients()
    try training.backward()
    let error = failure { try training.optimizerStep() }
    #expect(error?.code == .nonFinite)
    #expect(error?.message.contains("fc.") == true)
    #expect(try numbers(of: model) == before)
    #expect(training.progress.step == 0)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let training = try Training(model: makeModel(smallNetwork()), options: options())
    let data = try batch(12)
    #expect(failure { try training.forward() }?.message.contains("never set") == true)
    #expect(failure { try training.backward() }?.code == .invalidArgument)
    for count in [0, -1, 13, .max] {
      #expect(failure { _ = try training.input(batch: count) }?.code == .invalidArgument)
    }
    for index in [-1, 1, .max] {
      #expect(failure { _ = try training.input(index, batch: 1) }?.code == .invalidArgument)
    }
    func labels(_ labels: [Int64]) -> CNNError.Code? {
      failure { try labels.withUnsafeBufferPointer { try training.setLabels($0) } }?.code
    }
    #expect(labels([0, 3]) == .invalidArgument)
    #expect(labels([-1]) == .invalidArgument)
    #expect(labels([.max]) == .invalidArgument)
    #expect(labels([]) == .shapeMismatch)
    #expect(labels([Int64](repeating: 0, count: 13)) == .shapeMismatch)
    let short = failure {
      _ = try step(training, (inputs: Array(data.inputs.dropLast()), labels: data.labels))
    }
    #expect(short?.code == .shapeMismatch)
    // Labels of another batch than the inputs.
    _ = try training.input(batch: 4)
    try [0, 1].withUnsafeBufferPointer { try training.setLabels($0) }
    #expect(failure { _ = try training.step() }?.code == .shapeMismatch)
    for rate in [-1, .nan, .infinity] {
      #expect(failure { try training.setLearningRate(rate) }?.code == .invalidArgument)
    }
    try training.setLearningRate(0.25)
    #expect(training.learningRate == 0.25)
  }

  @Test func savesAndGoesOn() throws {
    let folder = try TemporaryFolder()
    let data = try batch(12)
    let settings = options { $0.schedule = LearningRateSchedule(warmupSteps: 10) }
    let whole = try Training(model: makeModel(smallNetwork()), options: settings)
    for _ in 0..<3 { _ = try step(whole, data) }
    try whole.save(to: folder.path("a"))
    let resumed = try Training(model: makeModel(smallNetwork(), seed: 99), options: settings)
    try resumed.load(from: folder.path("a"))
    for _ in 0..<3 { #expect(try step(whole, data) == step(resumed, data)) }
    #expect(try numbers(of: whole.model) == numbers(of: resumed.model))
    try whole.save(to: folder.path("b"))
    try resumed.save(to: folder.path("c"))
    #expect(try folder.bytes("b") == folder.bytes("c"))

    let other = try Training(
      model: makeModel(smallNetwork()),
      options: options { $0.optimizer = OptimizerSpecification("sgd") })
    let before = try numbers(of: other.model)
    #expect(failure { try other.load(from: folder.path("a")) }?.code == .shapeMismatch)
    let otherGraph = try Training(model: makeModel(linearNetwork()), options: options())
    #expect(failure { try otherGraph.load(from: folder.path("a")) }?.code == .shapeMismatch)
    #expect(failure { try other.load(from: folder.path("none")) }?.code == .inputOutput)
    #expect(try numbers(of: other.model) == before)
  }

  @Test func damagedCheckpointsAreRefusedAndChangeNothing() throws {
    let folder = try TemporaryFolder()
    let training = try Training(model: makeModel(linearNetwork()), options: options())
    try training.save(to: folder.path("good"))
    let good = try folder.bytes("good")
    let before = try numbers(of: training.model)
    var random = TestRandom(5)
    for round in 0..<300 {
      var bad = good
      if round < 100 {
        bad = good.prefix(Int.random(in: 0..<good.count, using: &random))
      } else {
        // In the header, where everything has a meaning.
        let header = 8 + Int(good[0]) + Int(good[1]) << 8
        bad[Int.random(in: 0..<header, using: &random)] ^=
          1 << UInt8.random(in: 0..<8, using: &random)
      }
      try bad.write(to: folder.url.appendingPathComponent("bad"))
      if failure({ try training.load(from: folder.path("bad")) }) != nil {
        #expect(try numbers(of: training.model) == before)
      }
    }
  }
}
