import ArgumentParser
import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit

/// `cnn predict`.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Say what pictures show.",
    discussion: """
      Prints a line for each picture: the path, then the likeliest classes.

        cnn predict pets.cnn photo.jpg another.png --top 3
      """)

  @Argument(help: "The model's file.", completion: .file())
  var model: String

  @Argument(help: "PNG or JPEG files.", completion: .file(extensions: ["png", "jpg", "jpeg"]))
  var pictures: [String]

  @Option(help: "How many classes to print for each picture.")
  var top = 3

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      let recognizer = try Recognizer(Model.load(path: model))
      var rows: [AttributeValue] = []
      var failure: CNNError?
      for path in pictures {
        do throws(CNNError) {
          let answers = try recognizer.classes(ofPictureAt: path, most: top)
          if common.json {
            rows.append(PredictCommand.row(path, answers))
          } else {
            let texts = answers.map {
              "\($0.label.isEmpty ? "class \($0.index)" : $0.label) "
                + Format.percent(Double($0.probability))
            }
            print("\(path): \(texts.joined(separator: ", "))")
          }
        } catch {
          // One bad picture must not hide what the others show.
          Terminal.printError("cnn: \(path): \(error.message)")
          failure = error
        }
      }
      if common.json { print(JSONText.write(.list(rows))) }
      if let failure { throw failure }
    }
  }

  private static func row(_ path: String, _ answers: [Recognizer.Answer]) -> AttributeValue {
    .object([
      "path": .string(path),
      "predictions": .list(
        answers.map {
          .object([
            "index": .integer($0.index), "label": .string($0.label),
            "probability": .number(Double($0.probability)),
          ])
        }),
    ])
  }
}
