import ArgumentParser
import CNNData
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit

/// Where samples come from.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The data: \"digits\" (built in), or a path.",
      discussion: """
        A path names a folder with a folder for each class, a folder of files named after their \
        class (cat.17.jpg), a tar archive of either (.tar, .tar.gz, .tgz), a table of pictures \
        (.csv), a list of such data with how much of each an epoch has (.json), the binary files of \
        CIFAR-10, or the idx files of MNIST. See docs/data.md.
        """))
  var data: String

  @Option(
    help: "The folder in which the data is that a .csv or .json file names. (default: the file's)")
  var dataRoot: String?

  @Option(help: "Which part of the data: train, validation, test or all.")
  var part: String?

  @Option(help: "How the data is kept: auto, folders, names, table, mixture, cifar10 or mnist.")
  var format: String?

  @Option(help: "The classes to take, in this order, as in cat,dog. (default: all, sorted)")
  var classes: String?

  @Option(help: "Height and width of pictures from files. (default: that of the model's input)")
  var size: Int?

  @Option(help: "At most so many samples of each class.")
  var limit: Int?

  @Option(
    help: "Further options of the data as JSON, as in '{\"columns\": {\"class\": \"breed\"}}'.")
  var dataOptions: String?

  /// Opens the data.
  ///
  /// - Parameter preprocessing: How a model wants pictures; nil where no model says.
  func open(
    part fallback: DatasetOptions.Part? = nil, preprocessing: Preprocessing? = nil,
    inputShape: Shape? = nil
  ) throws(CNNError) -> any Dataset {
    var options = try selection()
    options.part = options.part ?? fallback
    if options.size == nil, options.preprocessing == nil {
      if preprocessing != nil {
        options.preprocessing = preprocessing
      } else if let image = inputShape?.image, !isBuiltIn {
        options.preprocessing = try Preprocessing(
          width: image.width, height: image.height, color: image.channels == 1 ? .grey : .rgb)
      }
    }
    if isBuiltIn {
      options.size = nil
      return try DatasetLoader.builtIn(data, options: options)
    }
    return try DatasetLoader.open(path: data, options: options)
  }

  /// The part to measure a finished model by; nil for data that is not divided.
  var testPart: DatasetOptions.Part? { first(of: [.test, .validation]) }

  /// The part to judge each epoch of training by; nil for data that is not divided.
  var validationPart: DatasetOptions.Part? { first(of: [.validation, .test]) }

  /// The part to train on; nil for data that is not divided.
  var trainingPart: DatasetOptions.Part? { testPart == nil ? nil : .train }

  /// The first of some parts that there is.
  ///
  /// Looking costs something: an archive is unpacked for it.
  private func first(of wanted: [DatasetOptions.Part]) -> DatasetOptions.Part? {
    let parts = parts
    return wanted.first { parts.contains($0) }
  }

  /// The parts that there are; none if the data cannot be looked at, which opening it reports.
  private var parts: Set<DatasetOptions.Part> {
    if isBuiltIn { return [.train, .test] }
    do throws(CNNError) {
      return try DatasetLoader.parts(of: data, options: try selection())
    } catch {
      return []
    }
  }

  /// What is to be taken: `--data-options`, and over them the options of their own.
  private func selection() throws(CNNError) -> DatasetOptions {
    var options = DatasetOptions()
    if let dataOptions { options = try DatasetOptions(json: dataOptions) }
    if let dataRoot { options.root = dataRoot }
    if let limit { options.limit = limit }
    if let part { options.part = try word(part, "--part") }
    if let format { options.format = try word(format, "--format") }
    if let size { options.size = size }
    if let classes {
      options.classes = classes.split(separator: ",", omittingEmptySubsequences: false)
        .map { String($0) }
    }
    return options
  }

  private var isBuiltIn: Bool { DatasetLoader.builtInNames.contains(data) }

  private func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, _ option: String
  ) throws(CNNError) -> Word where Word.RawValue == String {
    guard let word = Word(rawValue: name) else {
      throw .unknownName("value of \(option)", name, valid: Word.allCases.map(\.rawValue))
    }
    return word
  }
}
