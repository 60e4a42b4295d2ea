import CNNKernels
import CNNLayerKit
import Synchronization

/// Memory and plan to predict with a model, for batches of up to a given size.
///
/// Planning takes memory once; running takes none. One thread at a time may use a session; as many
/// sessions as there are threads may share a model.
///
/// Safety: `isRunning` lets one call in at a time, so the plan's memory has one user.
public final class Session: @unchecked Sendable {
  /// The model that predicts.
  public let model: Model
  /// The largest number of samples of one run.
  public let capacity: Int

  let program: InferenceProgram
  let plan: InferencePlan
  private let services: LayerServices
  private var ownInputs: [FloatBuffer?]
  private var lastBatch = 0
  private let isRunning = Atomic<Bool>(false)

  /// Plans a session.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - capacity: The largest number of samples of one run, at least 1.
  ///   - keep: Names of tensors inside the network that should be readable after a run. Layers are
  ///     not fused across them.
  ///   - isPrecise: Whether layers compute with the smallest rounding error, as they do in a graph
  ///     that asks for it (`Graph.isPrecise`).
  /// - Throws: `invalidArgument`, `unknownName`, `outOfMemory`, or what a layer's planning throws.
  public init(model: Model, capacity: Int = 1, keep: [String] = [], isPrecise: Bool = false)
    throws(CNNError)
  {
    guard capacity >= 1 else {
      throw .invalidArgument("a session's batch is at least 1, got \(capacity)")
    }
    self.model = model
    self.capacity = capacity
    services = HostServices.make()
    if keep.isEmpty && !isPrecise {
      program = try model.sharedProgram()
    } else {
      var kept: Set<Int> = []
      for name in keep { kept.insert(try model.network.tensor(named: name)) }
      program = try InferenceProgram(model: model, keep: kept, isPrecise: isPrecise)
    }
    plan = try InferencePlan(
      model: model, program: program, capacity: capacity, concurrency: services.concurrency)
    ownInputs = [FloatBuffer?](repeating: nil, count: model.network.inputs.count)
  }

  /// The bytes that the session's tensors take.
  public var memoryBytes: Int { plan.arena.count * MemoryLayout<Float>.stride }

  /// Memory of the session for input `index`, with room for `capacity` samples.
  ///
  /// Fill it before `run(batch:)`. Taken when first asked for, and kept.
  public func input(_ index: Int = 0) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    try checkInput(index)
    let buffer: FloatBuffer
    if let existing = ownInputs[index] {
      buffer = existing
    } else {
      let shape = model.network.tensors[index].shape
      buffer = try FloatBuffer(
        count: try elementCount(capacity, shape.count, of: "the input"), for: "the session's input")
      ownInputs[index] = buffer
    }
    plan.table.setExternal(index, buffer.pointer)
    return buffer.elements
  }

  /// Lets input `index` be read from the caller's memory, which must hold as many samples as the
  /// next runs have and stay valid and unchanged during each run.
  public func setInput(
    _ index: Int = 0, _ memory: UnsafeMutablePointer<Float>
  ) throws(CNNError) {
    try checkInput(index)
    plan.table.setExternal(index, memory)
  }

  /// Computes the outputs for the first `batch` samples of the inputs.
  ///
  /// - Throws: `invalidArgument` if `batch` is not in `1...capacity` or an input was not supplied,
  ///   `busy` if the session is in use or the model is being trained, or what a layer throws.
  public func run(batch: Int) throws(CNNError) {
    try model.access.beginReading()
    defer { model.access.endReading() }
    try runHoldingAccess(batch: batch)
  }

  /// Does what `run` does, for a caller who has the model to itself.
  package func runHoldingAccess(batch: Int) throws(CNNError) {
    guard batch >= 1, batch <= capacity else {
      throw .invalidArgument("this session runs 1 to \(capacity) samples at a time, got \(batch)")
    }
    guard isRunning.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else {
      throw CNNError(.busy, "the session is in use by another thread; give each thread its own")
    }
    defer { isRunning.store(false, ordering: .releasing) }
    try program.prepare(model)
    plan.table.bind(batch: batch)
    for index in model.network.inputs where plan.table.externalIsMissing(index) {
      throw .invalidArgument("input \"\(model.network.inputNames[index])\" was not supplied")
    }
    for step in plan.steps { try run(step, batch) }
    lastBatch = batch
  }

  func run(_ step: InferencePlan.Step, _ batch: Int) throws(CNNError) {
    let table = plan.table
    do throws(CNNError) {
      try step.layer.forward(
        ForwardCall(
          batch: batch, mode: .inference, inputs: table.list(step.inputs),
          outputs: table.list(step.outputs), parameters: table.list(step.parameters),
          states: table.list(step.states), prepared: step.prepared,
          cache: UnsafeMutableBufferPointer(start: nil, count: 0), scratch: step.scratch,
          random: RandomKey(seed: 0, node: UInt32(truncatingIfNeeded: step.node)),
          services: services))
    } catch {
      throw error.prefixed(by: "layer \"\(step.name)\"")
    }
  }

  /// Output `index` of the last run: as many samples as that run had.
  ///
  /// Valid until the next run, and while the session lives: keep a reference to it for as long as
  /// the numbers are read.
  public func output(_ index: Int = 0) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    guard model.network.outputs.indices.contains(index) else {
      throw .invalidArgument(
        "the network has \(model.network.outputs.count) output(s), there is no output \(index)")
    }
    return plan.table.resolve(plan.sources[model.network.outputs[index]], batch: lastBatch)
  }

  /// A tensor of the last run that is an output or was asked to be kept.
  ///
  /// - Throws: `unknownName` if there is no such tensor, `invalidArgument` if it was not kept.
  public func tensor(_ name: String) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    let index = try model.network.tensor(named: name)
    guard model.network.outputs.contains(index) || program.kept.contains(index) else {
      throw .invalidArgument(
        "\"\(name)\" is not kept by this session; name it in \"keep\" when creating the session")
    }
    return plan.table.resolve(plan.sources[index], batch: lastBatch)
  }

  private func checkInput(_ index: Int) throws(CNNError) {
    guard model.network.inputs.contains(index) else {
      throw .invalidArgument(
        "the network has \(model.network.inputs.count) input(s), there is no input \(index)")
    }
  }
}
