import CNNLayerKit

/// The end of a network by itself, from one tensor on: what is left to compute, and to train, where
/// the numbers of that tensor are known.
package struct ModelTail {
  /// The name of the tensor in the whole network, and of the input of `model`.
  package let tensor: String
  /// The end, with copies of the parameters, under the names that they have in the whole.
  package let model: Model
}

extension Model {
  /// Finds the layer that sets the number of classes, as `replacingHead` does.
  ///
  /// - Parameter layer: Its name, or nil to find it.
  /// - Returns: The index in `Network.nodes`.
  /// - Throws: As `replacingHead`.
  package func headNode(layer: String? = nil, registry: LayerRegistry = .shared) throws(CNNError)
    -> Int
  {
    try HeadFinder(network: network, registry: registry).find(layer).node
  }

  /// Returns the end of the model that begins with the layer at `node`, or a little before it where
  /// only layers without parameters lie between that do not make the data larger (a dropout, say).
  ///
  /// - Returns: Nil if the end takes anything but one tensor, or all of the network is the end.
  /// - Throws: `outOfMemory`, `busy`.
  package func tail(
    fromNode node: Int, registry: LayerRegistry = .shared
  ) throws(CNNError) -> ModelTail? {
    let finder = TailFinder(network: network, registry: registry)
    guard let tensor = finder.start(of: node), let graph = finder.graph(from: tensor) else {
      return nil
    }
    let tail = try Model(network: try Network(graph, registry: registry))
    try tail.copyNumbers(from: self)
    return ModelTail(tensor: network.tensors[tensor].name, model: tail)
  }

  /// Sets every parameter and state that `other` has under the same name with the same shape.
  ///
  /// - Throws: `busy` while one of the models is trained.
  package func copyNumbers(from other: Model) throws(CNNError) {
    try access.beginWriting()
    defer { access.endWriting() }
    try other.access.beginReading()
    defer { other.access.endReading() }
    other.copyNumbers(to: self, except: [])
  }
}

/// Cuts a network in two.
private struct TailFinder {
  let network: Network
  let registry: LayerRegistry

  private var layers: [Graph.Node] { network.graph.layers }

  /// The nodes that a layer of the graph stands for.
  private func nodes(ofLayer layer: Graph.Node) -> [Int] {
    if registry.block(named: layer.type) == nil {
      return network.nodes.indices.filter { network.nodes[$0].name == layer.name }
    }
    return network.nodes.indices.filter { network.nodes[$0].name.hasPrefix(layer.name + ".") }
  }

  /// The tensor to cut at, so that `node` is behind it; nil if there is none but an input.
  func start(of node: Int) -> Int? {
    guard let layer = layers.first(where: { nodes(ofLayer: $0).contains(node) }),
      let first = nodes(ofLayer: layer).first, network.nodes[first].inputs.count == 1
    else { return nil }
    var tensor = network.nodes[first].inputs[0]
    while let before = passedOn(tensor) { tensor = before }
    return network.tensors[tensor].producer == nil ? nil : tensor
  }

  /// The input of the node that computes `tensor`, if that can as well be left to the end.
  private func passedOn(_ tensor: Int) -> Int? {
    guard let producer = network.tensors[tensor].producer else { return nil }
    let node = network.nodes[producer]
    guard node.layer.parameters.isEmpty, node.layer.states.isEmpty, node.inputs.count == 1,
      node.outputs.count == 1, layers.contains(where: { $0.name == node.name }),
      network.tensors[node.inputs[0]].shape.count <= network.tensors[tensor].shape.count
    else { return nil }
    return node.inputs[0]
  }

  /// The graph of everything that depends on `tensor`, which becomes its input; nil if that takes
  /// something else, too.
  func graph(from tensor: Int) -> Graph? {
    let members = network.nodes(dependingOnTensor: tensor)
    let known = members.reduce(into: Set([tensor])) { $0.formUnion(network.nodes[$1].outputs) }
    guard members.allSatisfy({ known.isSuperset(of: network.nodes[$0].inputs) }),
      known.contains(network.outputs[0])
    else { return nil }
    let name = network.tensors[tensor].name
    var parts: [Graph.Node] = []
    for (index, layer) in layers.enumerated() {
      let own = nodes(ofLayer: layer)
      guard own.contains(where: members.contains) else { continue }
      guard own.allSatisfy(members.contains) else { return nil }
      var part = layer
      let references = layer.inputs ?? (index > 0 ? [layers[index - 1].name] : [])
      part.inputs = references.map { isReference($0, to: tensor) ? name : $0 }
      parts.append(part)
    }
    let outputs = network.outputs.filter(known.contains).map { network.tensors[$0].name }
    var graph = Graph(
      name: network.graph.name,
      inputs: [Graph.Input(name, shape: network.tensors[tensor].shape.sizes)], layers: parts,
      outputs: outputs)
    graph.isPrecise = network.graph.isPrecise
    return graph
  }

  private func isReference(_ name: String, to tensor: Int) -> Bool {
    (try? network.tensor(named: name)) == tensor
  }
}
