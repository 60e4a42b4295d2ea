import CNNKernels
import CNNLayerKit

/// What a model consists of and what it costs, to read (`text`) or to process (`json`).
public struct ModelSummary: Sendable, Hashable {
  /// One layer.
  public struct Row: Sendable, Hashable {
    /// The node's name.
    public let name: String
    /// The name of the layer's type.
    public let type: String
    /// The tensors it takes.
    public let inputs: [String]
    /// Whether it takes just what the row before it computes.
    public let followsPrevious: Bool
    /// The shape of its first output for one sample.
    public let outputShape: [Int]
    /// How many trained numbers it has.
    public let parameterCount: Int
    /// How many numbers it keeps that are not trained, such as running statistics.
    public let stateCount: Int
    /// Additions and multiplications for one sample; an estimate, 0 where a layer gives none.
    public let operationCount: Int
    /// The bytes of its outputs for one sample.
    public let activationBytes: Int
  }

  /// The name of the network; may be empty.
  public let name: String
  /// The inputs, with the shape of one sample.
  public let inputs: [Graph.Input]
  /// The layers, in the order of computation, blocks expanded.
  public let rows: [Row]
  /// The names of the outputs.
  public let outputs: [String]
  /// The batch that the memory is for.
  public let batch: Int

  /// How many trained numbers there are.
  public let parameterCount: Int
  /// How many numbers are kept that are not trained.
  public let stateCount: Int
  /// The bytes of both.
  public let parameterBytes: Int
  /// Additions and multiplications for one sample.
  public let operationCount: Int
  /// The bytes that a `Session` for `batch` samples takes for its tensors.
  public let predictionBytes: Int
  /// The bytes that a `TrainingSession` for `batch` samples takes for activations and gradients, as
  /// long as nobody asks for the gradients of all parameters at once; nil if the network cannot be trained.
  public let trainingBytes: Int?

  /// Summarises a model.
  ///
  /// Takes no memory for the sessions whose memory it tells.
  /// - Parameter batch: The batch that the memory is for, at least 1.
  /// - Throws: `invalidArgument` for a batch below 1, `outOfMemory` if no memory could hold that
  ///   batch, or what planning a layer throws.
  public init(_ model: Model, batch: Int = 1) throws(CNNError) {
    guard batch >= 1 else {
      throw .invalidArgument("the batch of a summary is at least 1, got \(batch)")
    }
    let network = model.network
    name = network.graph.name
    inputs = network.graph.inputs
    outputs = network.outputNames
    self.batch = batch
    rows = network.nodes.indices.map { Row(network, $0) }
    parameterCount = rows.reduce(0) { saturating($0, $1.parameterCount) }
    stateCount = rows.reduce(0) { saturating($0, $1.stateCount) }
    operationCount = rows.reduce(0) { saturating($0, $1.operationCount) }
    // The model holds these numbers in memory, so their bytes fit an integer.
    parameterBytes = (parameterCount + stateCount) * MemoryLayout<Float>.stride
    let concurrency = ThreadPool.threadCount
    predictionBytes =
      try InferencePlan.arenaCount(model: model, capacity: batch, concurrency: concurrency)
      * MemoryLayout<Float>.stride
    do throws(CNNError) {
      let count = try TrainingPlan.arenaCount(
        model: model, options: TrainingSession.Options(capacity: batch), concurrency: concurrency)
      trainingBytes = count * MemoryLayout<Float>.stride
    } catch  where error.code == .unsupported {
      trainingBytes = nil
    }
  }
}

extension ModelSummary.Row {
  fileprivate init(_ network: Network, _ index: Int) {
    let node = network.nodes[index]
    name = node.name
    type = node.type
    inputs = node.inputs.map { network.tensors[$0].name }
    let expected = index == 0 ? [0] : Array(network.nodes[index - 1].outputs.prefix(1))
    followsPrevious = node.inputs == expected
    outputShape = node.outputs.first.map { network.tensors[$0].shape.sizes } ?? []
    parameterCount = node.layer.parameters.reduce(0) { saturating($0, $1.shape.count) }
    stateCount = node.layer.states.reduce(0) { saturating($0, $1.shape.count) }
    operationCount = max(0, node.layer.operationCount)
    activationBytes = node.outputs.reduce(0) {
      // A shape's count is far enough below the largest integer.
      saturating($0, network.tensors[$1].shape.count * MemoryLayout<Float>.stride)
    }
  }
}

/// The sum of two counts, or the largest integer.
private func saturating(_ a: Int, _ b: Int) -> Int { checkedSum([a, b]) ?? Int.max }
