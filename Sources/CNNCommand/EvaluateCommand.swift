import ArgumentParser
import CNNData
import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNTraining

/// `cnn evaluate`.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a model does on data.",
    discussion: """
      Prints loss and accuracy, how far the probabilities are from what they promise (the expected \
      calibration error), and a table with a row for each class that counts what its samples were \
      taken for. Without --part the test part is used where there is one.

      With --classes only samples of these classes count, and the probabilities of these classes are \
      scaled so that they add up to 1: how well the model tells them from each other.

        cnn evaluate digits.cnn --data digits
        cnn evaluate pets.cnn --data photos/ --classes cat,dog
      """)

  @Argument(help: "The model's file.", completion: .file())
  var model: String

  @OptionGroup var data: DataOptions

  @Option(help: "How many samples to work on at once.")
  var batchSize = 64

  @Option(help: "Divide logits by this number before the softmax. (default: as the model says)")
  var temperature: Double?

  @Flag(
    inversion: .prefixedNo,
    help: "Average over each picture and its mirror image. (default: as the model says)")
  var averageFlips: Bool?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      let model = try Model.load(path: model)
      // Evaluation chooses the classes itself, among the data's and the model's.
      var whole = data
      whole.classes = nil
      let dataset = try whole.open(part: data.testPart, preprocessing: model.preprocessing())
      var options = EvaluationOptions()
      options.batchSize = batchSize
      options.classes = data.classes?.split(separator: ",").map(String.init)
      if let temperature {
        // Checks the range.
        options.temperature = try Recognition(temperature: temperature).temperature
      }
      options.averageFlips = averageFlips
      let metrics = try CNNTraining.evaluate(model, on: dataset, options: options)
      if common.json {
        print(metrics.json)
      } else {
        for line in MetricsTable.lines(metrics) { print(line) }
      }
    }
  }
}
