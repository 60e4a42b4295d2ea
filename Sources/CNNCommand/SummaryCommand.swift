import ArgumentParser
import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNModels

/// `cnn summary`.
struct SummaryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary",
    abstract: "Show the layers, shapes, parameters and costs of a model.",
    discussion: """
      The model is an architecture, a file with a graph (.json) or a model file. Without one, the \
      architectures are listed.

        cnn summary resnet18
        cnn summary digits.cnn --batch 32
      """)

  @Argument(help: "An architecture, a graph (.json) or a model file.", completion: .file())
  var model: String?

  @Option(help: "The batch that memory is given for.")
  var batch = 1

  @Flag(help: "Print the graph as JSON, to be changed and used with train --model.")
  var graph = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      guard let model else {
        listArchitectures()
        return
      }
      let opened = try ModelArgument.open(model)
      if graph {
        print(opened.network.graph.json, terminator: "")
        return
      }
      let summary = try ModelSummary(opened, batch: batch)
      print(common.json ? summary.json : summary.text)
    }
  }

  private func listArchitectures() {
    if common.json {
      let rows = NamedModel.all.map { model in
        AttributeValue.object([
          "name": .string(model.name), "summary": .string(model.summary),
          "input_shape": .list(model.inputShape.map { .integer($0) }),
          "classes": .integer(model.classes),
        ])
      }
      print(JSONText.write(.list(rows)))
      return
    }
    let width = NamedModel.all.map(\.name.count).max() ?? 0
    for model in NamedModel.all { print("\(Format.padded(model.name, width))  \(model.summary)") }
  }
}
