import CNNGraph
import CNNLayerKit

/// Where a network has its score for each class, and what comes before that.
struct ClassScores: Sendable {
  /// The tensor with the scores: what comes before a softmax at the end, or else the first output.
  let tensor: Int
  /// How many classes there are.
  let count: Int
  private let rule: ClassProbabilities

  /// - Throws: `unsupported` unless the first output has one number for each class.
  init(_ network: Network) throws(CNNError) {
    let output = network.tensors[network.outputs[0]]
    guard output.shape.rank == 1 else {
      throw CNNError(
        .unsupported,
        "a decision needs a model that gives one number for each class; the output "
          + "\"\(output.name)\" has the shape \(output.shape)")
    }
    count = output.shape.count
    rule = try ClassProbabilities(network, recognition: .plain)
    if let producer = output.producer, rule.followsSoftmax,
      let before = network.nodes[producer].inputs.first
    {
      tensor = before
    } else {
      tensor = network.outputs[0]
    }
  }

  /// The probabilities that one sample's output means.
  ///
  /// - Throws: `nonFinite` if the output is infinite or not a number.
  func probabilities(_ output: UnsafeMutableBufferPointer<Float>) throws(CNNError) -> [Float] {
    try rule.probabilities(of: Array(output))
  }
}

extension Network {
  /// The nodes on which a tensor depends, in the order of computation.
  func nodes(before tensor: Int) -> [Node] {
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    var open = [tensor]
    while let next = open.popLast() {
      guard let node = tensors[next].producer, !isNeeded[node] else { continue }
      isNeeded[node] = true
      open += nodes[node].inputs
    }
    return zip(nodes, isNeeded).filter(\.1).map(\.0)
  }
}
