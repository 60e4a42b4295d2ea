import CNNLayerKit

/// Turns a description into tensors and nodes; see `Network`.
struct GraphResolver {
  /// A node with its references still as names.
  private struct Pending {
    let name: String
    let type: String
    let attributes: [String: AttributeValue]
    let inputs: [String]
  }

  /// The most nodes that a graph may have after blocks are expanded: far above any network, and low
  /// enough that a hostile file cannot keep the memory planner busy for long.
  static let maximumNodes = 8192

  private let graph: Graph
  private let registry: LayerRegistry
  private var pending: [Pending] = []
  /// What each block's name refers to.
  private(set) var aliases: [String: String] = [:]
  private var tensorIndexes: [String: Int] = [:]

  private(set) var tensors: [Network.Tensor] = []
  private(set) var nodes: [Network.Node] = []
  private(set) var outputs: [Int] = []

  init(_ graph: Graph, registry: LayerRegistry) throws(CNNError) {
    self.graph = graph
    self.registry = registry
  }

  mutating func resolve() throws(CNNError) {
    try addInputs()
    try expandBlocks()
    try checkNames()
    for index in try computationOrder() { try addNode(pending[index]) }
    try resolveOutputs()
    try checkEverythingIsUsed()
  }

  private mutating func addInputs() throws(CNNError) {
    guard !graph.inputs.isEmpty else { throw .invalidArgument("the graph has no inputs") }
    guard !graph.layers.isEmpty else { throw .invalidArgument("the graph has no layers") }
    for input in graph.inputs {
      try checkName(input.name, of: "input")
      guard tensorIndexes[input.name] == nil else {
        throw .invalidArgument("two inputs are called \"\(input.name)\"; names must differ")
      }
      let shape: Shape
      do { shape = try Shape(input.shape) } catch {
        throw error.prefixed(by: "input \"\(input.name)\"")
      }
      tensorIndexes[input.name] = tensors.count
      tensors.append(
        Network.Tensor(
          name: input.name, shape: shape, producer: nil, outputIndex: 0, isDifferentiable: true))
    }
  }

  private mutating func expandBlocks() throws(CNNError) {
    var previous: String?
    for layer in graph.layers {
      try checkName(layer.name, of: "layer")
      var inputs: [String]
      if let given = layer.inputs {
        inputs = given
      } else if let previous {
        inputs = [previous]
      } else if graph.inputs.count == 1 {
        inputs = [graph.inputs[0].name]
      } else {
        throw .invalidArgument(
          "layer \"\(layer.name)\" comes first and the graph has several inputs: say which it takes, "
            + "as in \"inputs\": [\"\(graph.inputs[0].name)\"]")
      }
      previous = layer.name
      guard let block = registry.block(named: layer.type) else {
        pending.append(
          Pending(
            name: layer.name, type: layer.type, attributes: layer.attributes, inputs: inputs))
        continue
      }
      let members: [LayerBlock.Member]
      do { members = try block.members(attributes: layer.attributes) } catch {
        throw error.prefixed(by: describe(layer.name, layer.type))
      }
      for member in members {
        let name = "\(layer.name).\(member.name)"
        pending.append(
          Pending(name: name, type: member.type, attributes: member.attributes, inputs: inputs))
        inputs = [name]
      }
      aliases[layer.name] = inputs[0]
    }
    guard pending.count <= GraphResolver.maximumNodes else {
      throw .invalidArgument(
        "the graph has \(pending.count) layers; at most \(GraphResolver.maximumNodes) are supported"
      )
    }
  }

  private func checkNames() throws(CNNError) {
    var seen = Set(graph.inputs.map(\.name))
    for name in pending.map(\.name) + aliases.keys.sorted() where !seen.insert(name).inserted {
      throw .invalidArgument(
        "the name \"\(name)\" is used twice; every layer and input needs its own")
    }
  }

  private func checkName(_ name: String, of what: String) throws(CNNError) {
    guard !name.isEmpty, name.utf8.count <= 256,
      name.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F })
    else {
      throw .invalidArgument(
        "the name of \(what) \"\(name)\" must have 1 to 256 bytes and neither spaces nor control "
          + "characters")
    }
  }

  /// Finds which pending node a reference means, or nil for an input of the graph.
  private func pendingIndex(
    of reference: String, _ indexes: [String: Int], for node: Pending
  ) throws(CNNError) -> Int? {
    if tensorIndexes[reference] != nil { return nil }
    let name = aliases[reference] ?? reference
    if let index = indexes[name] { return index }
    // `layer.output`: everything before the last dot names the layer.
    if let dot = reference.lastIndex(of: ".") {
      let layer = String(reference[..<dot])
      if let index = indexes[aliases[layer] ?? layer] { return index }
    }
    throw CNNError.unknownName(
      "input", reference, valid: graph.inputs.map(\.name) + graph.layers.map(\.name)
    ).prefixed(by: describe(node.name, node.type))
  }

  /// Kahn's algorithm; among the nodes that are ready, the one listed first goes first.
  private func computationOrder() throws(CNNError) -> [Int] {
    var indexes: [String: Int] = [:]
    for (index, node) in pending.enumerated() { indexes[node.name] = index }
    var waiting = [Int](repeating: 0, count: pending.count)
    var consumers = [[Int]](repeating: [], count: pending.count)
    for (index, node) in pending.enumerated() {
      for reference in node.inputs {
        guard let producer = try pendingIndex(of: reference, indexes, for: node) else { continue }
        waiting[index] += 1
        consumers[producer].append(index)
      }
    }
    var ready = SmallestFirst(pending.indices.filter { waiting[$0] == 0 })
    var order: [Int] = []
    while let next = ready.popSmallest() {
      order.append(next)
      for consumer in consumers[next] {
        waiting[consumer] -= 1
        if waiting[consumer] == 0 { ready.insert(consumer) }
      }
    }
    if let stuck = pending.indices.first(where: { waiting[$0] > 0 }) {
      let node = pending[stuck]
      throw .invalidArgument(
        "\(describe(node.name, node.type)): its inputs depend on its own output; a graph must not "
          + "have cycles")
    }
    return order
  }

  private mutating func addNode(_ node: Pending) throws(CNNError) {
    do throws(CNNError) {
      let type = try registry.type(named: node.type)
      var inputs: [Int] = []
      for reference in node.inputs { inputs.append(try tensorIndex(of: reference)) }
      let made = try type.make(
        attributes: node.attributes, inputs: inputs.map { tensors[$0].shape })
      let layer = graph.isPrecise ? made.precise : made
      guard !layer.outputs.isEmpty else {
        throw CNNError(.layerFailed, "the layer declares no outputs")
      }
      var outputs: [Int] = []
      for (index, output) in layer.outputs.enumerated() {
        let name = index == 0 ? node.name : "\(node.name).\(output.name)"
        guard tensorIndexes[name] == nil else {
          throw CNNError.invalidArgument("its output \"\(name)\" has the name of another layer")
        }
        tensorIndexes[name] = tensors.count
        if index == 0 { tensorIndexes["\(node.name).\(output.name)"] = tensors.count }
        outputs.append(tensors.count)
        tensors.append(
          Network.Tensor(
            name: name, shape: output.shape, producer: nodes.count, outputIndex: index,
            isDifferentiable: output.isDifferentiable))
      }
      nodes.append(
        Network.Node(
          name: node.name, type: node.type, typeVersion: type.version, layer: layer, inputs: inputs,
          outputs: outputs))
    } catch {
      throw error.prefixed(by: describe(node.name, node.type))
    }
  }

  private func tensorIndex(of reference: String) throws(CNNError) -> Int {
    if let index = tensorIndexes[aliases[reference] ?? reference] { return index }
    if let dot = reference.lastIndex(of: ".") {
      let layer = String(reference[..<dot])
      if let alias = aliases[layer], let index = tensorIndexes[alias + reference[dot...]] {
        return index
      }
    }
    throw .unknownName("input", reference, valid: tensorIndexes.keys)
  }

  private mutating func resolveOutputs() throws(CNNError) {
    let names = graph.outputs.isEmpty ? [graph.layers[graph.layers.count - 1].name] : graph.outputs
    for name in names {
      do throws(CNNError) {
        let index = try tensorIndex(of: name)
        guard tensors[index].producer != nil else {
          throw CNNError.invalidArgument("it is an input; an output is computed by a layer")
        }
        guard !outputs.contains(index) else {
          throw CNNError.invalidArgument("it is listed twice")
        }
        outputs.append(index)
        rename(index, to: name)
      } catch {
        throw error.prefixed(by: "output \"\(name)\" of the graph")
      }
    }
  }

  /// Lets an output be known by the name that the graph's author used for it.
  private mutating func rename(_ index: Int, to name: String) {
    let old = tensors[index]
    tensors[index] = Network.Tensor(
      name: name, shape: old.shape, producer: old.producer, outputIndex: old.outputIndex,
      isDifferentiable: old.isDifferentiable)
  }

  private func checkEverythingIsUsed() throws(CNNError) {
    var used = Set(outputs)
    for node in nodes { used.formUnion(node.inputs) }
    for index in graph.inputs.indices where !used.contains(index) {
      throw .invalidArgument("input \"\(graph.inputs[index].name)\" is not used by any layer")
    }
    for node in nodes where node.outputs.allSatisfy({ !used.contains($0) }) {
      throw .invalidArgument(
        "\(describe(node.name, node.type)): nothing uses its output; add \"\(node.name)\" to the "
          + "graph's outputs or remove the layer")
    }
  }

  private func describe(_ name: String, _ type: String) -> String { "layer \"\(name)\" (\(type))" }
}

/// Numbers of which always the smallest is taken; a binary heap.
private struct SmallestFirst {
  private var heap: [Int] = []

  init(_ sorted: [Int]) { heap = sorted }

  mutating func insert(_ value: Int) {
    heap.append(value)
    var child = heap.count - 1
    while child > 0, heap[child] < heap[(child - 1) / 2] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popSmallest() -> Int? {
    guard let smallest = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return smallest }
    heap[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return smallest }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < heap[parent] else { return smallest }
      heap.swapAt(child, parent)
      parent = child
    }
  }
}
