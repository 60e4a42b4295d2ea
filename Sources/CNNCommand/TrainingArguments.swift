import ArgumentParser
import CNNData
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNTraining

/// How to train, as options of the command line.
struct TrainingArguments: ParsableArguments {
  @Option(help: "How often to go through the data.")
  var epochs = 10

  @Option(help: "Samples of a step.")
  var batchSize = 32

  @Option(help: "sgd, momentum, nesterov, rmsprop, adagrad, adam or adamw.")
  var optimizer = "adam"

  @Option(help: "The learning rate to start from. (default: the optimizer's)")
  var learningRate: Double?

  @Option(help: "Weight decay; biases and normalisation are exempt.")
  var weightDecay = 0.0

  @Option(help: "constant, exponential, step, plateau or cosine, or JSON with its settings.")
  var schedule = "constant"

  @Option(help: "The largest norm of all gradients together.")
  var clipNorm: Double?

  @Option(help: "Random changes of the pictures as JSON, as in '{\"horizontal_flip\": 0.5}'.")
  var augment: String?

  @Option(help: "Stop after so many epochs without a better validation result; 0 never.")
  var patience = 0

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

  /// The options of the trainer: those of the command line, and those in `--options`.
  func trainerOptions() throws(CNNError) -> TrainerOptions {
    var members: [String: AttributeValue] = [
      "epochs": .integer(epochs), "batch_size": .integer(batchSize),
      "optimizer": .string(optimizer), "weight_decay": .number(weightDecay),
      "patience": .integer(patience), "seed": .string(String(seed)),
      "checkpoint_every": .integer(checkpointEvery), "resume": .boolean(resume),
    ]
    members["schedule"] =
      schedule.hasPrefix("{")
      ? .object(try JSONText.parseObject(schedule, "--schedule")) : .string(schedule)
    if let learningRate { members["learning_rate"] = .number(learningRate) }
    if let clipNorm { members["clip_norm"] = .number(clipNorm) }
    if let checkpoint { members["checkpoint"] = .string(checkpoint) }
    if let augment { members["augment"] = .object(try JSONText.parseObject(augment, "--augment")) }
    if let options {
      members.merge(try JSONText.parseObject(options, "--options")) { $1 }
    }
    return try TrainerOptions(json: JSONText.write(.object(members)))
  }
}
