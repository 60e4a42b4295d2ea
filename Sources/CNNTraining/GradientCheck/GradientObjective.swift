import CNNGraph
import CNNKernels
import CNNLayerKit

/// The number that a gradient check differentiates, as a function of a network's outputs.
struct GradientObjective {
  private enum Term {
    /// Random weights for the elements of an output.
    case weights(output: Int, FloatBuffer)
    case loss(LossHead)
  }

  private let terms: [Term]
  private let session: TrainingSession
  private let batch: Int

  init(
    _ check: GradientCheck, session: TrainingSession, random: inout PhiloxStream
  ) throws(CNNError) {
    self.session = session
    batch = check.batchSize
    let network = session.model.network
    var terms: [Term] = []
    switch check.objective {
    case .randomWeights:
      for (index, tensor) in network.outputs.enumerated()
      where network.tensors[tensor].isDifferentiable {
        let count = try elementCount(
          check.batchSize, network.tensors[tensor].shape.count, of: "the weights of an output")
        let weights = try FloatBuffer(count: count, for: "the weights of an output")
        for position in 0..<count { weights.pointer[position] = random.normal() }
        terms.append(.weights(output: index, weights))
      }
    case .losses(let specifications):
      for head in try LossHead.heads(
        specifications, network: network, capacity: check.batchSize)
      {
        try GradientObjective.setRandomTargets(head, check.batchSize, &random)
        terms.append(.loss(head))
      }
    }
    self.terms = terms
  }

  private static func setRandomTargets(
    _ head: LossHead, _ batch: Int, _ random: inout PhiloxStream
  ) throws(CNNError) {
    if head.loss.targets.contains(.labels) {
      // Small: a check works on small batches of small samples.
      let labels = (0..<batch * head.positions).map { _ in
        Int32(truncatingIfNeeded: random.next(below: UInt64(head.classes)))
      }
      var failure: CNNError?
      labels.withUnsafeBufferPointer { labels in
        do throws(CNNError) { try head.setLabels(labels) } catch { failure = error }
      }
      if let failure { throw failure }
    } else {
      let values = try head.ownValues(batch: batch)
      for index in values.indices { values[index] = random.nextUnit() }
    }
  }

  /// Returns the objective for the outputs of the last forward pass, and, if asked for, writes its
  /// gradient.
  ///
  /// `noise` is the size of the error that rounding the outputs to 32 bits causes.
  func evaluate(writingGradients: Bool) throws(CNNError) -> (value: Double, noise: Double) {
    var value = 0.0
    var squares = 0.0
    for term in terms {
      switch term {
      case .weights(let index, let weights):
        let output = try session.output(index)
        for position in 0..<min(output.count, weights.count) {
          let part = Double(weights.pointer[position]) * Double(output[position])
          value += part
          squares += part * part
        }
        guard writingGradients else { continue }
        let gradient = try session.outputGradient(index)
        for position in gradient.indices { gradient[position] = weights.pointer[position] }
      case .loss(let head):
        guard let output = try session.output(head.outputIndex).baseAddress else { continue }
        let gradient = try session.outputGradient(head.outputIndex)
        let part =
          head.weight
          * (try head.evaluate(
            batch: batch, output: output,
            gradient: writingGradients ? gradient.baseAddress : nil))
        value += part
        squares += part * part
      }
    }
    return (value, squares.squareRoot() * Double(Float.ulpOfOne))
  }
}

extension PhiloxStream {
  /// A normally distributed number of mean 0 and deviation 1: the sum of twelve uniform ones, good
  /// enough for tests.
  mutating func normal() -> Float {
    var sum: Float = -6
    for _ in 0..<12 { sum += nextUnit() }
    return sum
  }
}
