import ArgumentParser
import CNNData
import CNNFormats
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit
import CNNModels
import CNNTraining

/// `cnn train`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a network on pictures and save it as a model.",
    discussion: """
      Trains an architecture (see `cnn summary`), a graph of your own (.json), or a model file \
      further. The model remembers its preprocessing and class names, so predicting needs nothing \
      but its file.

        cnn train --data digits --model resnet_small --output digits.cnn
        cnn train --data photos/ --model resnet_small --size 64 --validation-share 0.1 \\
            --augment '{"horizontal_flip": 0.5, "random_crop": {"padding": 4}}'
        cnn train --data cifar10/ --model convnet --normalization mean_image \\
            --optimizer momentum --learning-rate 1e-3 --epochs 4

      With --checkpoint everything is saved after each epoch; the same command with --resume goes \
      on from there and ends with the same bits as if it had never been interrupted. Ctrl-C stops \
      after the step that is under way.
      """)

  @OptionGroup var data: DataOptions

  @Option(help: "An architecture, a graph (.json) or a model file.", completion: .file())
  var model = "resnet_small"

  @Option(help: "Options of the architecture as JSON, as in '{\"classes\": 2}'.")
  var modelOptions: String?

  @Option(name: [.short, .long], help: "Where to save the model.", completion: .file())
  var output = "model.cnn"

  @Option(
    help: "Data to judge each epoch by. (default: the validation or test part, where there is one)")
  var validation: String?

  @Option(help: "Set aside this share of the data to judge each epoch by.")
  var validationShare: Double?

  @Option(help: "How pixels are centred and scaled: unit, standard or mean_image.")
  var normalization = "standard"

  @OptionGroup var training: TrainingArguments

  @Option(help: "Where to draw loss and accuracy as PNG; \"none\" for no picture.")
  var plot: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors { try train() }
  }

  private func train() throws {
    let options = try training.trainerOptions()
    let prepared = try prepare(seed: options.training.seed)
    let dataset = prepared.dataset
    Terminal.printError(
      "training \(model): \(prepared.model.parameterCount) parameters, \(dataset.count) samples of "
        + "\(dataset.sampleShape), \(dataset.classNames.count) classes"
        + (prepared.validation.map { ", judged by \($0.count) more" } ?? ""))
    TrainCommand.reportSources(of: dataset)
    let trainer = try Trainer(
      model: prepared.model, dataset: dataset, validation: prepared.validation, options: options)
    var display = ProgressDisplay()
    Interruption.listen()
    var interrupted: CNNError?
    do throws(CNNError) {
      try trainer.fit { progress in
        display.show(progress)
        return Interruption.isWished ? .cancel : .proceed
      }
    } catch {
      guard error.code == .cancelled else { throw error }
      interrupted = error
    }
    try finish(trainer)
    if let interrupted { throw interrupted }
  }

  /// Saves and reports what there is, also after an interruption.
  private func finish(_ trainer: Trainer) throws(CNNError) {
    Terminal.clearLine()
    try ModelFile.save(trainer.model, to: output)
    let picture = plot ?? TrainCommand.plotPath(beside: output)
    if picture != "none", !trainer.history.epochs.isEmpty {
      try TrainingPlot.write(trainer.history, title: "\(model) on \(data.data)", to: picture)
      Terminal.printError("loss and accuracy are drawn in \(picture)")
    }
    Terminal.printError("the model is saved in \(output)")
    guard common.json else {
      if let best = trainer.history.bestEpoch,
        let epoch = trainer.history.epochs.first(where: { $0.epoch == best }),
        let accuracy = epoch.validationAccuracy
      {
        print("best epoch \(best + 1): validation accuracy \(Format.percent(accuracy))")
      }
      return
    }
    print(trainer.history.json)
  }

  /// Says what each source of a mixture contributes.
  private static func reportSources(of dataset: any Dataset) {
    guard let mixture = dataset as? MixtureDataset ?? (dataset as? Subset)?.base as? MixtureDataset
    else { return }
    let names = mixture.classNames
    for source in mixture.contributions {
      let classes = zip(names, source.classCounts).filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
      Terminal.printError(
        "  \(source.name): \(source.count) samples (\(classes.joined(separator: ", "))), "
          + "\(Format.percent(source.share)) of an epoch")
    }
    if let count = dataset.samplesPerEpoch {
      Terminal.printError("  an epoch has \(count) samples")
    }
  }

  private static func plotPath(beside output: String) -> String {
    let name = output.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return output + ".png" }
    return output.dropLast(name[dot...].count) + ".png"
  }
}

// MARK: Data and model that fit each other

extension TrainCommand {
  /// A model and the data to train it on.
  private struct Prepared {
    let model: Model
    let dataset: any Dataset
    let validation: (any Dataset)?
  }

  private func prepare(seed: UInt64) throws(CNNError) -> Prepared {
    guard let normalization = PixelNormalization(rawValue: normalization) else {
      throw .unknownName(
        "value of --normalization", self.normalization,
        valid: PixelNormalization.allCases.map(\.rawValue))
    }
    let isNew = NamedModel.all.contains { $0.name == model }
    // A model that is trained further, or a graph, says itself what it takes.
    let given = isNew ? nil : try ModelArgument.open(model, seed: seed)
    let existing = given.flatMap { $0.hasPreprocessing ? $0 : nil }
    let inputShape: Shape
    if let given {
      inputShape = given.network.tensors[0].shape
    } else {
      inputShape = try architectureInput()
    }
    var dataset = try data.open(
      part: data.trainingPart,
      preprocessing: try existing?.preprocessing(), inputShape: inputShape)
    var judged = try openValidation(&dataset, seed: seed)
    var preprocessing = dataset.preprocessing
    if existing == nil, preprocessing != nil {
      let computed = try dataset.preprocessing(normalizing: normalization)
      preprocessing = computed
      dataset = try dataset.applying(computed)
    }
    if let preprocessing { judged = try judged?.applying(preprocessing) }
    let trained: Model
    if let given { trained = given } else { trained = try newModel(for: dataset, seed: seed) }
    if !trained.hasPreprocessing, let preprocessing { try trained.setPreprocessing(preprocessing) }
    if trained.classNames.isEmpty { trained.classNames = dataset.classNames }
    return Prepared(model: trained, dataset: dataset, validation: judged)
  }

  /// What an architecture takes unless the data decides: the option, or its default.
  private func architectureInput() throws(CNNError) -> Shape {
    var sizes = try NamedModel.named(model).inputShape
    if let modelOptions {
      let options = try JSONText.parseObject(modelOptions, "--model-options")
      if case .list(let items)? = options["input_shape"] { sizes = items.compactMap(\.asInteger) }
    }
    return try Shape(sizes)
  }

  /// An architecture with the data's shape and number of classes, unless options say otherwise.
  private func newModel(for dataset: any Dataset, seed: UInt64) throws(CNNError) -> Model {
    var options: [String: AttributeValue] = [
      "classes": .integer(dataset.classNames.count),
      "input_shape": .list(dataset.sampleShape.sizes.map { .integer($0) }),
    ]
    if let modelOptions {
      options.merge(try JSONText.parseObject(modelOptions, "--model-options")) { $1 }
    }
    return try ModelArgument.open(model, options: options, seed: seed)
  }

  private func openValidation(
    _ dataset: inout any Dataset, seed: UInt64
  ) throws(CNNError) -> (any Dataset)? {
    if let validation {
      var other = data
      other.data = validation
      other.part = nil
      // A folder or an archive of its own has no files elsewhere.
      if !["csv", "json"].contains(validation.split(separator: ".").last) { other.dataRoot = nil }
      return try other.open(preprocessing: dataset.preprocessing)
    }
    if let validationShare {
      let parts = try dataset.stratifiedSplit(first: validationShare, seed: seed)
      dataset = parts.rest
      return parts.first
    }
    guard data.part == nil, let part = data.validationPart else {
      return nil
    }
    return try data.open(part: part, preprocessing: dataset.preprocessing)
  }
}
