import CNNKernels
import CNNKit
import Testing

/// `Training.step` changes parameters while the backward pass runs, and must not be told from the
/// way over the gradients of all parameters.
@Suite struct UpdateDuringBackwardTests {
  /// Linear layers whose gradients are cut into several blocks, with odd sizes, beside others.
  private static let graph = Graph(
    input: [5, 7, 3],
    layers: [
      Graph.Node("conv", type: "conv2d", ["out_channels": 61, "kernel_size": 3, "padding": 1]),
      Graph.Node("norm", type: "batch_norm"),
      Graph.Node("relu", type: "relu"),
      Graph.Node("flat", type: "flatten"),
      Graph.Node("wide", type: "linear", ["out_features": 71]),
      Graph.Node("wide.relu", type: "relu"),
      Graph.Node("drop", type: "dropout", ["p": 0.25]),
      Graph.Node("logits", type: "linear", ["out_features": 5, "bias": false]),
    ])

  private func training(
    _ optimizer: String, _ change: (inout TrainingOptions) -> Void = { _ in }
  ) throws -> Training {
    var options = TrainingOptions()
    options.batchSize = 6
    options.optimizer = OptimizerSpecification(optimizer)
    options.learningRate = 0.01
    options.weightDecay = 0.01
    change(&options)
    let training = try Training(
      model: makeModel(UpdateDuringBackwardTests.graph), options: options)
    var random = TestRandom(3)
    let input = try training.input(batch: 6)
    for index in input.indices { input[index] = random.number() }
    try [0, 1, 2, 3, 4, 0].withUnsafeBufferPointer { try training.setLabels($0) }
    return training
  }

  private func stepByParts(_ training: Training) throws -> Double {
    try training.zeroGradients()
    try training.forward()
    let loss = try training.computeLoss()
    try training.backward()
    try training.optimizerStep()
    return loss
  }

  @Test(arguments: ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw"])
  func hasTheBitsOfTheParts(optimizer: String) throws {
    let whole = try training(optimizer)
    let parts = try training(optimizer)
    for _ in 0..<3 { #expect(try whole.step() == stepByParts(parts)) }
    #expect(try numbers(of: whole.model) == numbers(of: parts.model))
    #expect(whole.progress.step == 3)
    // The two ways may take turns.
    _ = try stepByParts(whole)
    _ = try parts.step()
    #expect(try numbers(of: whole.model) == numbers(of: parts.model))
  }

  @Test(arguments: [Set(["wide.weight"]), ["wide.bias", "conv.weight"], ["logits.weight"]])
  func leavesFrozenParametersAlone(frozen: Set<String>) throws {
    let whole = try training("momentum") { $0.frozen = frozen }
    let parts = try training("momentum") { $0.frozen = frozen }
    let start = try training("momentum").model
    for _ in 0..<2 { #expect(try whole.step() == stepByParts(parts)) }
    #expect(try numbers(of: whole.model) == numbers(of: parts.model))
    for slot in start.parameters {
      let isSame = try whole.model.values(of: slot.name) == start.values(of: slot.name)
      #expect(isSame == frozen.contains(slot.name), "\(slot.name)")
    }
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    var expected: [Float]?
    for threads in [1, 2, 3, 8] {
      ThreadPool.setThreadCount(threads)
      let training = try training("adam")
      for _ in 0..<3 { _ = try training.step() }
      let result = try numbers(of: training.model)
      #expect(expected == nil || result == expected, "\(threads) threads")
      expected = result
    }
  }

  @Test func takesMemoryForAllGradientsOnlyWhenTheyAreWanted() throws {
    let count = try training("sgd").model.parameterCount * 4
    let plain = try training("sgd")
    _ = try plain.step()
    let bytes = plain.session.memoryBytes
    #expect(try training("sgd") { $0.clipNorm = 1 }.session.memoryBytes >= bytes + count)
    // Who has asked once sees the gradients of every step from then on.
    #expect(try plain.session.gradient(of: "wide.weight").allSatisfy { $0 == 0 })
    #expect(plain.session.memoryBytes >= bytes + count)
    _ = try plain.step()
    #expect(try plain.session.gradient(of: "wide.weight").contains { $0 != 0 })
  }

  @Test func gradientsThatAreNotFiniteChangeNoParameterToSuch() throws {
    let training = try training("sgd") { $0.weightDecay = 0 }
    let model = training.model
    // Finite outputs and loss, but the gradient that reaches the convolution overflows.
    var weights = try model.values(of: "wide.weight")
    for index in weights.indices { weights[index] = index.isMultiple(of: 2) ? 3e38 : -3e38 }
    try model.setValues(of: "wide.weight", to: weights)
    try model.setValues(
      of: "norm.weight", to: [Float](repeating: 1e-38, count: 61))
    try model.setValues(of: "norm.bias", to: [Float](repeating: 1e-38, count: 61))
    let before = try numbers(of: model)
    let error = failure { _ = try training.step() }
    #expect(error?.code == .nonFinite)
    #expect(error?.message.contains("gradient of parameter") == true, "\(error?.message ?? "")")
    #expect(training.progress.step == 0)
    let after = try numbers(of: model)
    #expect(after.allSatisfy { $0.isFinite })
    #expect(after != before)
  }
}
