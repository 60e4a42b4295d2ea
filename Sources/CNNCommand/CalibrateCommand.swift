import ArgumentParser
import CNNData
import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNTraining

/// `cnn calibrate`.
struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Make the probabilities of a model mean what they say.",
    discussion: """
      Finds the temperature at which the probabilities fit data that the model was not trained on \
      (Guo et al. 2017), and stores it in the model's file. Which class is the likeliest never \
      changes. Without --part the validation part is used where there is one.

        cnn calibrate pets.cnn --data photos/
        cnn calibrate pets.cnn --data photos/ --average-flips --output calibrated.cnn
      """)

  @Argument(help: "The model's file.", completion: .file())
  var model: String

  @OptionGroup var data: DataOptions

  @Option(
    help: """
      Use what `cnn train` set aside with the same share and seed: this share of the data, which is \
      its training part then.
      """)
  var validationShare: Double?

  @Option(help: "The seed of that training.")
  var seed: UInt64 = 0

  @Option(
    name: [.short, .long], help: "Where to save the model. (default: its own file)",
    completion: .file())
  var output: String?

  @Option(help: "How many samples to work on at once.")
  var batchSize = 64

  @Flag(
    inversion: .prefixedNo,
    help: """
      Let the model average over each picture and its mirror image, from now on. (default: as the \
      model says)
      """)
  var averageFlips: Bool?

  @Option(help: "How to store parameters: float32, float16 or bfloat16. (default: as they were)")
  var precision: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      let loaded = try Model.load(path: model)
      let stored = try PrecisionArgument.precision(precision) ?? ModelFile.precision(path: model)
      let part = validationShare == nil ? data.validationPart : data.trainingPart
      var dataset = try data.open(part: part, preprocessing: loaded.preprocessing())
      if let validationShare {
        dataset = try dataset.stratifiedSplit(first: validationShare, seed: seed).first
      }
      var options = CalibrationOptions()
      options.batchSize = batchSize
      options.averageFlips = averageFlips
      let report = try CNNTraining.calibrate(loaded, on: dataset, options: options)
      try loaded.save(to: output ?? model, precision: stored)
      if common.json {
        print(report.json)
      } else {
        CalibrateCommand.show(report)
      }
      Terminal.printError("the model is saved in \(output ?? model)")
    }
  }

  private static func show(_ report: CalibrationReport) {
    let before = report.before
    let after = report.after
    print(MetricsTable.line("samples", "\(after.count)"))
    func row(_ name: String, _ old: String, _ new: String) {
      print(MetricsTable.line(name, Format.padded(old, 12) + new))
    }
    row("", "before", "after")
    row(
      "temperature", Format.fixed(report.oldRecognition.temperature, 4),
      Format.fixed(report.recognition.temperature, 4))
    row("accuracy", Format.percent(before.accuracy), Format.percent(after.accuracy))
    row(
      "calibration error", Format.percent(before.expectedCalibrationError),
      Format.percent(after.expectedCalibrationError))
    row(
      "log loss", Format.fixed(before.negativeLogLikelihood, 4),
      Format.fixed(after.negativeLogLikelihood, 4))
    row("Brier score", Format.fixed(before.brierScore, 4), Format.fixed(after.brierScore, 4))
  }
}

/// The word on the command line that says how parameters are stored.
enum PrecisionArgument {
  /// Returns what the word means; nil if there is none.
  static func precision(_ word: String?) throws(CNNError) -> ModelFile.Precision? {
    guard let word else { return nil }
    guard let precision = ModelFile.Precision(rawValue: word) else {
      throw .unknownName(
        "value of --precision", word, valid: ModelFile.Precision.allCases.map(\.rawValue))
    }
    return precision
  }
}
