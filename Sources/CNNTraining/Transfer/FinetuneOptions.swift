public import CNNData
import CNNGraph
public import CNNLayerKit

/// How to train a model further on a few pictures of other classes.
///
/// The defaults are meant for fifty pictures of each class, two cores, and less than a minute.
public struct FinetuneOptions: Hashable, Sendable {
  /// Epochs of the first phase, at least 0: only the new head is trained, on features of the pictures
  /// that are computed once.
  public var headEpochs = 30
  /// How many versions of each picture there are features of, at least 1: the picture as it is, and
  /// random changes of it.
  public var views = 8
  /// The largest learning rate of the first phase, above 0.
  public var headLearningRate = 0.003
  /// Epochs of the second phase, at least 0: head and last layers are trained together.
  public var epochs = 15
  /// The largest learning rate of the second phase, above 0.
  public var learningRate = 0.0002
  /// The parameters that the second phase trains beside those of the head, by names and patterns; nil
  /// for those of the last stage.
  ///
  /// See `NamePattern`. The last stage is all layers whose names begin like that of the last one with
  /// parameters before the head, up to the first dot. With an empty list there is no second phase.
  public var unfreeze: [String]?
  /// The largest number of samples of a step, at least 1.
  public var batchSize = 16
  /// The factor of weight decay, which is decoupled, at least 0.
  public var weightDecay = 0.01
  /// The share of each target that is spread over all classes, from 0 and below 1.
  public var labelSmoothing = 0.1
  /// Random changes of the pictures; nil for crops, flips and, where there are colours, changes of
  /// colour.
  ///
  /// `Augmentation()` stands for none.
  public var augmentation: Augmentation?
  /// The share of each class that is set aside to judge by, where there is no validation data: from 0
  /// and below 1.
  public var validationShare = 0.2
  /// The name of the layer that becomes the new head; nil to find it.
  public var layer: String?
  /// Decides the head's first parameters, the order, and all random changes.
  public var seed: UInt64 = 0
  /// How many background threads prepare pictures, from 0 to 64.
  public var workers = 1

  /// The defaults.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: `head_epochs`, `views`, `head_learning_rate`, `epochs`, `learning_rate`, `unfreeze`,
  /// `batch_size`, `weight_decay`, `label_smoothing`, `augment`, `validation_share`, `layer`, `seed`,
  /// `workers`.
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys,
  ///   `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let options = try OptionReader(
      JSONText.parseObject(json, "the options"), valid: FinetuneOptions.keys)
    headEpochs = try options.integer("head_epochs", from: 0) ?? headEpochs
    views = try options.integer("views", from: 1) ?? views
    headLearningRate =
      try options.number("head_learning_rate", in: 0...1e6, excludingLowest: true)
      ?? headLearningRate
    epochs = try options.integer("epochs", from: 0) ?? epochs
    learningRate =
      try options.number("learning_rate", in: 0...1e6, excludingLowest: true) ?? learningRate
    unfreeze = try options.strings("unfreeze")
    batchSize = try options.integer("batch_size", from: 1) ?? batchSize
    weightDecay = try options.number("weight_decay", in: 0...1e6) ?? weightDecay
    labelSmoothing = try options.number("label_smoothing", in: 0...1) ?? labelSmoothing
    if let value = options.value("augment") {
      augmentation = try Augmentation(json: JSONText.write(value))
    }
    validationShare = try options.number("validation_share", in: 0...1) ?? validationShare
    layer = try options.string("layer")
    seed = try options.seed("seed") ?? seed
    workers = try options.integer("workers", from: 0) ?? workers
    try validate()
  }

  private static let keys = [
    "head_epochs", "views", "head_learning_rate", "epochs", "learning_rate", "unfreeze",
    "batch_size", "weight_decay", "label_smoothing", "augment", "validation_share", "layer", "seed",
    "workers",
  ]

  /// Checks the numbers.
  ///
  /// - Throws: `invalidArgument`, naming the option.
  public func validate() throws(CNNError) {
    let whole = [
      ("head_epochs", headEpochs, 0), ("views", views, 1), ("epochs", epochs, 0),
      ("batch_size", batchSize, 1), ("workers", workers, 0),
    ]
    for (name, value, least) in whole where value < least {
      throw .invalidArgument("option \"\(name)\" is at least \(least), got \(value)")
    }
    for (name, rate) in [("head_learning_rate", headLearningRate), ("learning_rate", learningRate)]
    where !(rate > 0 && rate.isFinite) {
      throw .invalidArgument("option \"\(name)\" is finite and above 0, got \(rate)")
    }
    guard weightDecay >= 0, weightDecay.isFinite else {
      throw .invalidArgument(
        "option \"weight_decay\" is finite and at least 0, got \(weightDecay)")
    }
    for (name, share) in [
      ("label_smoothing", labelSmoothing), ("validation_share", validationShare),
    ] where !(share >= 0 && share < 1) {
      throw .invalidArgument("option \"\(name)\" is from 0 and below 1, got \(share)")
    }
    try augmentation?.validate()
  }

  /// What both phases have in common.
  func trainer(epochs: Int, learningRate: Double) -> TrainerOptions {
    var options = TrainerOptions()
    options.epochs = epochs
    options.workers = workers
    options.keepBest = false
    options.training.batchSize = batchSize
    options.training.seed = seed
    options.training.optimizer = OptimizerSpecification("adamw")
    options.training.learningRate = learningRate
    options.training.weightDecay = weightDecay
    options.training.losses = [
      LossSpecification(
        "softmax_cross_entropy", attributes: ["label_smoothing": .number(labelSmoothing)])
    ]
    options.training.schedule = LearningRateSchedule(
      .cosine(epochs: nil, minimum: 0), warmupEpochs: 1)
    return options
  }
}
