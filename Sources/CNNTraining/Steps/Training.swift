public import CNNGraph
import CNNKernels
public import CNNLayerKit
import Synchronization

/// Trains a model a step at a time: memory for gradients, losses, an optimizer and a schedule.
///
/// A step is `forward`, `computeLoss`, `backward` and `optimizerStep`; `step` does all of it. Losses
/// and loops of your own call the parts, and write `session.outputGradient(_:)` themselves.
///
/// ```swift
/// let training = try Training(model: model, options: options)
/// let loss = try training.step(batch: 100, inputs: pixels, labels: labels)
/// ```
///
/// After the first step nothing is allocated. Calls must not overlap: the second one gets `busy`.
/// Between calls the model may be used for predictions.
///
/// Safety: `isBusy` lets one call in at a time.
public final class Training: @unchecked Sendable {
  /// The model that is trained.
  public let model: Model
  /// How it is trained.
  public let options: TrainingOptions
  /// Outputs and gradients of the last forward and backward pass.
  public let session: TrainingSession

  let heads: [LossHead]
  let updater: ParameterUpdater
  let states: ModelMemory
  /// The states before the last forward pass, to go back to if its outputs are not finite.
  private let stateBackup: FloatBuffer
  /// For each input the number of samples that were set; 0 for none.
  private var inputBatches: [Int]
  private let isBusy = Atomic<Bool>(false)

  /// Where the schedule stands.
  public internal(set) var progress = ScheduleProgress()
  /// The rate that the schedule starts from.
  var baseLearningRate: Double
  /// Forward passes so far: each has random numbers of its own.
  var forwardCount = 0
  /// Results of the last `computeLoss`.
  private(set) var lastCounts = Counts()

  /// How many answers were right.
  struct Counts {
    var samples = 0
    /// Positions with a class, and how many of them were right; 0 for losses without classes.
    var positions = 0
    var correct = 0
  }

  /// Prepares to train.
  ///
  /// - Parameters:
  ///   - model: The model, whose parameters change in place.
  ///   - options: How to train.
  /// - Throws: `invalidArgument`, `unknownName` for losses, optimizers, outputs and parameters that
  ///   do not exist, `unsupported` if a layer has no gradient, `outOfMemory`.
  public init(model: Model, options: TrainingOptions) throws(CNNError) {
    try options.validate()
    if let missing = options.schedule.missing { throw missing }
    self.model = model
    self.options = options
    heads = try LossHead.heads(
      options.losses, network: model.network, capacity: options.batchSize)
    let frozen = try model.parameterNames(matching: options.frozen, option: "frozen")
    session = try TrainingSession(
      model: model,
      options: TrainingSession.Options(
        capacity: options.batchSize, inputGradients: options.inputGradients, frozen: frozen,
        statistics: options.statistics))
    updater = try ParameterUpdater(
      model: model, count: session.parameterMemoryCount, options: options, frozen: frozen)
    if updater.needsAllGradients { try session.keepGradients() }
    states = try ModelMemory(model, model.states)
    stateBackup = try FloatBuffer(count: states.count, for: "a copy of the running statistics")
    inputBatches = [Int](repeating: 0, count: model.network.inputs.count)
    baseLearningRate = options.learningRate ?? updater.optimizer.defaultLearningRate
  }

  // MARK: Inputs and targets

  /// Memory for `batch` samples of an input, to be filled before `forward`.
  ///
  /// - Throws: `invalidArgument` for an input that does not exist or a batch that is not from 1 to
  ///   the option's `batchSize`.
  public func input(
    _ index: Int = 0, batch: Int
  ) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    try exclusively { () throws(CNNError) in
      let memory = try session.input(index)
      try note(batch, of: index)
      return UnsafeMutableBufferPointer(
        start: memory.baseAddress, count: batch * model.network.tensors[index].shape.count)
    }
  }

  /// Lets an input be read from the caller's memory, which must hold `batch` samples and stay valid
  /// and unchanged until `backward` has returned.
  public func useInput(
    _ index: Int = 0, _ memory: UnsafeMutablePointer<Float>, batch: Int
  ) throws(CNNError) {
    try exclusively { () throws(CNNError) in
      try session.setInput(index, memory)
      try note(batch, of: index)
    }
  }

  /// Sets the classes that an output should give: one for each position of each sample.
  ///
  /// - Parameters:
  ///   - labels: Class numbers from 0; they are copied.
  ///   - output: The name of an output with a loss, or nil for the first output.
  /// - Throws: `unknownName`, `unsupported` if the loss takes no classes, `shapeMismatch`,
  ///   `invalidArgument` for a number that is no class.
  public func setLabels(
    _ labels: UnsafeBufferPointer<some FixedWidthInteger>, output: String? = nil
  ) throws(CNNError) {
    try exclusively { () throws(CNNError) in try head(output).setLabels(labels) }
  }

  /// Sets the numbers that an output should give, laid out like the output.
  ///
  /// - Throws: `unknownName`, `unsupported` if the loss takes classes only, `shapeMismatch`.
  public func setTargets(
    _ values: UnsafeBufferPointer<Float>, output: String? = nil
  ) throws(CNNError) {
    try exclusively { () throws(CNNError) in try head(output).setValues(values) }
  }

  /// Memory for the target numbers of `batch` samples of an output, to be filled by the caller.
  ///
  /// - Throws: As `setTargets`.
  public func targets(
    output: String? = nil, batch: Int
  ) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    try exclusively { () throws(CNNError) in try head(output).ownValues(batch: batch) }
  }

  private func note(_ batch: Int, of index: Int) throws(CNNError) {
    guard batch >= 1, batch <= options.batchSize else {
      throw .invalidArgument(
        "this training takes 1 to \(options.batchSize) samples at a time (option \"batch_size\"), "
          + "got \(batch)")
    }
    inputBatches[index] = batch
  }

  private func head(_ output: String?) throws(CNNError) -> LossHead {
    for head in heads
    where output == nil ? head.outputIndex == 0 : head.outputName == output {
      return head
    }
    throw .unknownName(
      "output with a loss", output ?? model.network.outputNames[0],
      valid: heads.map(\.outputName))
  }

  // MARK: The parts of a step

  /// Computes the outputs in training mode from the inputs that were set.
  ///
  /// - Throws: `invalidArgument` if an input was never set, `shapeMismatch` if batches differ,
  ///   `busy`, or what a layer throws.
  public func forward() throws(CNNError) {
    try exclusively { () throws(CNNError) in try runForward() }
  }

  /// Computes the losses of the outputs, writes the gradients of the outputs, and returns the
  /// weighted sum of the losses.
  ///
  /// Gradients of outputs without a loss are zero afterwards, for the caller to write.
  /// - Throws: `invalidArgument` without targets, `shapeMismatch` if they are for another batch,
  ///   `nonFinite` if the loss is infinite or not a number; then running statistics are as they
  ///   were before the forward pass.
  public func computeLoss() throws(CNNError) -> Double {
    try exclusively { () throws(CNNError) in try runLoss() }
  }

  /// Computes gradients from the gradients of the outputs, and adds them to those that are there.
  ///
  /// - Throws: `invalidArgument` without a forward pass before, `busy`, or what a layer throws.
  public func backward() throws(CNNError) {
    try exclusively { () throws(CNNError) in try session.backward() }
  }

  /// Sets all gradients to zero.
  public func zeroGradients() throws(CNNError) {
    try exclusively { session.zeroGradients() }
  }

  /// Changes the parameters by their gradients (clipping, weight decay, the optimizer's rule), and
  /// goes on by a step of the schedule.
  ///
  /// - Throws: `nonFinite` if a gradient is infinite or not a number; then the parameters are as
  ///   they were. `busy`.
  public func optimizerStep() throws(CNNError) {
    try exclusively { () throws(CNNError) in try runOptimizer(gradientScale: 1) }
  }

  /// The learning rate of the next step.
  public var learningRate: Double { options.schedule.rate(base: baseLearningRate, at: progress) }

  /// Sets the learning rate that the schedule starts from; the schedule's factors apply to it.
  ///
  /// - Throws: `invalidArgument` unless it is finite and at least 0.
  public func setLearningRate(_ rate: Double) throws(CNNError) {
    guard rate.isFinite, rate >= 0 else {
      throw .invalidArgument("a learning rate is finite and at least 0, got \(rate)")
    }
    try exclusively { baseLearningRate = rate }
  }

  /// Tells the schedule that an epoch is over.
  ///
  /// - Parameter result: What "plateau" watches, where larger is better; nil if it is not known.
  public func endEpoch(result: Double? = nil) throws(CNNError) {
    try exclusively { progress.endEpoch(result: result, schedule: options.schedule) }
  }

  func runForward() throws(CNNError) {
    let batch = try currentBatch()
    states.save(to: stateBackup)
    let key = randomKey
    forwardCount += 1
    lastCounts = Counts()
    try session.forward(batch: batch, random: key)
  }

  func runLoss() throws(CNNError) -> Double {
    // The samples whose outputs are there: inputs may have been set anew since.
    let batch = session.lastBatch
    guard batch > 0 else {
      throw .invalidArgument("a loss needs a forward pass before it")
    }
    var total = 0.0
    var counts = Counts(samples: batch)
    for head in heads {
      guard let output = try session.output(head.outputIndex).baseAddress else { continue }
      let gradient = try session.outputGradient(head.outputIndex)
      let loss = try head.evaluate(
        batch: batch, output: output,
        gradient: session.awaitsBackward ? gradient.baseAddress : nil)
      total += head.weight * loss
      if counts.positions == 0,
        let correct = try head.countCorrect(batch: batch, output: output)
      {
        counts.correct = correct
        counts.positions = batch * head.positions
      }
    }
    guard total.isFinite else { throw try explainNonFinite(total, batch: batch) }
    lastCounts = counts
    return total
  }

  func runOptimizer(gradientScale: Double) throws(CNNError) {
    let isFinite: Bool
    do throws(CNNError) {
      isFinite = try session.withExclusiveAccess { () throws(CNNError) in
        try updater.update(
          try session.keepGradients(), step: progress.step + 1, learningRate: learningRate,
          gradientScale: gradientScale)
      }
    } catch {
      throw explained(error)
    }
    guard isFinite else { throw try explainUnfitGradient("The parameters are as they were") }
    progress.endStep()
  }

  /// Computes gradients and changes each parameter as soon as its gradient is complete.
  func runBackwardAndUpdate() throws(CNNError) {
    updater.begin(step: progress.step + 1, learningRate: learningRate)
    try session.backward(into: updater)
    if let failure = updater.failure {
      try restoreStates()
      throw explained(failure)
    }
    guard !updater.hasFailed else {
      throw try explainUnfitGradient(
        "Parameters of layers behind it were changed already, by gradients that were finite")
    }
    progress.endStep()
  }

  /// Says which optimizer threw an error, and when.
  private func explained(_ error: CNNError) -> CNNError {
    error.prefixed(by: "step \(progress.step + 1), optimizer \"\(options.optimizer.type)\"")
  }

  private func explainUnfitGradient(_ consequence: String) throws(CNNError) -> CNNError {
    try restoreStates()
    let index = updater.unfitGradient ?? 0
    let slot = model.parameters.last { $0.offset <= index }
    return CNNError(
      .nonFinite,
      "step \(progress.step + 1): the gradient of parameter \"\(slot?.name ?? "?")\" is infinite "
        + "or not a number. \(consequence); a lower learning rate or \"clip_norm\" may help")
  }

  /// Runs `body` unless another call of this training is under way.
  func exclusively<Result>(
    _ body: () throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { throw CNNError(.busy, "the training is in use by another thread; wait for it") }
    defer { isBusy.store(false, ordering: .releasing) }
    return try body()
  }

  /// The key of the next forward pass.
  private var randomKey: RandomKey {
    RandomKey(seed: options.seed, step: UInt64(truncatingIfNeeded: forwardCount))
  }

  private func currentBatch() throws(CNNError) -> Int {
    let batch = inputBatches.first ?? 0
    for (index, other) in inputBatches.enumerated() {
      guard other > 0 else {
        throw .invalidArgument("input \"\(model.network.inputNames[index])\" was never set")
      }
      guard other == batch else {
        throw .shapeMismatch(
          "input \"\(model.network.inputNames[index])\" has \(other) samples, "
            + "\"\(model.network.inputNames[0])\" has \(batch)")
      }
    }
    return batch
  }

  /// Finds out where the trouble began, and puts the running statistics back.
  private func explainNonFinite(_ loss: Double, batch: Int) throws(CNNError) -> CNNError {
    try restoreStates()
    var key = randomKey
    key.step = UInt64(truncatingIfNeeded: forwardCount - 1)
    let node = try session.firstNonFiniteNode(batch: batch, random: key)
    try restoreStates()
    let place =
      node.map { "layer \"\($0)\" is the first whose output is not finite" }
      ?? "every layer's output is finite, so the targets or their loss are not"
    return CNNError(
      .nonFinite,
      "step \(progress.step + 1): the loss is \(loss); \(place). The parameters are as they were; a "
        + "lower learning rate, \"clip_norm\" or checking the inputs may help")
  }

  private func restoreStates() throws(CNNError) {
    try session.withExclusiveAccess { () throws(CNNError) in states.restore(from: stateBackup) }
  }
}
