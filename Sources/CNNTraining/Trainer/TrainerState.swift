import CNNGraph
import CNNLayerKit

/// What a run knows beside the model, the optimizer and the schedule; all of it is in checkpoints.
struct TrainerState {
  /// The next batch of the epoch.
  var nextBatch = 0
  /// Sums over the samples of this epoch so far.
  var lossSum = 0.0
  var samples = 0
  var positions = 0
  var correct = 0
  /// The learning rate of the last step.
  var lastRate = 0.0
  /// The best result of an epoch so far, where larger is better.
  var best: Double?
  /// Epochs since then.
  var epochsWithoutImprovement = 0
  var history = History()

  /// The mean loss of this epoch so far.
  var meanLoss: Double { samples == 0 ? 0 : lossSum / Double(samples) }
  /// The share of right answers in this epoch so far; nil without classes.
  var accuracy: Double? { positions == 0 ? nil : Double(correct) / Double(positions) }

  mutating func add(loss: Double, _ counts: Training.Counts) {
    lossSum += loss * Double(counts.samples)
    samples += counts.samples
    positions += counts.positions
    correct += counts.correct
    nextBatch += 1
  }

  mutating func beginEpoch() {
    nextBatch = 0
    lossSum = 0
    samples = 0
    positions = 0
    correct = 0
  }

  /// Notes the result of an epoch, and returns whether it is the best so far.
  mutating func note(result: Double, epoch: Int, minDelta: Double) -> Bool {
    if let best, result <= best + minDelta {
      epochsWithoutImprovement += 1
      return false
    }
    best = result
    epochsWithoutImprovement = 0
    history.bestEpoch = epoch
    return true
  }
}

extension TrainerState {
  init(historyInterval: Int) { history.stepInterval = historyInterval }

  /// The state as members of a JSON object; the losses of steps are not among them.
  var value: AttributeValue {
    .object([
      "next_batch": .integer(nextBatch), "loss_sum": .number(lossSum),
      "last_rate": .number(lastRate), "samples": .integer(samples),
      "positions": .integer(positions),
      "correct": .integer(correct), "best": best.map { .number($0) } ?? .null,
      "epochs_without_improvement": .integer(epochsWithoutImprovement),
      "history": .object(history.persistentMembers),
    ])
  }

  /// Reads what `value` wrote.
  ///
  /// - Throws: `malformedData` if it is something else.
  init(_ value: AttributeValue, steps: [Double]) throws(CNNError) {
    guard case .object(let members) = value, let nextBatch = members.count(of: "next_batch"),
      let lossSum = members["loss_sum"]?.asNumber, let samples = members.count(of: "samples"),
      let positions = members.count(of: "positions"), let correct = members.count(of: "correct"),
      let lastRate = members["last_rate"]?.asNumber,
      let stalled = members.count(of: "epochs_without_improvement")
    else { throw .malformedData("the state of the run is incomplete") }
    self.nextBatch = nextBatch
    self.lossSum = lossSum
    self.lastRate = lastRate
    self.samples = samples
    self.positions = positions
    self.correct = correct
    best = members["best"]?.asNumber
    epochsWithoutImprovement = stalled
    history = try History(persistent: members["history"])
    history.steps = steps
  }
}
