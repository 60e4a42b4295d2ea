import CNNLayerKit

/// Where the gradients of a plan come from and go to, and how its layers compute.
struct GradientFlow {
  /// Tensors whose gradients the caller writes between the passes.
  let sources: [Int]
  /// Tensors whose numbers and gradients the caller reads after the backward pass.
  let targets: [Int]
  /// Whether layers compute what they compute when predicting, and only what `sources` need is
  /// computed.
  let isPrediction: Bool

  /// From some tensors to others, as a model predicts.
  init(from sources: [Int], to targets: [Int]) {
    self.sources = sources
    self.targets = targets
    isPrediction = true
  }

  /// From the outputs to the parameters, and to the inputs where that was asked for.
  init(training model: Model, _ options: TrainingSession.Options) {
    sources = model.network.outputs
    targets = options.inputGradients ? Array(model.network.inputs) : []
    isPrediction = false
  }

  /// For each node, whether it has to be computed.
  func neededNodes(of network: Network) -> [Bool] {
    guard isPrediction else { return network.nodes.map { _ in true } }
    var isNeeded = network.nodes.map { _ in false }
    var open = sources + targets
    while let tensor = open.popLast() {
      guard let node = network.tensors[tensor].producer, !isNeeded[node] else { continue }
      isNeeded[node] = true
      open += network.nodes[node].inputs
    }
    return isNeeded
  }

  /// The layer that computes a node.
  ///
  /// - Throws: `unsupported` for a layer whose gradient when predicting nobody knows.
  func layer(of node: Network.Node) throws(CNNError) -> any Layer {
    guard isPrediction else { return node.layer }
    if node.layer.isIdentityInInference, node.inputs.count == 1, node.outputs.count == 1 {
      return PassThrough(node.layer)
    }
    if let layer = node.layer as? any StateKeeping { return layer.keepingStates }
    guard node.layer.states.isEmpty else {
      throw CNNError(
        .unsupported,
        "layer \"\(node.name)\" (\(node.type)) keeps numbers that training changes, and does not "
          + "say what its gradient is while they stay as they are; it can be predicted with and "
          + "trained, and not be looked into")
    }
    return node.layer
  }
}
