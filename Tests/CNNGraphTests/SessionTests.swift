import CNNGraph
import CNNKit
import CNNLayerKit
import Synchronization
import Testing

@Suite("models and sessions")
struct SessionTests {
  init() throws { try registerBuiltinLayers() }

  static let graph = Graph(
    input: [5, 4, 2],
    layers: [
      Graph.Node("conv", type: "conv2d", ["out_channels": 3, "kernel_size": [2, 3]]),
      Graph.Node("bn", type: "batch_norm"),
      Graph.Node("relu", type: "relu"),
      Graph.Node("flatten", type: "flatten"),
      Graph.Node("fc", type: "linear", ["out_features": 2]),
    ])

  func expectError(
    _ code: CNNError.Code, _ fragment: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) {
    let error = #expect(throws: CNNError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: sourceLocation)
    #expect(
      error?.message.contains(fragment) == true, "\(error?.message ?? "")",
      sourceLocation: sourceLocation)
  }

  @Test("values are set and read in the field's layout")
  func fieldLayout() throws {
    let model = try Model(SessionTests.graph)
    let values = (0..<36).map(Float.init)
    try model.setValues(of: "conv.weight", to: values)
    #expect(try model.values(of: "conv.weight") == values)
    #expect(model.parameters[0].fileShape == [3, 2, 2, 3])
    // [out 1, in 1, row 0, column 2] is at 1·12 + 1·6 + 0·3 + 2 in files and, with the channel
    // last, at 1·12 + 0·6 + 2·2 + 1 in memory.
    #expect(try model.memory(of: "conv.weight")[17] == 20)
    expectError(.shapeMismatch, "36 numbers of shape [3, 2, 2, 3], got 2") {
      try model.setValues(of: "conv.weight", to: [1, 2])
    }
    expectError(.unknownName, "did you mean \"conv.weight\"?") {
      _ = try model.values(of: "conv.weights")
    }
  }

  @Test("the seed decides the first values")
  func seeds() throws {
    let (a, b, c) = (
      try Model(SessionTests.graph, seed: 1), try Model(SessionTests.graph, seed: 1),
      try Model(SessionTests.graph, seed: 2)
    )
    #expect(try a.values(of: "fc.weight") == b.values(of: "fc.weight"))
    #expect(try a.values(of: "fc.weight") != c.values(of: "fc.weight"))
    #expect(try Set(a.values(of: "fc.weight")).count == 24 * 2)
    #expect(try a.values(of: "bn.running_var") == [1, 1, 1])
  }

  @Test("sessions refuse what they cannot do, by name")
  func sessionErrors() throws {
    let model = try Model(SessionTests.graph)
    expectError(.invalidArgument, "at least 1") { _ = try Session(model: model, capacity: 0) }
    expectError(.unknownName, "rely") { _ = try Session(model: model, keep: ["rely"]) }
    let session = try Session(model: model, capacity: 2)
    expectError(.invalidArgument, "\"input\" was not supplied") { try session.run(batch: 1) }
    _ = try session.input()
    expectError(.invalidArgument, "1 to 2 samples") { try session.run(batch: 3) }
    expectError(.invalidArgument, "1 to 2 samples") { try session.run(batch: .min) }
    expectError(.invalidArgument, "no input 1") { _ = try session.input(1) }
    expectError(.invalidArgument, "no output -1") { _ = try session.output(-1) }
    expectError(.invalidArgument, "not kept") { _ = try session.tensor("relu") }
  }

  @Test("training sessions refuse what they cannot do, by name")
  func trainingErrors() throws {
    let model = try Model(SessionTests.graph)
    expectError(.invalidArgument, "at least 1") {
      _ = try TrainingSession(model: model, options: .init(capacity: 0))
    }
    expectError(.unknownName, "did you mean \"fc.bias\"?") {
      _ = try TrainingSession(model: model, options: .init(capacity: 1, frozen: ["fc.bais"]))
    }
    expectError(.unsupported, "nothing to train") {
      _ = try TrainingSession(
        model: model, options: .init(capacity: 1, frozen: Set(model.parameters.map(\.name))))
    }
    let session = try TrainingSession(model: model, options: .init(capacity: 2))
    expectError(.invalidArgument, "call forward first") { try session.backward() }
    _ = try session.input()
    expectError(.invalidArgument, "1 to 2 samples") {
      try session.forward(batch: 3, random: RandomKey(seed: 0))
    }
    expectError(.unknownName, "fc.weight") { _ = try session.gradient(of: "fc.wieght") }
  }

  @Test("what no memory can hold is an error")
  func memory() throws {
    let model = try Model(SessionTests.graph)
    for capacity in [Int.max, Int.max / 64, 1 << 48] {
      for keep in [[], ["relu"]] {
        let error = #expect(throws: CNNError.self) {
          try Session(model: model, capacity: capacity, keep: keep)
        }
        #expect(error?.code == .outOfMemory, "\(error?.message ?? "")")
      }
      let error = #expect(throws: CNNError.self) {
        try TrainingSession(model: model, options: .init(capacity: capacity))
      }
      #expect(error?.code == .outOfMemory, "\(error?.message ?? "")")
    }
    let huge = Graph(
      input: [1 << 30], layers: [Graph.Node("fc", type: "linear", ["out_features": 16_777_216])])
    let error = #expect(throws: CNNError.self) { try Model(huge) }
    #expect(error?.code == .outOfMemory, "\(error?.message ?? "")")
  }

  @Test("a model that is being trained is busy for others, and free afterwards")
  func busy() throws {
    let model = try Model(SessionTests.graph)
    let prediction = try Session(model: model)
    _ = try prediction.input()
    let training = try TrainingSession(model: model, options: .init(capacity: 1))
    let other = try TrainingSession(model: model, options: .init(capacity: 1))
    _ = try training.input()
    _ = try other.input()
    try training.withExclusiveAccess { () throws(CNNError) in
      expectError(.busy, "trained") { try prediction.run(batch: 1) }
      expectError(.busy, "trained") { try other.forward(batch: 1, random: RandomKey(seed: 0)) }
      expectError(.busy, "trained") { _ = try model.values(of: "fc.bias") }
      expectError(.busy, "trained") { try model.setValues(of: "fc.bias", to: [1, 2]) }
      try training.forward(batch: 1, random: RandomKey(seed: 0))
      try training.backward()
    }
    try prediction.run(batch: 1)
    try other.forward(batch: 1, random: RandomKey(seed: 0))
    try model.setValues(of: "fc.bias", to: [1, 2])
  }

  @Test("prediction sees parameters that were changed after planning")
  func changedParameters() throws {
    let model = try Model(SessionTests.graph, seed: 3)
    let session = try Session(model: model)
    let input = try session.input()
    for index in input.indices { input[index] = Float(index % 5) }
    func predict() throws -> [Float] {
      try session.run(batch: 1)
      return Array(try session.output())
    }
    let before = try predict()
    // Folded into the convolution: stale preparation would show.
    try model.setValues(of: "bn.bias", to: [1, 1, 1])
    #expect(try predict() != before)
    try model.setValues(of: "bn.bias", to: [0, 0, 0])
    #expect(try predict() == before)
  }

  @Test("frozen parameters keep a gradient of zero and the others theirs")
  func frozen() throws {
    func gradients(frozen: Set<String>) throws -> [String: [Float]] {
      let model = try Model(SessionTests.graph, seed: 4)
      let session = try TrainingSession(model: model, options: .init(capacity: 3, frozen: frozen))
      _ = try session.input().update(from: randomValues(3 * 40, seed: 1))
      try session.forward(batch: 3, random: RandomKey(seed: 0))
      _ = try session.outputGradient().update(from: randomValues(6, seed: 2))
      try session.backward()
      var result: [String: [Float]] = [:]
      for slot in model.parameters {
        result[slot.name] = Array(try session.gradient(of: slot.name))
      }
      return result
    }
    let all = try gradients(frozen: [])
    let some = try gradients(frozen: ["conv.weight", "bn.weight"])
    for (name, values) in all {
      let isFrozen = ["conv.weight", "bn.weight"].contains(name)
      // Without the weight's gradient the bias's is summed by itself, in another order.
      for (x, y) in zip(some[name] ?? [], values) {
        #expect(isFrozen ? x == 0 : abs(x - y) <= 1e-5, "\(name)")
      }
    }
  }

  @Test("gradients add up until they are set to zero")
  func accumulation() throws {
    let model = try Model(SessionTests.graph, seed: 4)
    let session = try TrainingSession(model: model, options: .init(capacity: 1))
    _ = try session.input().update(from: randomValues(40, seed: 1))
    func step() throws {
      try session.forward(batch: 1, random: RandomKey(seed: 0))
      _ = try session.outputGradient().update(from: [1, 2])
      try session.backward()
    }
    try step()
    let once = Array(try session.gradient(of: "fc.bias"))
    #expect(once == [1, 2])
    try step()
    #expect(Array(try session.gradient(of: "fc.bias")) == [2, 4])
    session.zeroGradients()
    #expect(Array(try session.gradient(of: "fc.bias")) == [0, 0])
  }

  @Test("steps are measured one by one, and the last run's outputs are there")
  func stepTimes() throws {
    let model = try Model(SessionTests.graph)
    let session = try Session(model: model, capacity: 2)
    let input = try session.input()
    for index in input.indices { input[index] = Float(index % 7) }
    try session.run(batch: 2)
    let expected = Array(try session.output())
    let steps = try session.measureSteps(batch: 2, runs: 3)
    #expect(steps.map(\.nodes) == [["conv", "bn", "relu"], ["flatten"], ["fc"]])
    #expect(steps.map(\.types) == [["conv2d", "batch_norm", "relu"], ["flatten"], ["linear"]])
    #expect(steps.map(\.outputShape.sizes) == [[4, 2, 3], [24], [2]])
    // 24 outputs of 12 products each, and a bias; two samples.
    #expect(steps[0].operations == 2 * (24 * 12 * 2 + 24))
    #expect(steps.allSatisfy { $0.fastest >= 0 && $0.fastest <= $0.median && $0.pass == .forward })
    #expect(Array(try session.output()) == expected)
    expectError(.invalidArgument, "at least 1 run") {
      _ = try session.measureSteps(batch: 2, runs: 0)
    }
  }

  @Test("steps of training are measured forward, then backward")
  func trainingStepTimes() throws {
    let session = try TrainingSession(
      model: try Model(SessionTests.graph), options: .init(capacity: 2))
    let input = try session.input()
    for index in input.indices { input[index] = Float(index % 7) }
    let steps = try session.measureSteps(batch: 2, runs: 2)
    // The rectifier is computed with the normalisation in front of it.
    let forward = [["conv"], ["bn", "relu"], ["flatten"], ["fc"]]
    #expect(steps.map(\.nodes) == forward + forward.reversed())
    #expect(steps.map(\.pass) == forward.map { _ in .forward } + forward.map { _ in .backward })
    // A new forward pass may follow at once.
    try session.forward(batch: 1, random: RandomKey(seed: 1))
    try session.backward()
  }
}
