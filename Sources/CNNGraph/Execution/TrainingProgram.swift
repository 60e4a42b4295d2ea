import CNNLayerKit

/// The steps of training, in order: nodes of the network, where layers may have absorbed the one that
/// follows them (`Layer.fusedForTraining(with:)`).
struct TrainingProgram {
  /// One node, or several computed as one.
  struct Step {
    /// Indices in `Network.nodes`; the first one names the random numbers.
    let nodes: [Int]
    let name: String
    let type: String
    let layer: any Layer
    /// Tensors.
    let inputs: [Int]
    let outputs: [Int]
    /// Indices in `Model.parameters` and `Model.states`.
    let parameters: [Int]
    let states: [Int]
  }

  private(set) var steps: [Step] = []

  /// Makes the steps.
  ///
  /// - Throws: `unsupported` for a layer that is to keep its states and cannot.
  init(
    model: Model, options: TrainingSession.Options, flow: GradientFlow
  ) throws(CNNError) {
    let network = model.network
    let isNeeded = flow.neededNodes(of: network)
    var layers: [any Layer] = []
    for (index, node) in network.nodes.enumerated() {
      if flow.isPrediction {
        layers.append(isNeeded[index] ? try flow.layer(of: node) : node.layer)
      } else {
        layers.append(try TrainingProgram.layer(index, model, options))
      }
    }
    var consumers = [[Int]](repeating: [], count: network.tensors.count)
    for (index, node) in network.nodes.enumerated() where isNeeded[index] {
      for input in node.inputs { consumers[input].append(index) }
    }
    let kept = Set(network.outputs + flow.sources + flow.targets)

    /// The node that alone takes the only output of `node`, and takes nothing else.
    func onlyConsumer(of node: Int) -> Int? {
      let tensors = network.nodes[node].outputs
      guard tensors.count == 1, !kept.contains(tensors[0]), consumers[tensors[0]].count == 1,
        let next = consumers[tensors[0]].first, network.nodes[next].inputs.count == 1
      else { return nil }
      return next
    }

    var absorbed: Set<Int> = []
    for first in network.nodes.indices where isNeeded[first] && !absorbed.contains(first) {
      var layer = layers[first]
      var members = [first]
      while let last = members.last, let next = onlyConsumer(of: last),
        let fused = layer.fusedForTraining(with: layers[next])
      {
        layer = fused
        members.append(next)
        absorbed.insert(next)
      }
      let nodes = members.map { network.nodes[$0] }
      steps.append(
        Step(
          nodes: members, name: nodes.map(\.name).joined(separator: " + "),
          type: nodes.map(\.type).joined(separator: " + "), layer: layer, inputs: nodes[0].inputs,
          outputs: nodes[nodes.count - 1].outputs,
          parameters: members.flatMap { model.parameterLayout.ranges[$0] },
          states: members.flatMap { model.stateLayout.ranges[$0] }))
    }
  }

  /// The layer of a node as it is trained: in the form that keeps its states, if that was asked for.
  private static func layer(
    _ index: Int, _ model: Model, _ options: TrainingSession.Options
  ) throws(CNNError) -> any Layer {
    let node = model.network.nodes[index]
    let names = model.parameterLayout.ranges[index].map { model.parameters[$0].name }
    let isFrozen = !names.isEmpty && options.frozen.isSuperset(of: names)
    let keepsStates =
      switch options.statistics {
      case .never: false
      case .frozenLayers: isFrozen
      case .always: true
      }
    guard keepsStates, !node.layer.states.isEmpty else { return node.layer }
    guard let layer = node.layer as? any StateKeeping else {
      throw CNNError(
        .unsupported,
        "layer \"\(node.name)\" (\(node.type)) is frozen and cannot be trained through with running "
          + "statistics that stay as they are; set \"freeze_statistics\" to false, or train its "
          + "parameters too")
    }
    return layer.keepingStates
  }
}
