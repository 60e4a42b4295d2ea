import CNNKernels
import CNNLayerKit

/// Which layers keep their running statistics while a model is trained, and compute with them what
/// they compute when predicting.
public enum StatisticsFreezing: Hashable, Sendable {
  /// None: running statistics follow the data, even those of frozen layers.
  case never
  /// Those that have parameters, all of which are frozen.
  case frozenLayers
  /// All that have running statistics, whether their parameters are trained or not: for a model that
  /// is trained further on few samples.
  case always
}

/// Memory and plan to compute outputs and gradients of a model in training mode.
///
/// A step is `forward`, then writing `outputGradient(_:)` (what a loss does), then `backward`, then
/// using `gradient(of:)` (what an optimizer does). Nothing is allocated after creation. One thread
/// at a time may use a training session, and the model is busy for everybody else during each call.
///
/// Safety: `model.access` admits one writer, and every call of this class that computes is one.
public final class TrainingSession: @unchecked Sendable {
  /// How to train.
  public struct Options: Sendable {
    /// The largest number of samples of one step.
    public var capacity: Int
    /// Whether gradients of the network's inputs are computed too.
    public var inputGradients: Bool
    /// Full names of parameters that keep their values.
    public var frozen: Set<String>
    /// Which layers keep their running statistics, and use them as in prediction.
    public var statistics: StatisticsFreezing

    /// Collects options.
    public init(
      capacity: Int, inputGradients: Bool = false, frozen: Set<String> = [],
      statistics: StatisticsFreezing = .frozenLayers
    ) {
      self.capacity = capacity
      self.inputGradients = inputGradients
      self.frozen = frozen
      self.statistics = statistics
    }
  }

  /// The model that is trained.
  public let model: Model
  /// What was asked for at creation.
  public let options: Options

  /// The gradients of all parameters, laid out like the parameters; nil until somebody wants to see
  /// them or to add up several.
  package private(set) var gradientMemory: FloatBuffer?
  let plan: TrainingPlan
  let services: LayerServices
  private var ownInputs: [FloatBuffer?]
  /// The samples of the last `forward`; 0 before the first one, and after one that failed.
  package private(set) var lastBatch = 0
  /// Whether a `backward` may follow: there is one for each `forward`.
  package internal(set) var awaitsBackward = false
  private(set) var lastKey = RandomKey(seed: 0)
  private var holdsAccess = false

  /// Plans training.
  ///
  /// - Throws: `invalidArgument` for a batch below 1, `unknownName` for a frozen parameter that
  ///   does not exist, `unsupported` if a layer has no backward pass, cannot keep its running
  ///   statistics, or nothing is left to train, `outOfMemory`.
  public init(model: Model, options: Options) throws(CNNError) {
    guard options.capacity >= 1 else {
      throw .invalidArgument(
        "the batch of a training session is at least 1, got \(options.capacity)")
    }
    for name in options.frozen.sorted() where !model.parameters.contains(where: { $0.name == name })
    {
      throw .unknownName("frozen parameter", name, valid: model.parameters.map(\.name))
    }
    self.model = model
    self.options = options
    services = HostServices.make()
    plan = try TrainingPlan(model: model, options: options, concurrency: services.concurrency)
    ownInputs = [FloatBuffer?](repeating: nil, count: model.network.inputs.count)
    guard plan.steps.contains(where: { $0.backward != nil }) else {
      throw CNNError(
        .unsupported, "there is nothing to train: no parameter that is not frozen reaches an output"
      )
    }
  }

  /// The bytes that activations, caches and gradients take.
  public var memoryBytes: Int {
    (plan.arena.count + (gradientMemory?.count ?? 0)) * MemoryLayout<Float>.stride
  }

  /// How many numbers the parameters take in the model's memory, gaps included.
  package var parameterMemoryCount: Int { model.parameterLayout.count }

  /// Memory of the session for input `index`, with room for `capacity` samples; see `Session`.
  public func input(_ index: Int = 0) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    try check(index, model.network.inputs, "input")
    let buffer: FloatBuffer
    if let existing = ownInputs[index] {
      buffer = existing
    } else {
      let count = try elementCount(
        options.capacity, model.network.tensors[index].shape.count, of: "the input")
      buffer = try FloatBuffer(count: count, for: "the training session's input")
      ownInputs[index] = buffer
    }
    plan.table.setExternal(index, buffer.pointer)
    return buffer.elements
  }

  /// Lets input `index` be read from the caller's memory, which must hold as many samples as the
  /// next steps have and stay valid and unchanged until `backward` has returned.
  public func setInput(_ index: Int = 0, _ memory: UnsafeMutablePointer<Float>) throws(CNNError) {
    try check(index, model.network.inputs, "input")
    plan.table.setExternal(index, memory)
  }

  /// Computes the outputs in training mode, and sets the gradients of the outputs to zero.
  ///
  /// - Parameters:
  ///   - batch: How many samples the inputs hold, from 1 to `capacity`.
  ///   - random: Decides dropout and the like: the same key gives the same numbers. Its `node` is
  ///     replaced by each node's number.
  /// - Throws: `invalidArgument`, `busy`, or what a layer throws, with its name.
  public func forward(batch: Int, random: RandomKey) throws(CNNError) {
    _ = try runForward(batch: batch, random: random, checking: false)
  }

  /// Computes the outputs again and returns the name of the first node whose output is not finite,
  /// or nil if all are finite.
  public func firstNonFiniteNode(batch: Int, random: RandomKey) throws(CNNError) -> String? {
    try runForward(batch: batch, random: random, checking: true)
  }

  private func runForward(
    batch: Int, random: RandomKey, checking: Bool
  ) throws(CNNError) -> String? {
    guard batch >= 1, batch <= options.capacity else {
      throw .invalidArgument(
        "this training session takes 1 to \(options.capacity) samples at a time, got \(batch)")
    }
    let owns = try beginAccess()
    defer { if owns { model.access.endWriting() } }
    plan.table.bind(batch: batch)
    for index in model.network.inputs where plan.table.externalIsMissing(index) {
      throw .invalidArgument("input \"\(model.network.inputNames[index])\" was not supplied")
    }
    // What a pass that fails leaves behind is the output of nothing.
    lastBatch = 0
    awaitsBackward = false
    lastKey = random
    for step in plan.steps {
      try forward(step, batch)
      if checking, let output = plan.table.list(step.outputs).pointer(0) {
        let count = plan.table.list(step.outputs)[0].count
        if Reduction.firstNonFiniteIndex(output, count: count, slots: services.concurrency) >= 0 {
          return step.name
        }
      }
    }
    for output in model.network.outputs {
      plan.table.resolve(plan.gradients[output], batch: batch).update(repeating: 0)
    }
    lastBatch = batch
    awaitsBackward = true
    return nil
  }

  func forward(_ step: TrainingPlan.Step, _ batch: Int) throws(CNNError) {
    try plan.forward(step, batch: batch, random: lastKey, services: services)
  }

  /// Output `index` of the last `forward`, valid until the next one and while the session lives.
  public func output(_ index: Int = 0) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    try check(index, model.network.outputs.indices, "output")
    return plan.table.resolve(plan.activations[model.network.outputs[index]], batch: lastBatch)
  }

  /// Where the gradient of output `index` is to be written between `forward` and `backward`; empty
  /// if no trained parameter reaches that output.
  public func outputGradient(
    _ index: Int = 0
  ) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    try check(index, model.network.outputs.indices, "output")
    return plan.table.resolve(plan.gradients[model.network.outputs[index]], batch: lastBatch)
  }

  /// The gradient of input `index` after `backward`; empty unless `inputGradients` was asked for.
  public func inputGradient(
    _ index: Int = 0
  ) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    try check(index, model.network.inputs, "input")
    return plan.table.resolve(plan.gradients[index], batch: lastBatch)
  }

  /// The gradient of a parameter, in the layout of memory; valid as long as the session.
  ///
  /// - Throws: `unknownName`; `outOfMemory`, because the memory for all gradients is taken when they
  ///   are first asked for.
  public func gradient(of name: String) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    guard let slot = model.parameters.first(where: { $0.name == name }) else {
      throw .unknownName("parameter", name, valid: model.parameters.map(\.name))
    }
    return model.memory(of: slot, in: try keepGradients())
  }

  /// Returns the memory for the gradients of all parameters, which is taken if it is not there.
  ///
  /// From then on `backward` adds to it.
  @discardableResult
  package func keepGradients() throws(CNNError) -> FloatBuffer {
    if let gradientMemory { return gradientMemory }
    let memory = try FloatBuffer(count: model.parameterLayout.count, for: "gradients")
    gradientMemory = memory
    plan.table.setExternal(plan.gradientSlot, memory.pointer)
    return memory
  }

  /// Runs `body` with the model reserved for this session, so that no call in between can find it
  /// busy; calls of this session inside need not ask again.
  package func withExclusiveAccess<Result>(
    _ body: () throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    let owns = try beginAccess()
    holdsAccess = true
    defer {
      if owns {
        holdsAccess = false
        model.access.endWriting()
      }
    }
    return try body()
  }

  /// Returns whether access was taken by this call, so that the caller has to end it.
  func beginAccess() throws(CNNError) -> Bool {
    if holdsAccess { return false }
    try model.access.beginWriting()
    return true
  }

  private func check(_ index: Int, _ range: Range<Int>, _ what: String) throws(CNNError) {
    guard range.contains(index) else {
      throw .invalidArgument(
        "the network has \(range.count) \(what)(s), there is no \(what) \(index)")
    }
  }
}
