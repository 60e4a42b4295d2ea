public import CNNLayerKit
import Synchronization

/// Memory and plan to look into a model: numbers inside the network as it predicts, and the gradients
/// of any function of them with respect to others.
///
/// ```swift
/// let session = try GradientSession(model: model, from: [scores], to: [picture])
/// try session.input().update(repeating: 0.5)
/// try session.run(batch: 1) { session throws(CNNError) in
///   try session.gradient(of: scores)[3] = 1  // the function is the score of class 3
/// }
/// let slopes = try session.gradient(of: picture)
/// ```
///
/// Layers compute as in prediction: running statistics are used and not moved, nothing is dropped at
/// random. No gradient of a parameter is computed, and what the sources do not depend on is left out.
/// The model is only read, so any number of sessions and threads may share it.
///
/// Safety: `isRunning` lets one call in at a time, so the plan's memory has one user.
public final class GradientSession: @unchecked Sendable {
  /// The model that is looked into.
  public let model: Model
  /// The largest number of samples of one run.
  public let capacity: Int
  /// The tensors that the function depends on, as indexes into `Network.tensors`.
  public let sources: [Int]
  /// The tensors whose gradients are computed.
  public let targets: [Int]

  private let plan: TrainingPlan
  private let services: LayerServices
  private var ownInputs: [FloatBuffer?]
  private var lastBatch = 0
  private let isRunning = Atomic<Bool>(false)

  /// Plans a session.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - capacity: The largest number of samples of one run, at least 1.
  ///   - sources: The tensors that the function depends on, at least one; indexes into
  ///     `Network.tensors`, as `Network.tensor(named:)` returns them.
  ///   - targets: The tensors whose gradients are wanted.
  /// - Throws: `invalidArgument` for a capacity below 1 or an index without a tensor, `unsupported`
  ///   if a layer between them has no gradient, or if a source does not depend on any target;
  ///   `outOfMemory`.
  public init(
    model: Model, capacity: Int = 1, from sources: [Int], to targets: [Int]
  ) throws(CNNError) {
    guard capacity >= 1 else {
      throw .invalidArgument("a session's batch is at least 1, got \(capacity)")
    }
    let tensors = model.network.tensors
    guard !sources.isEmpty, (sources + targets).allSatisfy(tensors.indices.contains) else {
      throw .invalidArgument(
        "gradients flow from at least one tensor to others, numbered 0 to \(tensors.count - 1); "
          + "got \(sources) and \(targets)")
    }
    self.model = model
    self.capacity = capacity
    self.sources = sources
    self.targets = targets
    services = HostServices.make()
    plan = try TrainingPlan(
      model: model,
      options: TrainingSession.Options(
        capacity: capacity, frozen: Set(model.parameters.map(\.name))),
      flow: GradientFlow(from: sources, to: targets), concurrency: services.concurrency)
    ownInputs = [FloatBuffer?](repeating: nil, count: model.network.inputs.count)
    for target in targets {
      if case .none = plan.gradients[target] {
        throw CNNError(
          .unsupported,
          "\(sources.map { "\"\(tensors[$0].name)\"" }.joined(separator: ", ")) of the network has "
            + "no gradient with respect to \"\(tensors[target].name)\": it does not depend on that")
      }
    }
  }

  /// The bytes that tensors and gradients take.
  public var memoryBytes: Int { plan.arena.count * MemoryLayout<Float>.stride }

  /// Memory of the session for input `index`, with room for `capacity` samples; see `Session`.
  public func input(_ index: Int = 0) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    guard model.network.inputs.contains(index) else {
      throw .invalidArgument(
        "the network has \(model.network.inputs.count) input(s), there is no input \(index)")
    }
    let buffer: FloatBuffer
    if let existing = ownInputs[index] {
      buffer = existing
    } else {
      let count = try elementCount(
        capacity, model.network.tensors[index].shape.count, of: "the input")
      buffer = try FloatBuffer(count: count, for: "the session's input")
      ownInputs[index] = buffer
    }
    plan.table.setExternal(index, buffer.pointer)
    return buffer.elements
  }

  /// Computes the sources for the first `batch` samples of the inputs, and then the gradients of a
  /// function of them.
  ///
  /// - Parameters:
  ///   - batch: How many samples, from 1 to `capacity`.
  ///   - function: Reads `values(of:)` and writes the function's gradient into `gradient(of:)` of the
  ///     sources, which are all 0 before. Must not run the session.
  /// - Throws: `invalidArgument` for another batch or an input that was not filled, `busy` if the
  ///   session is in use or the model is being trained, or what a layer or `function` throws.
  public func run(
    batch: Int, _ function: (GradientSession) throws(CNNError) -> Void
  ) throws(CNNError) {
    guard batch >= 1, batch <= capacity else {
      throw .invalidArgument("this session runs 1 to \(capacity) samples at a time, got \(batch)")
    }
    guard isRunning.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else {
      throw CNNError(.busy, "the session is in use by another thread; give each thread its own")
    }
    defer { isRunning.store(false, ordering: .releasing) }
    try model.withReadAccess { () throws(CNNError) in
      try runHoldingAccess(batch: batch, function)
    }
  }

  private func runHoldingAccess(
    batch: Int, _ function: (GradientSession) throws(CNNError) -> Void
  ) throws(CNNError) {
    let network = model.network
    for index in network.inputs where plan.table.externalIsMissing(index) {
      throw .invalidArgument("input \"\(network.inputNames[index])\" was not supplied")
    }
    plan.table.bind(batch: batch)
    lastBatch = batch
    let random = RandomKey(seed: 0)
    for step in plan.steps {
      try plan.forward(step, batch: batch, random: random, services: services)
    }
    for source in sources {
      plan.table.resolve(plan.gradients[source], batch: batch).update(repeating: 0)
    }
    try function(self)
    for step in plan.steps.reversed() {
      guard let backward = step.backward else { continue }
      try plan.backward(step, backward, batch: batch, random: random, services: services)
    }
  }

  /// The numbers of a source, target or input in the last run: as many samples as that run had.
  ///
  /// Valid until the next run, and while the session lives.
  /// - Throws: `invalidArgument` for any other tensor.
  public func values(of tensor: Int) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    guard (sources + targets).contains(tensor) || model.network.inputs.contains(tensor) else {
      throw .invalidArgument("tensor \(tensor) is no source, target or input of this session")
    }
    return plan.table.resolve(plan.activations[tensor], batch: lastBatch)
  }

  /// The gradient of a target after a run; that of a source is to be written during one, and empty if
  /// no target reaches it.
  ///
  /// - Throws: `invalidArgument` for any other tensor.
  public func gradient(of tensor: Int) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    guard (sources + targets).contains(tensor) else {
      throw .invalidArgument("tensor \(tensor) is no source or target of this session")
    }
    return plan.table.resolve(plan.gradients[tensor], batch: lastBatch)
  }
}
