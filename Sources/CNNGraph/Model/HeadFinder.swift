import CNNLayerKit

/// Finds the layer that decides how many numbers an output of a network has, and gives it another
/// number.
///
/// No type of layer is known here. The layer is the last one with parameters before the output that
/// has an attribute like this: a whole number, equal to the size of the output's last axis, and with
/// another number in its place the output has that many elements along that axis, and nothing else
/// changes but shapes behind the layer.
struct HeadFinder {
  let network: Network
  let registry: LayerRegistry
  /// The first output, whose classes are replaced.
  private var output: Network.Tensor { network.tensors[network.outputs[0]] }

  /// A layer that can be given another number of outputs.
  struct Head {
    /// The index in `Graph.layers`.
    let layer: Int
    /// The attribute that sets the number of outputs.
    let attribute: String
    /// The index in `Network.nodes` of the node with the parameters.
    let node: Int
  }

  /// The network with as many classes as asked for, and the node whose parameters are new.
  ///
  /// - Parameters:
  ///   - count: The number of classes.
  ///   - layer: The name of the layer, or nil to look for it.
  /// - Throws: `unknownName` for a layer that does not exist, `unsupported` if the layer, or none,
  ///   sets the number of outputs.
  func replace(classes count: Int, layer: String?) throws(CNNError) -> (network: Network, node: Int)
  {
    let head = try find(layer)
    return (try network(head.layer, head.attribute, count), head.node)
  }

  /// Finds the layer.
  ///
  /// - Parameter name: Its name, or nil to look for the last one.
  func find(_ name: String?) throws(CNNError) -> Head {
    guard let name else { return try last() }
    let candidates = network.nodes.indices.filter { !network.nodes[$0].layer.parameters.isEmpty }
    let matching = candidates.filter {
      network.nodes[$0].name == name || graphLayer(of: $0).map(graphName) == name
    }
    guard let node = matching.last else {
      throw .unknownName(
        "layer with parameters", name, valid: candidates.map { network.nodes[$0].name })
    }
    guard let head = head(at: node) else {
      throw CNNError(
        .unsupported,
        "\(describe(node)) cannot be the head: no attribute of it alone sets how many elements the "
          + "output \"\(output.name)\" of shape \(output.shape) has along its last axis")
    }
    return head
  }

  private func graphName(_ layer: Int) -> String { network.graph.layers[layer].name }

  private func describe(_ node: Int) -> String {
    "layer \"\(network.nodes[node].name)\" (\(network.nodes[node].type))"
  }

  /// Walks from the output towards the inputs, past layers that only pass numbers on.
  private func last() throws(CNNError) -> Head {
    var tensor = network.outputs[0]
    var passed: [Int] = []
    while let node = network.tensors[tensor].producer {
      if !network.nodes[node].layer.parameters.isEmpty {
        if let head = head(at: node) { return head }
        passed.append(node)
      }
      guard network.nodes[node].inputs.count == 1 else {
        throw noHead(passed, "\(describe(node)) has several inputs")
      }
      tensor = network.nodes[node].inputs[0]
    }
    throw noHead(passed, "none is left before the input")
  }

  private func noHead(_ passed: [Int], _ end: String) -> CNNError {
    let seen = passed.map(describe).joined(separator: ", ")
    return CNNError(
      .unsupported,
      "the network has no head that can be replaced: no layer with parameters before the output "
        + "\"\(output.name)\" has an attribute for the number of outputs"
        + (seen.isEmpty ? "" : " (not \(seen))") + ", and \(end); name the layer if it is another")
  }

  /// The layer of the graph that a node is, or belongs to as part of a block.
  private func graphLayer(of node: Int) -> Int? {
    let name = network.nodes[node].name
    let layers = network.graph.layers
    if let exact = layers.firstIndex(where: { $0.name == name }) { return exact }
    return layers.firstIndex {
      registry.block(named: $0.type) != nil && name.hasPrefix($0.name + ".")
    }
  }

  private func head(at node: Int) -> Head? {
    guard let layer = graphLayer(of: node), let size = output.shape.sizes.last else { return nil }
    for attribute in attributes(ofLayer: layer, equalTo: size) {
      // Another number than the present one, so that it shows what the attribute changes.
      guard let changed = try? network(layer, attribute, size + 1), fits(changed, node, size + 1)
      else { continue }
      return Head(layer: layer, attribute: attribute, node: node)
    }
    return nil
  }

  /// The attributes of a layer, defaults included, that are whole numbers of this size.
  private func attributes(ofLayer index: Int, equalTo size: Int) -> [String] {
    let layer = network.graph.layers[index]
    let specifications =
      registry.block(named: layer.type)?.attributes
      ?? (try? registry.type(named: layer.type))?.attributes ?? []
    return specifications.compactMap { specification in
      guard case .integer(let range) = specification.kind, range.contains(size + 1) else {
        return nil
      }
      let value = layer.attributes[specification.name] ?? specification.defaultValue
      return value?.asInteger == size ? specification.name : nil
    }
  }

  private func network(
    _ layer: Int, _ attribute: String, _ count: Int
  ) throws(CNNError) -> Network {
    var graph = network.graph
    graph.layers[layer].attributes[attribute] = .integer(count)
    return try Network(graph, registry: registry)
  }

  /// Whether the output has `count` elements along its last axis, everything else the shape it had,
  /// and the parameters of all nodes but `node` and those behind it are what they were.
  private func fits(_ changed: Network, _ node: Int, _ count: Int) -> Bool {
    guard changed.nodes.count == network.nodes.count else { return false }
    let shapes = zip(network.outputs, changed.outputs).map {
      (network.tensors[$0].shape.sizes, changed.tensors[$1].shape.sizes)
    }
    for (index, (old, new)) in shapes.enumerated() {
      guard new == (index == 0 ? Array(old.dropLast()) + [count] : old) else { return false }
    }
    return network.nodes.indices.allSatisfy { index in
      let old = network.nodes[index].layer.parameters
      let new = changed.nodes[index].layer.parameters
      return index == node ? old != new : index > node || old == new
    }
  }
}
