import CNNLayerKit

/// How long one step of a prediction or of training takes: a layer, or several computed as one.
public struct StepTime: Sendable {
  /// Which way the step goes.
  public enum Pass: String, Sendable {
    /// From the inputs to the outputs.
    case forward
    /// From the gradients of the outputs to those of inputs and parameters.
    case backward
  }

  /// The names of the nodes that the step computes.
  public let nodes: [String]
  /// The layer types of these nodes.
  public let types: [String]
  /// Which way the step goes.
  public let pass: Pass
  /// The shape of the step's first output, for one sample.
  public let outputShape: Shape
  /// An estimate of the additions and multiplications for the whole batch, as the layer's plain
  /// definition has them (twice as many backward); 0 where the layer does not say.
  public let operations: Double
  /// The shortest time of a run, in seconds.
  public let fastest: Double
  /// The median time of a run, in seconds.
  public let median: Double

  /// Summarises the times of the runs, of which there is at least one.
  fileprivate init(
    _ members: [Network.Node], _ pass: Pass, _ network: Network, operations: Double,
    _ seconds: [Double]
  ) throws(CNNError) {
    nodes = members.map(\.name)
    types = members.map(\.type)
    self.pass = pass
    outputShape =
      if let last = members.last { network.tensors[last.outputs[0]].shape } else { try Shape([]) }
    self.operations = operations
    let sorted = seconds.sorted()
    fastest = sorted.first ?? 0
    median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }
}

extension Session {
  /// Predicts `runs` times with the inputs that were supplied, and measures every step by itself.
  ///
  /// - Throws: As `run(batch:)`, and `invalidArgument` if `runs` is below 1.
  public func measureSteps(batch: Int, runs: Int) throws(CNNError) -> [StepTime] {
    var times = StepTimer(steps: plan.steps.count)
    // The run in front checks the call, prepares parameters, and takes memory into use.
    for _ in 0..<(try checkedRuns(runs)) {
      try run(batch: batch)
      try model.withReadAccess { () throws(CNNError) in
        for (index, step) in plan.steps.enumerated() {
          try times.measure(index) { () throws(CNNError) in try run(step, batch) }
        }
      }
    }
    var result: [StepTime] = []
    for (index, step) in program.steps.enumerated() {
      let members = step.nodes.compactMap { name in model.network.nodes.first { $0.name == name } }
      result.append(
        try StepTime(
          members, .forward, model.network,
          operations: Double(step.layer.operationCount) * Double(batch), times.seconds[index]))
    }
    return result
  }
}

extension TrainingSession {
  /// Computes outputs and gradients `runs` times with the inputs that were supplied, and measures
  /// every layer by itself: forward in the order of computation, then backward.
  ///
  /// The gradients of the outputs are all 1. Gradients of parameters add up, and running statistics
  /// move, as in training.
  /// - Throws: As `forward` and `backward`, and `invalidArgument` if `runs` is below 1.
  public func measureSteps(batch: Int, runs: Int) throws(CNNError) -> [StepTime] {
    try keepGradients()
    var forwardTimes = StepTimer(steps: plan.steps.count)
    var backwardTimes = StepTimer(steps: plan.steps.count)
    for _ in 0..<(try checkedRuns(runs)) {
      try forward(batch: batch, random: RandomKey(seed: 0))
      try withExclusiveAccess { () throws(CNNError) in
        for (index, step) in plan.steps.enumerated() {
          try forwardTimes.measure(index) { () throws(CNNError) in try forward(step, batch) }
        }
        for index in model.network.outputs.indices {
          try outputGradient(index).update(repeating: 1)
        }
        for (index, step) in plan.steps.enumerated().reversed() {
          guard let backward = step.backward else { continue }
          try backwardTimes.measure(index) { () throws(CNNError) in
            try self.backward(step, backward)
          }
        }
      }
    }
    var result: [StepTime] = []
    for (index, step) in plan.steps.enumerated() {
      result.append(
        try StepTime(
          step.nodes.map { model.network.nodes[$0] }, .forward, model.network,
          operations: Double(step.layer.operationCount) * Double(batch),
          forwardTimes.seconds[index]))
    }
    for (index, step) in plan.steps.enumerated().reversed()
    where !backwardTimes.seconds[index].isEmpty {
      result.append(
        try StepTime(
          step.nodes.map { model.network.nodes[$0] }, .backward, model.network,
          operations: 2 * Double(step.layer.operationCount) * Double(batch),
          backwardTimes.seconds[index]))
    }
    return result
  }
}

private func checkedRuns(_ runs: Int) throws(CNNError) -> Int {
  guard runs >= 1 else { throw .invalidArgument("there is at least 1 run to measure, got \(runs)") }
  return runs
}

/// Collects the durations of steps.
private struct StepTimer {
  /// For each step, the duration of each run.
  private(set) var seconds: [[Double]]
  private let clock = ContinuousClock()

  init(steps: Int) { seconds = [[Double]](repeating: [], count: steps) }

  mutating func measure(_ index: Int, _ body: () throws(CNNError) -> Void) throws(CNNError) {
    let start = clock.now
    try body()
    let elapsed = (clock.now - start).components
    seconds[index].append(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
  }
}
