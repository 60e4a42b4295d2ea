public import CNNData
import CNNGraph
public import CNNLayerKit

/// How to train on a data set.
public struct TrainerOptions: Hashable, Sendable {
  /// Losses, optimizer, schedule, batch size, seed.
  public var training = TrainingOptions()
  /// How many epochs there are at most, at least 1.
  public var epochs = 10
  /// Whether each epoch has a new order.
  public var shuffle = true
  /// Whether a last batch that is not full is left out.
  public var dropLast = false
  /// Random changes of the training samples, or nil for none.
  public var augmentation: Augmentation?
  /// Mixup and cutmix, or nil for none; for losses that are compared with classes.
  ///
  /// The training accuracy counts answers as right by the class with the larger share in a sample.
  public var mixing: BatchMixing?
  /// Whether samples are drawn so that all classes are equally frequent.
  ///
  /// An epoch has as many samples as without; those of a rare class come several times, those of a
  /// frequent one not all. Weights of the data set decide within each class. Needs `shuffle`.
  public var classBalance = false
  /// The average of the parameters of all steps, or nil for none.
  ///
  /// It is what is validated, kept as the best, and left in the model at the end; training goes on
  /// with the parameters themselves.
  public var ema: ExponentialMovingAverage?
  /// Whether the run ends with the parameters of the epoch with the best validation result.
  ///
  /// Otherwise, and without validation data, it ends with the last ones.
  public var keepBest = true
  /// After how many epochs in a row without a better result the run ends; 0 for never.
  ///
  /// The result is the accuracy on the validation data, or on the training data if there is none;
  /// without classes the loss, where smaller is better.
  public var patience = 0
  /// By how much a result must be better to count, at least 0.
  public var minDelta = 0.0
  /// Where everything is saved after each epoch and when the run is cancelled, or nil.
  public var checkpointPath: String?
  /// After how many steps everything is saved as well; 0 for only after epochs.
  public var checkpointInterval = 0
  /// Whether the run goes on from the checkpoint if there is one.
  public var resume = false
  /// How many steps lie between calls of the callback, at least 1.
  public var reportInterval = 1
  /// How many batches a step adds up, at least 1: their mean gradient is used.
  public var accumulation = 1
  /// How many steps lie between losses in the history, at least 1.
  public var historyInterval = 1
  /// On how many samples of training and validation data the accuracy is taken after the first step
  /// and after each epoch; 0 for none.
  public var accuracySamples = 0
  /// How many batches are prepared ahead, from 1 to 64.
  public var prefetch = 2
  /// How many background threads prepare batches, from 0 to 64.
  public var workers = 1

  /// The defaults.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: those of `TrainingOptions`, and `preset`, `epochs`, `shuffle`, `drop_last`,
  /// `augment`, `mixup`, `cutmix`, `class_balance`, `ema`, `keep_best`, `patience`, `min_delta`, `checkpoint`, `checkpoint_every`, `resume`,
  /// `report_every`, `accumulate`, `history_every`, `accuracy_samples`, `prefetch`, `workers`.
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys and
  ///   names, `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let members = try TrainingPreset.complete(JSONText.parseObject(json, "the options"))
    let options = try OptionReader(
      members, valid: TrainingOptions.keys + TrainerOptions.keys)
    training = try TrainingOptions(options)
    epochs = try options.integer("epochs", from: 1) ?? epochs
    shuffle = try options.boolean("shuffle") ?? shuffle
    dropLast = try options.boolean("drop_last") ?? dropLast
    if let value = options.value("augment") {
      augmentation = try Augmentation(json: JSONText.write(value))
    }
    mixing = try BatchMixing(options)
    classBalance = try options.boolean("class_balance") ?? classBalance
    ema = try options.options("ema", valid: ["decay", "warmup"]).map { ema throws(CNNError) in
      ExponentialMovingAverage(
        decay: try ema.number("decay", in: 0...1) ?? 0.999,
        warmup: try ema.boolean("warmup") ?? true)
    }
    keepBest = try options.boolean("keep_best") ?? keepBest
    patience = try options.integer("patience", from: 0) ?? patience
    minDelta = try options.number("min_delta", in: 0...1e6) ?? minDelta
    checkpointPath = try options.string("checkpoint")
    checkpointInterval = try options.integer("checkpoint_every", from: 0) ?? checkpointInterval
    resume = try options.boolean("resume") ?? resume
    reportInterval = try options.integer("report_every", from: 1) ?? reportInterval
    accumulation = try options.integer("accumulate", from: 1) ?? accumulation
    historyInterval = try options.integer("history_every", from: 1) ?? historyInterval
    accuracySamples = try options.integer("accuracy_samples", from: 0) ?? accuracySamples
    prefetch = try options.integer("prefetch", from: 1) ?? prefetch
    workers = try options.integer("workers", from: 0) ?? workers
    try validate()
  }

  private static let keys = [
    "preset", "epochs", "shuffle", "drop_last", "augment", "mixup", "cutmix", "class_balance",
    "ema", "keep_best", "patience", "min_delta",
    "checkpoint", "checkpoint_every", "resume", "report_every", "accumulate", "history_every",
    "accuracy_samples", "prefetch", "workers",
  ]

  /// Checks the numbers.
  ///
  /// - Throws: `invalidArgument`, naming the option.
  public func validate() throws(CNNError) {
    try training.validate()
    try augmentation?.validate()
    try mixing?.validate()
    try ema?.validate()
    let atLeastOne = [
      ("epochs", epochs), ("report_every", reportInterval), ("accumulate", accumulation),
      ("history_every", historyInterval),
    ]
    for (name, value) in atLeastOne where value < 1 {
      throw .invalidArgument("option \"\(name)\" is at least 1, got \(value)")
    }
    let notNegative = [
      ("patience", patience), ("checkpoint_every", checkpointInterval),
      ("accuracy_samples", accuracySamples),
    ]
    for (name, value) in notNegative where value < 0 {
      throw .invalidArgument("option \"\(name)\" is at least 0, got \(value)")
    }
    guard shuffle || !classBalance else {
      throw .invalidArgument(
        "option \"class_balance\" draws samples at random, so \"shuffle\" must not be false")
    }
    guard minDelta >= 0, minDelta.isFinite else {
      throw .invalidArgument("option \"min_delta\" is finite and at least 0, got \(minDelta)")
    }
    guard checkpointPath != nil || (!resume && checkpointInterval == 0) else {
      throw .invalidArgument(
        "options \"resume\" and \"checkpoint_every\" need the path of a \"checkpoint\"")
    }
  }

  /// The options that decide what a run computes, for checkpoints: no paths, nothing of threads,
  /// and not how long the run may be, which may change when it is resumed.
  func decisiveMembers() throws(CNNError) -> [String: AttributeValue] {
    var members = training.members
    members["shuffle"] = .boolean(shuffle)
    members["drop_last"] = .boolean(dropLast)
    members["keep_best"] = .boolean(keepBest)
    members["min_delta"] = .number(minDelta)
    members["accumulate"] = .integer(accumulation)
    members["history_every"] = .integer(historyInterval)
    members["accuracy_samples"] = .integer(accuracySamples)
    if let augmentation { members["augment"] = .string(try augmentation.json()) }
    // Only what is asked for, so that checkpoints of before are still good.
    if let mixup = mixing?.mixup { members["mixup"] = mixup.value }
    if let cutmix = mixing?.cutmix { members["cutmix"] = cutmix.value }
    if classBalance { members["class_balance"] = true }
    if let ema { members["ema"] = ema.value }
    return members
  }
}
