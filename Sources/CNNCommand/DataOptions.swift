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
        class (cat.17.jpg), the binary files of CIFAR-10, or the idx files of MNIST.
        """))
  var data: String

  @Option(help: "Which part of the data: train, validation, test or all.")
  var part: String?

  @Option(help: "How the data is kept: auto, cifar10, mnist, folders or names.")
  var format: String?

  @Option(help: "Height and width of pictures from files. (default: that of the model's input)")
  var size: Int?

  @Option(help: "At most so many samples of each class.")
  var limit: Int?

  /// Opens the data.
  ///
  /// - Parameter preprocessing: How a model wants pictures; nil where no model says.
  func open(
    part fallback: DatasetOptions.Part? = nil, preprocessing: Preprocessing? = nil,
    inputShape: Shape? = nil
  ) throws(CNNError) -> any Dataset {
    var options = DatasetOptions()
    options.limit = limit
    options.part = try part.map { (name) throws(CNNError) in try word(name, "--part") } ?? fallback
    if let format { options.format = try word(format, "--format") }
    if let size {
      options.size = size
    } else if preprocessing != nil {
      options.preprocessing = preprocessing
    } else if let image = inputShape?.image, !isBuiltIn {
      options.preprocessing = try Preprocessing(
        width: image.width, height: image.height, color: image.channels == 1 ? .grey : .rgb)
    }
    if isBuiltIn {
      options.size = nil
      return try DatasetLoader.builtIn(data, options: options)
    }
    return try DatasetLoader.open(path: data, options: options)
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
