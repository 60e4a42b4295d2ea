import CNNLayerKit

/// A network with its parameters, and what is needed to use it.
///
/// Any number of threads may predict with one model at the same time, each with its own `Session`.
/// Training and changing parameters need the model alone: meanwhile others get `busy`.
public final class Model: Sendable {
  /// The checked graph.
  public let network: Network
  /// Every parameter, in the order of the nodes.
  public var parameters: [ParameterSlot] { parameterLayout.slots }
  /// Every state (kept and not trained), in the order of the nodes.
  public var states: [ParameterSlot] { stateLayout.slots }

  let parameterLayout: ParameterLayout
  let stateLayout: ParameterLayout
  let parameterMemory: FloatBuffer
  let stateMemory: FloatBuffer
  let access = ModelAccess()
  private let program = Locked<InferenceProgram?>(nil)
  private let description: Locked<ModelDescription>

  /// Gives a graph parameters.
  ///
  /// - Parameters:
  ///   - graph: The description of the network.
  ///   - seed: Decides the first values of the parameters.
  ///   - registry: Where layer types are looked up.
  /// - Throws: What `Network` throws, or `outOfMemory`.
  public convenience init(
    _ graph: Graph, seed: UInt64 = 0, registry: LayerRegistry = .shared
  ) throws(CNNError) {
    try self.init(network: try Network(graph, registry: registry))
    initialize(seed: seed)
  }

  /// Takes memory for the parameters of a network; they are all zero.
  package init(network: Network) throws(CNNError) {
    self.network = network
    parameterLayout = try ParameterLayout(network) { $0.parameters }
    stateLayout = try ParameterLayout(network) { $0.states }
    parameterMemory = try FloatBuffer(count: parameterLayout.count, for: "the model's parameters")
    stateMemory = try FloatBuffer(count: stateLayout.count, for: "the model's running statistics")
    description = Locked(ModelDescription())
  }

  /// The names of the classes, by index of the output; empty where unknown.
  public var classNames: [String] {
    get { description.withLock { $0.classNames } }
    set { description.withLock { $0.classNames = newValue } }
  }

  /// The key under which `metadata` holds how pictures become inputs.
  public static let preprocessingKey = "preprocessing"

  /// Texts that are kept in the model's file, such as how to prepare images.
  public var metadata: [String: String] {
    get { description.withLock { $0.metadata } }
    set { description.withLock { $0.metadata = newValue } }
  }

  /// The number of trained numbers.
  public var parameterCount: Int { parameterLayout.slots.reduce(0) { $0 + $1.count } }

  /// The prediction program without kept activations, made once for all sessions.
  func sharedProgram() throws(CNNError) -> InferenceProgram {
    try program.withLock { program throws(CNNError) in
      if let existing = program { return existing }
      let new = try InferenceProgram(model: self, keep: [])
      program = new
      return new
    }
  }

  func memory(of slot: ParameterSlot, in buffer: FloatBuffer) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: buffer.pointer + slot.offset, count: slot.count)
  }
}

/// What a model carries beside its numbers.
private struct ModelDescription {
  var classNames: [String] = []
  var metadata: [String: String] = [:]
}
