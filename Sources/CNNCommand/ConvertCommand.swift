import ArgumentParser
import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit

/// `cnn convert`.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a model file in another way.",
    discussion: """
      In half precision a file has half of the size. Parameters are rounded to the nearest number, \
      running statistics stay in 32 bits; measure what that does with `cnn evaluate`.

        cnn convert pets.cnn small.cnn --precision float16
      """)

  @Argument(help: "The model's file.", completion: .file())
  var input: String

  @Argument(help: "The file to write.", completion: .file())
  var output: String

  @Option(help: "How to store parameters: float32, float16 or bfloat16. (default: as they were)")
  var precision: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      let model = try Model.load(path: input)
      let stored = try PrecisionArgument.precision(precision) ?? ModelFile.precision(path: input)
      try model.save(to: output, precision: stored)
      if common.json {
        print(
          JSONText.write([
            "path": .string(output), "precision": .string(stored.rawValue),
            "parameters": .integer(model.parameterCount),
          ]))
      } else {
        print("\(output): \(model.parameterCount) parameters as \(stored.rawValue)")
      }
    }
  }
}
