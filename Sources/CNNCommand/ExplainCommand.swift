import ArgumentParser
import CNNExplain
import CNNFormats
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit
import Glibc

/// `cnn explain`.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show which places of pictures made a model decide as it did.",
    discussion: """
      For each picture and method, writes a PNG of the picture's size with a heat map over it, and \
      prints a line: the picture, the class, its probability, the file.

        cnn explain photo.jpg
        cnn explain --model mine.cnn photo.jpg --method occlusion --class dog --output maps

      Methods: grad_cam (regions with features that speak for the class), saliency (pixels that \
      change the class's score), occlusion (parts without which the class is less likely), all.
      """)

  @Argument(help: "PNG or JPEG files.", completion: .file(extensions: ["png", "jpg", "jpeg"]))
  var pictures: [String]

  @Option(
    help: ArgumentHelp(
      "The model's file, or the name of one that comes with the program.",
      discussion: DefaultModel.help, valueName: "file"), completion: .file())
  var model: String?

  @Option(help: "How to look: grad_cam, saliency, occlusion or all.")
  var method = GradCAM.name

  @Option(
    name: .customLong("class"),
    help: "The name or number of the class to explain. (default: the likeliest)")
  var label: String?

  @Option(name: [.short, .long], help: "The folder to write to; made if it is not there.")
  var output = "."

  @Option(help: "How much the heat map covers: from 0, not at all, to 1, the whole picture.")
  var opacity = 0.5

  @Option(help: "The layer that grad_cam looks at. (default: the last one with a plane)")
  var layer: String?

  @Option(
    help: ArgumentHelp(
      "More options of the method as JSON, such as '{\"window\": 24}'.", valueName: "json"))
  var options: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      let methods = try chosenMethods()
      let explainer = try Explainer(DefaultModel.open(model))
      let choice = choice(explainer.model.classNames)
      try makeFolder()
      var files = OutputNames(folder: output)
      var rows: [AttributeValue] = []
      var failure: CNNError?
      for path in pictures {
        do throws(CNNError) {
          for method in methods {
            let explanation = try explainer.explain(pictureAt: path, by: method, for: choice)
            let file = files.name(for: path, explanation.method)
            try explanation.overlay(opacity: opacity).writePNG(to: file)
            if common.json {
              rows.append(ExplainCommand.row(path, explanation, file))
            } else {
              let label =
                explanation.label.isEmpty ? "class \(explanation.classIndex)" : explanation.label
              print(
                "\(path): \(label) \(Format.percent(Double(explanation.probability))), "
                  + "\(explanation.method) in \(file)")
            }
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

  /// The methods that the options name.
  private func chosenMethods() throws(CNNError) -> [any HeatmapMethod] {
    var given: [String: AttributeValue] = [:]
    if let options { given = try JSONText.parseObject(options, "--options") }
    if let layer { given["layer"] = .string(layer) }
    let names = HeatmapMethods.all.map { $0.name } + ["all"]
    guard names.contains(method) else { throw .unknownName("method", method, valid: names) }
    guard method == "all" else { return [try HeatmapMethods.make(method, options: given)] }
    let known = HeatmapMethods.all.flatMap { $0.optionNames }
    for key in given.keys.sorted() where !known.contains(key) {
      throw .unknownName("option", key, valid: known)
    }
    var methods: [any HeatmapMethod] = []
    for type in HeatmapMethods.all {
      let own = given.filter { type.optionNames.contains($0.key) }
      methods.append(try HeatmapMethods.make(type.name, options: own))
    }
    return methods
  }

  /// A name stands before a number, because classes may be called "7".
  private func choice(_ names: [String]) -> Explainer.Choice {
    guard let label else { return .likeliest }
    if !names.contains(label), let index = Int(label) { return .index(index) }
    return .name(label)
  }

  private func makeFolder() throws(CNNError) {
    guard mkdir(output, 0o777) != 0, errno != EEXIST else { return }
    let reason = String(cString: strerror(errno))
    throw CNNError(.inputOutput, "the folder \"\(output)\" cannot be made: \(reason)")
  }

  private static func row(
    _ path: String, _ explanation: Explanation, _ file: String
  ) -> AttributeValue {
    .object([
      "path": .string(path), "method": .string(explanation.method),
      "index": .integer(explanation.classIndex), "label": .string(explanation.label),
      "probability": .number(Double(explanation.probability)),
      "score": .number(Double(explanation.score)),
      "minimum": .number(Double(explanation.map.minimum)),
      "maximum": .number(Double(explanation.map.maximum)), "output": .string(file),
    ])
  }
}

/// Names of files, each given out once.
private struct OutputNames {
  let folder: String
  private var used: Set<String> = []

  init(folder: String) { self.folder = folder }

  /// The picture's name without its folder and ending, then the method; a number tells apart what
  /// would be called the same.
  mutating func name(for picture: String, _ method: String) -> String {
    let file = picture.split(separator: "/").last.map(String.init) ?? picture
    var stem = file
    if let dot = file.lastIndex(of: "."), dot > file.startIndex { stem = String(file[..<dot]) }
    var name = "\(folder)/\(stem).\(method).png"
    var number = 2
    while !used.insert(name).inserted {
      name = "\(folder)/\(stem)-\(number).\(method).png"
      number += 1
    }
    return name
  }
}
