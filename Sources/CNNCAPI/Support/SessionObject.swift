import CNNGraph
import CNNLayerKit
import Synchronization

/// Lets one call at a time use an object.
struct ExclusiveUse: ~Copyable, Sendable {
  private let isTaken = Atomic<Bool>(false)

  /// Runs `body` unless another thread is using the object.
  func hold(_ what: String, _ body: () throws(CNNError) -> Void) throws(CNNError) {
    guard isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else {
      throw CNNError(
        .busy, "the \(what) is in use by another thread; give each thread its own")
    }
    defer { isTaken.store(false, ordering: .releasing) }
    try body()
  }
}

/// What a `cnn_session` stands for: a session that grows with its batches, and knows which inputs
/// were set.
///
/// Safety: everything that changes is used within `exclusively` only.
final class SessionObject: HandleObject, @unchecked Sendable {
  static let cName = "cnn_session"
  let model: ModelObject
  /// Names that callers borrow.
  let names = BorrowedTexts()
  private let use = ExclusiveUse()
  private let keep: [String]
  private let isPrecise: Bool
  private var session: Session
  /// The number of samples that each input was set to; 0 where it was not.
  private var batches: [Int]
  /// The number of samples of the last run; 0 before the first.
  private var lastBatch = 0

  init(_ model: ModelObject, capacity: Int, keep: [String], isPrecise: Bool) throws(CNNError) {
    self.model = model
    self.keep = keep
    self.isPrecise = isPrecise
    session = try Session(
      model: model.model, capacity: capacity, keep: keep, isPrecise: isPrecise)
    batches = [Int](repeating: 0, count: model.model.network.inputs.count)
  }

  /// Runs `body` unless another thread is using the session.
  func exclusively(_ body: (SessionObject) throws(CNNError) -> Void) throws(CNNError) {
    try use.hold("session") { () throws(CNNError) in try body(self) }
  }

  /// The memory of an input, for `batch` samples, which count as set.
  func input(_ index: Int, batch: Int) throws(CNNError) -> UnsafeMutablePointer<Float> {
    if batch > session.capacity { try grow(to: batch) }
    guard let memory = try session.input(index).baseAddress else {
      throw CNNError(.internal, "input \(index) has no memory")
    }
    batches[index] = batch
    return memory
  }

  /// Replaces the session by a larger one with the same inputs.
  private func grow(to capacity: Int) throws(CNNError) {
    let larger = try Session(
      model: model.model, capacity: capacity, keep: keep, isPrecise: isPrecise)
    for (index, batch) in batches.enumerated() where batch > 0 {
      let count = batch * model.model.network.tensors[index].shape.count
      let source = try session.input(index)
      let destination = try larger.input(index)
      if let from = source.baseAddress { destination.baseAddress?.update(from: from, count: count) }
    }
    session = larger
    lastBatch = 0
  }

  /// Computes the outputs.
  func run() throws(CNNError) {
    let batch = try commonBatch(batches, of: model.model.network)
    // What is left of a run that failed is the output of nothing.
    lastBatch = 0
    try session.run(batch: batch)
    lastBatch = batch
  }

  /// An output, or what a kept layer computed; the first output for nil.
  func output(_ name: String?) throws(CNNError) -> (
    name: String, shape: Shape, batch: Int, data: UnsafeMutablePointer<Float>
  ) {
    let network = model.model.network
    let index = try name.map { (name) throws(CNNError) in try network.tensor(named: name) }
    guard lastBatch > 0 else {
      throw .invalidArgument("the session has no outputs yet: call cnn_session_run first")
    }
    let memory = if let name { try session.tensor(name) } else { try session.output() }
    guard let data = memory.baseAddress else {
      throw CNNError(.internal, "an output has no memory")
    }
    let tensor = network.tensors[index ?? network.outputs[0]]
    return (name ?? tensor.name, tensor.shape, lastBatch, data)
  }
}

/// The batch size that all inputs were set to.
func commonBatch(_ batches: [Int], of network: Network) throws(CNNError) -> Int {
  for (index, batch) in batches.enumerated() where batch == 0 {
    throw .invalidArgument("input \"\(network.inputNames[index])\" was never set")
  }
  for (index, batch) in batches.enumerated() where batch != batches[0] {
    throw .shapeMismatch(
      "input \"\(network.inputNames[0])\" has \(batches[0]) sample(s) and input "
        + "\"\(network.inputNames[index])\" has \(batch)")
  }
  return batches[0]
}

/// The number of an input that a caller names; NULL means the only one.
func inputIndex(
  _ network: Network, _ name: UnsafePointer<CChar>?
) throws(CNNError) -> Int {
  guard let name = try optionalText(name, "name") else {
    guard network.inputs.count == 1 else {
      throw .invalidArgument(
        "name is NULL, and the model has \(network.inputs.count) inputs: name one")
    }
    return 0
  }
  guard let index = network.inputNames.firstIndex(of: name) else {
    throw .unknownName("input", name, valid: network.inputNames)
  }
  return index
}

/// A batch that a caller passes for an input.
struct InputBatch {
  /// Which input.
  let index: Int
  /// How many samples.
  let count: Int
  private let shape: Shape
  private let order: TensorLayout
  private let data: UnsafePointer<Float>

  init(
    _ network: Network, _ name: UnsafePointer<CChar>?, _ order: Int32,
    _ shape: UnsafePointer<Int64>?, _ rank: Int64, _ data: UnsafePointer<Float>?
  ) throws(CNNError) {
    index = try inputIndex(network, name)
    let tensor = network.tensors[index]
    self.shape = tensor.shape
    self.order = try layout(order)
    count = try batchCount(
      tensor.shape, self.order, shape, rank, "input \"\(tensor.name)\"")
    self.data = try required(data, "data")
  }

  /// Copies the samples into memory.
  func copy(to memory: UnsafeMutablePointer<Float>) {
    LayoutCopy.read(data, order, shape: shape, batch: count, to: memory)
  }
}

/// The number of samples of a caller's tensor, whose shape has the batch in front.
///
/// - Throws: `shapeMismatch` if the rest of its shape is not that of a sample.
func batchCount(
  _ sample: Shape, _ order: TensorLayout, _ shape: UnsafePointer<Int64>?, _ rank: Int64,
  _ what: @autoclosure () -> String
) throws(CNNError) -> Int {
  // The usual case, without taking memory: this is called for every batch.
  if let shape, rank == Int64(sample.rank) + 1, (1...Int64(Int32.max)).contains(shape[0]) {
    var fits = true
    for axis in 0..<sample.rank
    where shape[axis + 1] != Int64(LayoutCopy.size(sample, axis: axis, order)) {
      fits = false
    }
    if fits { return Int(shape[0]) }
  }
  let given = try sizes(shape, rank: rank, what())
  let expected = (0..<sample.rank).map { LayoutCopy.size(sample, axis: $0, order) }
  let wanted = (["batch"] + expected.map(String.init)).joined(separator: ", ")
  throw .shapeMismatch("\(what()) has the shape [\(wanted)], got \(given)")
}
