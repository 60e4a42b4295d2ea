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
      Prints loss and accuracy, and for each class how many of its samples were recognised and what \
      they were most often mistaken for. Without --part the test part is used where there is one.

        cnn evaluate digits.cnn --data digits
      """)

  @Argument(help: "The model's file.", completion: .file())
  var model: String

  @OptionGroup var data: DataOptions

  @Option(help: "How many samples to work on at once.")
  var batchSize = 64

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      let model = try Model.load(path: model)
      let dataset = try data.open(
        part: data.testPart, preprocessing: model.preprocessing())
      var options = EvaluationOptions()
      options.batchSize = batchSize
      let metrics = try CNNTraining.evaluate(model, on: dataset, options: options)
      if common.json {
        print(metrics.json)
      } else {
        EvaluateCommand.show(metrics, classNames: dataset.classNames)
      }
    }
  }

  private static func show(_ metrics: Metrics, classNames: [String]) {
    print("samples   \(metrics.count)")
    print("loss      \(Format.fixed(metrics.loss, 4))")
    if let accuracy = metrics.accuracy { print("accuracy  \(Format.percent(accuracy))") }
    if let top = metrics.topAccuracy, metrics.top > 1, classNames.count > metrics.top {
      print("top \(metrics.top)     \(Format.percent(top))")
    }
    guard let confusion = metrics.confusion, confusion.count <= 200 else { return }
    let width = classNames.map(\.count).max() ?? 0
    print("")
    for (index, row) in confusion.enumerated() {
      let total = row.reduce(0, +)
      guard total > 0, index < classNames.count else { continue }
      var line = Format.padded(classNames[index], width) + "  "
      line += Format.padded(Format.percent(Double(row[index]) / Double(total)), 8)
      line += " of \(total)"
      let mistakes = row.indices.filter { $0 != index && row[$0] > 0 }
      if let worst = mistakes.max(by: { (row[$0], $1) < (row[$1], $0) }),
        worst < classNames.count
      {
        line += ", \(row[worst]) taken for \(classNames[worst])"
      }
      print(line)
    }
  }
}
