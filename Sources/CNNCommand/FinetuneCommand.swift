import ArgumentParser
import CNNData
import CNNFormats
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit
import CNNTraining

/// `cnn finetune`.
struct FinetuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Train a model further, on a few pictures of other classes.",
    discussion: """
      Makes a model for classes of your own from one that was trained on many pictures. Fifty of each \
      class, in a folder named after it, are enough, and take less than a minute on two cores:

        my-pets/ragdoll/*.jpg
        my-pets/sphynx/*.jpg

        cnn finetune --data my-pets/ --output mine.cnn
        cnn predict --model mine.cnn photo.jpg

      First a new last layer is trained on what the rest of the network makes of the pictures, then \
      it and the layers before it (--unfreeze) together, at a lower rate. A fifth of the pictures is \
      set aside to judge the result, unless --validation names others. --epochs 0 leaves out the \
      second phase. Ctrl-C stops after the step that is under way.
      """)

  @OptionGroup var data: DataOptions

  @Option(
    help: ArgumentHelp("The model to begin with.", discussion: DefaultModel.help),
    completion: .file())
  var model: String?

  @Option(name: [.short, .long], help: "Where to save the new model.", completion: .file())
  var output = "finetuned.cnn"

  @Option(
    help: "Data to judge by. (default: the validation or test part, where there is one)")
  var validation: String?

  @Option(help: "Without such data, set aside this share to judge by. (default: 0.2)")
  var validationShare: Double?

  @Option(help: "Epochs of the first phase, the new layer alone. (default: 30)")
  var headEpochs: Int?

  @Option(help: "Epochs of the second phase, the last layers too; 0 for none. (default: 15)")
  var epochs: Int?

  @Option(
    help: ArgumentHelp(
      "Parameters that the second phase trains too, as in \"layer4.*\"; may be repeated.",
      discussion: "(default: the last stage before the new layer)", valueName: "pattern"))
  var unfreeze: [String] = []

  @Option(help: "The learning rate of the second phase. (default: 0.0002)")
  var learningRate: Double?

  @Option(help: "Samples of a step. (default: 16)")
  var batchSize: Int?

  @Option(help: "Random changes of the pictures as JSON; '{}' for none.")
  var augment: String?

  @Option(help: "Decides the new layer's first parameters, order and random changes.")
  var seed: UInt64 = 0

  @Option(help: "Further options as JSON, as in '{\"views\": 4}'; see cnn_finetune in cnn.h.")
  var options: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors { try finetune() }
  }

  private func finetune() throws {
    let given = try DefaultModel.open(model)
    let finetuner = try makeFinetuner(given)
    let validation = finetuner.validation.map { ", judged by \($0.count) more" } ?? ""
    Terminal.printError(
      "finetuning \(model ?? "the model"): \(finetuner.dataset.count) samples of "
        + finetuner.dataset.classNames.joined(separator: ", ") + validation)
    var display = FinetuneDisplay(headEpochs: finetuner.options.headEpochs)
    Interruption.listen()
    var interrupted: CNNError?
    do throws(CNNError) {
      try finetuner.run { progress in
        display.show(progress)
        return Interruption.isWished ? .cancel : .proceed
      }
    } catch {
      guard error.code == .cancelled else { throw error }
      interrupted = error
    }
    Terminal.clearLine()
    try ModelFile.save(finetuner.model, to: output)
    Terminal.printError("the model is saved in \(output)")
    report(finetuner.history, display)
    if let interrupted { throw interrupted }
  }

  private func makeFinetuner(_ given: Model) throws(CNNError) -> Finetuner {
    let options = try finetuneOptions()
    let isDivided = data.part == nil && validation == nil && validationShare == nil
    let part = isDivided ? data.validationPart : nil
    let preprocessing = try given.hasPreprocessing ? given.preprocessing() : nil
    let shape = given.network.tensors[0].shape
    let dataset = try data.open(
      part: data.trainingPart,
      preprocessing: preprocessing, inputShape: shape)
    var judged: (any Dataset)?
    if let validation {
      var other = data
      other.data = validation
      other.part = nil
      // A folder or an archive of its own has no files elsewhere.
      if !["csv", "json"].contains(validation.split(separator: ".").last) { other.dataRoot = nil }
      judged = try other.open(preprocessing: preprocessing, inputShape: shape)
    } else if let part {
      judged = try data.open(part: part, preprocessing: preprocessing, inputShape: shape)
    }
    return try Finetuner(given, dataset: dataset, validation: judged, options: options)
  }

  private func finetuneOptions() throws(CNNError) -> FinetuneOptions {
    var members: [String: AttributeValue] = ["seed": .string(String(seed))]
    let whole = [("head_epochs", headEpochs), ("epochs", epochs), ("batch_size", batchSize)]
    for (name, value) in whole { if let value { members[name] = .integer(value) } }
    let numbers = [("validation_share", validationShare), ("learning_rate", learningRate)]
    for (name, value) in numbers { if let value { members[name] = .number(value) } }
    if !unfreeze.isEmpty { members["unfreeze"] = .list(unfreeze.map { .string($0) }) }
    if let augment { members["augment"] = .object(try JSONText.parseObject(augment, "--augment")) }
    if let options { members.merge(try JSONText.parseObject(options, "--options")) { $1 } }
    return try FinetuneOptions(json: JSONText.write(.object(members)))
  }

  private func report(_ history: FinetuneHistory, _ display: FinetuneDisplay) {
    if common.json { return print(history.json) }
    let time = " in \(Format.duration(display.seconds))"
    guard let accuracy = history.validationAccuracy else { return print("finetuned" + time) }
    print(
      "accuracy on \(history.validationCount) held-out samples: \(Format.percent(accuracy))" + time)
  }
}

/// Shows the progress of finetuning: the epochs of the first phase, which are short, on one line.
private struct FinetuneDisplay {
  let headEpochs: Int
  /// Seconds since the run began.
  private(set) var seconds = 0.0
  private var display = ProgressDisplay()
  private var finishedPhases = 0.0
  private var lastSeconds = 0.0

  init(headEpochs: Int) { self.headEpochs = headEpochs }

  mutating func show(_ progress: TrainerProgress) {
    // Every phase has a clock of its own.
    if progress.seconds < lastSeconds { finishedPhases += lastSeconds }
    lastSeconds = progress.seconds
    seconds = finishedPhases + lastSeconds
    if progress.loss.isNaN {
      guard Terminal.isInteractive else { return }
      return Terminal.overwriteLine(
        "looking at the pictures: \(progress.step)/\(progress.stepCount), "
          + "\(Format.fixed(progress.samplesPerSecond, 0)) samples/s")
    }
    let isShort = progress.epoch + 1 < headEpochs
    if !isShort || progress.event == .step { display.show(progress) }
  }
}
