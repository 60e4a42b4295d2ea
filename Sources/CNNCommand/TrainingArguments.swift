import ArgumentParser
import CNNData
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNTraining

/// How to train, as options of the command line.
struct TrainingArguments: ParsableArguments {
  @Option(
    help: "A recipe, \(TrainingArguments.presets); options that are given besides win.")
  var preset: String?

  @Option(help: "How often to go through the data. (default: 10)")
  var epochs: Int?

  @Option(help: "Samples of a step. (default: 32)")
  var batchSize: Int?

  @Option(help: "sgd, momentum, nesterov, rmsprop, adagrad, adam or adamw. (default: adam)")
  var optimizer: String?

  @Option(help: "The learning rate to start from. (default: the optimizer's)")
  var learningRate: Double?

  @Option(help: "Weight decay; biases and normalisation are exempt. (default: 0)")
  var weightDecay: Double?

  @Option(
    help:
      "constant, exponential, step, plateau or cosine, or JSON with its settings. (default: constant)"
  )
  var schedule: String?

  @Option(help: "The largest norm of all gradients together.")
  var clipNorm: Double?

  @Option(help: "The share of each label that is spread over all classes. (default: 0)")
  var labelSmoothing: Double?

  @Option(help: "Random changes of the pictures as JSON, as in '{\"horizontal_flip\": 0.5}'.")
  var augment: String?

  @Option(help: "Mix pairs of samples: the alpha of the shares' beta distribution, often 0.2.")
  var mixup: Double?

  @Option(
    help: "Put parts of samples into others: the alpha of the areas' beta distribution, often 1.")
  var cutmix: Double?

  @Flag(help: "Draw samples so that all classes are equally frequent.")
  var classBalance = false

  @Option(help: "Judge and keep a moving average of the parameters: its decay, often 0.999.")
  var ema: Double?

  @Option(
    help: "Stop after so many epochs without a better validation result; 0 never. (default: 0)")
  var patience: Int?

  @Option(help: "Decides parameters, order, dropout and augmentation.")
  var seed: UInt64 = 0

  @Option(help: "Save everything there after each epoch.", completion: .file())
  var checkpoint: String?

  @Option(help: "Save a checkpoint every so many steps too.")
  var checkpointEvery = 0

  @Flag(help: "Go on from the checkpoint if there is one.")
  var resume = false

  @Option(help: "Further options of the trainer as JSON, as in '{\"accumulate\": 4}'.")
  var options: String?

  private static var presets: String {
    TrainingPreset.all.map { "\($0.name) (\($0.summary))" }.joined(separator: " or ")
  }

  /// The options of the trainer: those of the command line, and those in `--options`.
  func trainerOptions() throws(CNNError) -> TrainerOptions {
    var members: [String: AttributeValue] = [
      "seed": .string(String(seed)), "checkpoint_every": .integer(checkpointEvery),
      "resume": .boolean(resume),
    ]
    members["preset"] = preset.map { .string($0) }
    members["epochs"] = epochs.map { .integer($0) }
    members["batch_size"] = batchSize.map { .integer($0) }
    members["optimizer"] = optimizer.map { .string($0) }
    members["learning_rate"] = learningRate.map { .number($0) }
    members["weight_decay"] = weightDecay.map { .number($0) }
    members["clip_norm"] = clipNorm.map { .number($0) }
    members["patience"] = patience.map { .integer($0) }
    members["checkpoint"] = checkpoint.map { .string($0) }
    members["mixup"] = mixup.map { ["alpha": .number($0)] }
    members["cutmix"] = cutmix.map { ["alpha": .number($0)] }
    members["ema"] = ema.map { ["decay": .number($0)] }
    if classBalance { members["class_balance"] = true }
    if let schedule {
      members["schedule"] =
        schedule.hasPrefix("{")
        ? .object(try JSONText.parseObject(schedule, "--schedule")) : .string(schedule)
    }
    if let labelSmoothing {
      members["loss"] = [
        "type": "softmax_cross_entropy", "label_smoothing": .number(labelSmoothing),
      ]
    }
    if let augment { members["augment"] = .object(try JSONText.parseObject(augment, "--augment")) }
    if let options {
      members.merge(try JSONText.parseObject(options, "--options")) { $1 }
    }
    return try TrainerOptions(json: JSONText.write(.object(members)))
  }
}
