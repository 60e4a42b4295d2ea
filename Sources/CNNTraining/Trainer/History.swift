import CNNGraph
import CNNLayerKit

/// What happened during a run of training.
public struct History: Hashable, Sendable {
  /// What is known of one epoch.
  public struct Epoch: Hashable, Sendable {
    /// The number of the epoch, from 0.
    public var epoch: Int
    /// The mean loss of its samples, each at its step.
    public var loss: Double
    /// The share of right answers, each at its step; nil without classes.
    public var accuracy: Double?
    /// The loss on the validation data afterwards; nil without such data.
    public var validationLoss: Double?
    /// The share of right answers on the validation data; nil without such data or classes.
    public var validationAccuracy: Double?
    /// The learning rate of the last step.
    public var learningRate: Double
    /// How long the epoch took, validation included; nil for one that was read from a checkpoint,
    /// which holds no times.
    public var seconds: Double?
  }

  /// Accuracies on samples of the data at one step.
  public struct AccuracySample: Hashable, Sendable {
    /// How many steps were done before.
    public var step: Int
    /// The share of right answers on samples of the training data.
    public var training: Double
    /// The share of right answers on samples of the validation data; nil without such data.
    public var validation: Double?
  }

  /// Why a run ended.
  public enum End: String, Hashable, Sendable {
    /// All epochs are done.
    case finished
    /// The validation result did not get better for long enough.
    case patience
    /// A callback asked to stop.
    case cancelled
  }

  /// Every epoch that is over.
  public var epochs: [Epoch] = []
  /// The losses of steps 0, `stepInterval`, 2 · `stepInterval`, ….
  public var steps: [Double] = []
  /// How many steps lie between recorded losses.
  public var stepInterval = 1
  /// Accuracies on samples, if they were asked for.
  public var accuracySamples: [AccuracySample] = []
  /// The epoch with the best result, or nil if no epoch is over.
  public var bestEpoch: Int?
  /// Why the run ended, or nil while it has not.
  public var stopped: End?

  /// Starts an empty history.
  public init() {}

  /// The history as a JSON object with the keys `epochs`, `steps`, `step_interval`,
  /// `accuracy_samples`, `best_epoch` and `stopped`; what is not known is null.
  public var json: String { JSONText.write(.object(members)) }

  /// The members of that object.
  var members: [String: AttributeValue] {
    var members = persistentMembers
    members["epochs"] = .list(epochs.map { $0.value(withTime: true) })
    members["steps"] = .list(steps.map { .number($0) })
    members["stopped"] = stopped.map { .string($0.rawValue) } ?? .null
    return members
  }

  /// What a checkpoint says in text: everything but times, the losses of steps, and the end.
  var persistentMembers: [String: AttributeValue] {
    [
      "epochs": .list(epochs.map { $0.value(withTime: false) }),
      "step_interval": .integer(stepInterval),
      "accuracy_samples": .list(accuracySamples.map(\.value)),
      "best_epoch": bestEpoch.map { .integer($0) } ?? .null,
    ]
  }

  /// Reads what `persistentMembers` wrote.
  ///
  /// - Throws: `malformedData` if it is something else.
  init(persistent value: AttributeValue?) throws(CNNError) {
    guard case .object(let members)? = value, case .list(let epochs)? = members["epochs"],
      case .list(let samples)? = members["accuracy_samples"],
      let interval = members.count(of: "step_interval"), interval >= 1
    else { throw .malformedData("the history is incomplete") }
    for epoch in epochs { self.epochs.append(try Epoch(epoch)) }
    for sample in samples { accuracySamples.append(try AccuracySample(sample)) }
    stepInterval = interval
    bestEpoch = members["best_epoch"]?.asInteger
  }
}

private func number(_ value: Double?) -> AttributeValue { value.map { .number($0) } ?? .null }

extension History.Epoch {
  fileprivate func value(withTime: Bool) -> AttributeValue {
    var members: [String: AttributeValue] = [
      "epoch": .integer(epoch), "loss": .number(loss), "accuracy": number(accuracy),
      "validation_loss": number(validationLoss),
      "validation_accuracy": number(validationAccuracy), "learning_rate": .number(learningRate),
    ]
    if withTime { members["seconds"] = number(seconds) }
    return .object(members)
  }

  fileprivate init(_ value: AttributeValue) throws(CNNError) {
    guard case .object(let members) = value, let epoch = members.count(of: "epoch"),
      let loss = members["loss"]?.asNumber, let rate = members["learning_rate"]?.asNumber
    else { throw .malformedData("an epoch of the history is incomplete") }
    self.init(
      epoch: epoch, loss: loss, accuracy: members["accuracy"]?.asNumber,
      validationLoss: members["validation_loss"]?.asNumber,
      validationAccuracy: members["validation_accuracy"]?.asNumber, learningRate: rate,
      seconds: nil)
  }
}

extension History.AccuracySample {
  fileprivate var value: AttributeValue {
    [
      "step": .integer(step), "training": .number(training), "validation": number(validation),
    ]
  }

  fileprivate init(_ value: AttributeValue) throws(CNNError) {
    guard case .object(let members) = value, let step = members.count(of: "step"),
      let training = members["training"]?.asNumber
    else { throw .malformedData("a sample of the history is incomplete") }
    self.init(step: step, training: training, validation: members["validation"]?.asNumber)
  }
}
