import CNNImaging
import CNNLayerKit

/// The names that the parts of a data set go by.
enum PictureParts {
  static let names: [(part: DatasetOptions.Part, names: [String])] = [
    (.train, ["train", "training", "trainval"]), (.validation, ["validation", "valid", "val"]),
    (.test, ["test", "testing"]),
  ]

  /// The part that a name stands for.
  static func part(named name: String) -> DatasetOptions.Part? {
    names.first { $0.names.contains(name) }?.part
  }

  static func isName(_ name: String) -> Bool { part(named: name) != nil }

  /// The parts that these folders of a data set are, in the order of training, validation and test;
  /// none if they are something else.
  ///
  /// A folder for training makes the others parts. Without one, all folders have to be parts, for
  /// "test" may be the name of a class.
  static func found(
    among folders: [String]
  ) -> [(part: DatasetOptions.Part, folder: String)] {
    let isDivided =
      folders.contains { part(named: $0) == .train }
      || (!folders.isEmpty && folders.allSatisfy(isName))
    guard isDivided else { return [] }
    return names.compactMap { part in
      part.names.first(where: folders.contains).map { (part.part, $0) }
    }
  }
}

/// Folders of pictures, divided into parts or not, on disk or in an archive.
struct PictureFolders {
  let tree: PictureTree
  let options: DatasetOptions

  /// Looks at what is there.
  init(path: String, options: DatasetOptions) throws(CNNError) {
    tree = try PictureTree(path)
    self.options = options
  }

  /// Finds the pictures of a part.
  func open(_ format: DatasetOptions.Format) throws(CNNError) -> any Dataset {
    let preprocessing = try options.filePreprocessing(path: tree.root)
    var finder = PictureFinder(
      tree: tree, classes: options.classes, start: options.start, limit: options.limit,
      exclude: options.exclude)
    let folders = try partFolders()
    let found =
      format == .names
      ? try finder.namedFiles(in: folders) : try finder.classFolders(in: folders)
    try finder.checkExclusions()
    return try ImageFileDataset(
      files: found.files, classNames: found.classNames, preprocessing: preprocessing,
      cacheBytes: options.cacheBytes)
  }

  /// The folders of the part that is asked for, where there are parts; otherwise the path itself.
  private func partFolders() throws(CNNError) -> [String] {
    let top = try tree.top()
    let folders = try tree.contents(of: top).folders
    let parts = PictureParts.found(among: folders)
    guard let first = parts.first?.part else {
      guard let part = options.part, part != .all else { return [top] }
      throw .invalidArgument(
        "\"\(tree.root)\" is not divided into parts (it holds no folder \"train\"), so it has no "
          + "part \"\(part.rawValue)\"; open it without a part and split it")
    }
    let wanted = options.part ?? first
    let chosen = parts.filter { wanted == .all || $0.part == wanted }
    guard !chosen.isEmpty else {
      throw CNNError(
        .inputOutput,
        "\"\(tree.root)\" has no part \"\(wanted.rawValue)\"; it holds the folders "
          + folders.joined(separator: ", "))
    }
    return chosen.map { "\(top)/\($0.folder)" }
  }
}

extension DatasetOptions {
  /// How pictures in files become inputs.
  ///
  /// - Throws: `invalidArgument` if nothing says it.
  func filePreprocessing(path: String) throws(CNNError) -> Preprocessing {
    if let preprocessing { return preprocessing }
    guard let size else {
      throw .invalidArgument(
        "pictures in files differ in size, so the data set \"\(path)\" needs the option size, the "
          + "height and width of inputs, as in {\"size\": 96}, or a preprocessing")
    }
    return try Preprocessing(width: size, height: size, color: color ?? .rgb)
  }
}
