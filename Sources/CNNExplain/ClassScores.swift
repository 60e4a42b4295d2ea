import CNNGraph
import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a network has its score for each class, and what comes before that.
struct ClassScores: Sendable {
  /// The tensor with the scores: what comes before a softmax at the end, or else the first output.
  let tensor: Int
  /// How many classes there are.
  let count: Int
  /// Whether the network's output are probabilities.
  let endsInSoftmax: Bool

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
    if let producer = output.producer,
      network.nodes[producer].layer.elementaryFunction == .softmax,
      let before = network.nodes[producer].inputs.first
    {
      endsInSoftmax = true
      tensor = before
    } else {
      endsInSoftmax = false
      tensor = network.outputs[0]
    }
  }

  /// The probabilities that one sample's output means.
  func probabilities(_ output: UnsafeBufferPointer<Float>) -> [Float] {
    if endsInSoftmax { return Array(output) }
    // exp(x) / sum of exp(x), without overflow.
    let largest = Double(output.max() ?? 0)
    let powers = output.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { Float($0 / sum) }
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
