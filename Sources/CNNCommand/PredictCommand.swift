import ArgumentParser
import CNNFormats
import CNNGraph
import CNNKernels
import CNNKit
import CNNLayerKit
import Glibc

/// `cnn predict`.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Say what pictures show.",
    discussion: """
      Prints a line for each picture, in order: the path, then the likeliest classes. Of folders all \
      PNG and JPEG files are taken, sorted by name. Pictures are worked on in parallel. One that cannot \
      be read gets a line on standard error, the others go on, and the exit code is that of the first \
      failure.

        cnn predict photo.jpg
        cnn predict --recursive holiday/ more/*.png --json-lines
        cnn predict --model mine.cnn photo.jpg

      A model's file may also be the first argument: cnn predict mine.cnn photo.jpg
      """)

  @Argument(
    help: ArgumentHelp("PNG or JPEG files, or folders of them.", valueName: "picture"),
    completion: .file(extensions: ["png", "jpg", "jpeg"]))
  var pictures: [String]

  @Option(
    help: ArgumentHelp(
      "The model's file, or the name of one that comes with the program.",
      discussion: DefaultModel.help, valueName: "file"), completion: .file())
  var model: String?

  @Option(help: "How many classes to print for each picture.")
  var top = 3

  @Flag(name: [.short, .long], help: "Also look into the folders of folders.")
  var recursive = false

  @Flag(help: "Print a JSON object in a line for each picture, as soon as it is known.")
  var jsonLines = false

  @OptionGroup var common: CommonOptions

  private typealias Outcome = Result<[Recognizer.Answer], CNNError>

  func run() throws {
    try common.apply()
    guard top >= 1 else { throw ValidationError("--top is at least 1, got \(top)") }
    let (model, arguments) = try reportingErrors { try openModel() }
    let recognizer = try reportingErrors { try Recognizer(model) }
    let entries = PictureFiles.list(arguments, isRecursive: recursive)
    var rows: [AttributeValue] = []
    var failures: [CNNError] = []
    // Enough at a time to keep all threads busy, few enough to see that it goes on.
    let blockSize = 16 * ThreadPool.threadCount
    for start in stride(from: 0, to: entries.count, by: blockSize) {
      let block = entries[start..<min(start + blockSize, entries.count)]
      for (entry, outcome) in zip(block, outcomes(of: block, recognizer)) {
        if case .failure(let error) = outcome {
          Terminal.printError("cnn: \(error.message)")
          failures.append(error)
        }
        if common.json {
          rows.append(row(entry.path, outcome))
        } else if jsonLines {
          print(JSONText.write(row(entry.path, outcome)))
        } else if case .success(let answers) = outcome {
          print("\(entry.path): \(text(answers))")
        }
      }
      fflush(nil)
    }
    if common.json { print(JSONText.write(.list(rows))) }
    if let first = failures.first {
      if entries.count > 1 {
        Terminal.printError("cnn: \(failures.count) of \(entries.count) could not be recognised")
      }
      throw first.exitCode
    }
  }

  /// The model, and what of the arguments are pictures.
  private func openModel() throws -> (Model, [String]) {
    guard model == nil, let first = pictures.first, DefaultModel.isModelFile(first) else {
      return (try DefaultModel.open(model), pictures)
    }
    guard pictures.count > 1 else {
      throw ValidationError("\"\(first)\" is a model, and no picture is given")
    }
    return (try DefaultModel.open(first), Array(pictures.dropFirst()))
  }

  /// Recognises several pictures in parallel; the results are in their order.
  private func outcomes(
    of entries: ArraySlice<PictureFiles.Entry>, _ recognizer: Recognizer
  ) -> [Outcome] {
    let results = Locked<[Int: Outcome]>([:])
    ThreadPool.parallelFor(chunks: entries.count, slots: ThreadPool.threadCount) { chunk, _ in
      let outcome: Outcome
      switch entries[entries.startIndex + chunk] {
      case .failure(_, let error):
        outcome = .failure(error)
      case .file(let path):
        outcome = Outcome { () throws(CNNError) in
          try recognizer.classes(ofPictureAt: path, most: top)
        }.mapError { $0.message.contains(path) ? $0 : $0.prefixed(by: path) }
      }
      results.withLock { $0[chunk] = outcome }
    }
    return results.withLock { found in
      entries.indices.map { index in
        found[index - entries.startIndex]
          ?? .failure(CNNError(.internal, "a picture was passed over"))
      }
    }
  }

  private func text(_ answers: [Recognizer.Answer]) -> String {
    answers.map {
      "\($0.label.isEmpty ? "class \($0.index)" : $0.label) "
        + Format.percent(Double($0.probability))
    }.joined(separator: ", ")
  }

  private func row(_ path: String, _ outcome: Outcome) -> AttributeValue {
    switch outcome {
    case .failure(let error):
      return .object(["path": .string(path), "error": .string(error.message)])
    case .success(let answers):
      return .object([
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
}

extension PictureFiles.Entry {
  /// The path as the user or the folder has it.
  fileprivate var path: String {
    switch self {
    case .file(let path), .failure(let path, _): path
    }
  }
}
