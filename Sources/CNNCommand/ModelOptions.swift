import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNModels

/// Finds the model that a word on the command line means.
enum ModelArgument {
  /// Makes a new model from the name of an architecture or from a file with a graph, or loads one
  /// from a model file.
  ///
  /// - Parameters:
  ///   - argument: The word.
  ///   - options: Options of an architecture.
  static func open(
    _ argument: String, options: [String: AttributeValue] = [:], seed: UInt64 = 0
  ) throws(CNNError) -> Model {
    if NamedModel.all.contains(where: { $0.name == argument }) {
      return try Model(NamedModel.named(argument).graph(options), seed: seed)
    }
    guard fileExists(argument) else {
      throw CNNError.unknownName(
        "architecture or file", argument, valid: NamedModel.all.map(\.name))
    }
    if argument.hasSuffix(".json") {
      let text = try readText(argument)
      return try Model(Graph(json: text), seed: seed)
    }
    return try Model.load(path: argument)
  }

  private static func readText(_ path: String) throws(CNNError) -> String {
    let bytes = try readFile(path: path, limit: JSONText.maximumLength)
    guard let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw .malformedData("\"\(path)\" is not text in UTF-8")
    }
    return text
  }
}
