import CNNImaging
public import CNNLayerKit

/// Opens data sets of every kind by their path.
public enum DatasetLoader {
  /// The names of the data sets that are part of the library.
  public static let builtInNames = ["digits"]

  /// Opens the data set at `path`.
  ///
  /// - Parameters:
  ///   - path: A folder or file, as `DatasetOptions.Format` describes. With the format `digits` it
  ///     is not looked at.
  ///   - options: What to take of it, and how.
  /// - Throws: `inputOutput` if something cannot be read, `malformedData` if it is not what it
  ///   should be or no kind of data set can be told, `invalidArgument` for options that do not fit
  ///   the format.
  public static func open(
    path: String, options: DatasetOptions = DatasetOptions()
  ) throws(CNNError) -> any Dataset {
    try open(path: path, options: options, isNested: false)
  }

  /// Opens a data set that may be one of a mixture.
  static func open(
    path: String, options: DatasetOptions, isNested: Bool
  ) throws(CNNError) -> any Dataset {
    try options.validate()
    let format = options.format == .auto ? try detect(path) : options.format
    guard !isNested || format != .mixture else {
      throw .invalidArgument(
        "\"\(path)\" is a mixture of data sets itself; list its sources instead")
    }
    try check(options, for: format)
    return try finished(try load(format, path, options), options)
  }

  /// Opens a data set that is part of the library.
  ///
  /// - Parameter name: One of `builtInNames`.
  /// - Throws: `unknownName` for another name, and what `open` throws.
  public static func builtIn(
    _ name: String, options: DatasetOptions = DatasetOptions()
  ) throws(CNNError) -> any Dataset {
    guard builtInNames.contains(name) else {
      throw .unknownName("built-in data set", name, valid: builtInNames)
    }
    var options = options
    options.format = .digits
    return try open(path: name, options: options)
  }

  // MARK: Finding out what is there

  /// The format of what is at `path`.
  static func detect(_ path: String) throws(CNNError) -> DatasetOptions.Format {
    switch Folder.kind(of: path) {
    case .folder:
      return try detectFolder(path)
    case .file:
      let name = path.split(separator: "/").last.map(String.init) ?? path
      if name.hasSuffix(".bin") { return .cifar10 }
      if name.contains("idx3-ubyte") { return .mnist }
      if PictureArchive.isNamed(name) { return try detectArchive(path) }
      if name.lowercased().hasSuffix(".csv") { return .table }
      if name.lowercased().hasSuffix(".json") { return .mixture }
      throw .malformedData(
        "\"\(path)\" is no data set that is known: a file is an archive of pictures (*.tar, "
          + "*.tar.gz, *.tgz), a table of pictures (*.csv), a mixture of data sets "
          + "(*.json), one of CIFAR-10 (*.bin) or of MNIST's pictures (*idx3-ubyte, "
          + "*idx3-ubyte.gz)")
    case .other, nil:
      let builtIn = builtInNames.contains(path)
      throw CNNError(
        .inputOutput,
        "there is no folder or file \"\(path)\""
          + (builtIn ? "; for the built-in data set of this name give the format \"digits\"" : ""))
    }
  }

  private static func detectArchive(_ path: String) throws(CNNError) -> DatasetOptions.Format {
    let tree = try PictureTree(path)
    let contents = try tree.contents(of: try tree.top())
    if !contents.folders.isEmpty { return .folders }
    if !contents.pictures.isEmpty { return .names }
    throw .malformedData("the archive \"\(path)\" holds no PNG or JPEG files")
  }

  private static func detectFolder(_ path: String) throws(CNNError) -> DatasetOptions.Format {
    let contents = try Folder.contents(of: path)
    if contents.files.contains(where: { $0.hasPrefix("data_batch_") || $0 == "test_batch.bin" }) {
      return .cifar10
    }
    if contents.files.contains(where: { $0.contains("idx3-ubyte") }) { return .mnist }
    if !contents.folders.isEmpty { return .folders }
    if !contents.pictures.isEmpty { return .names }
    throw .malformedData(
      "\"\(path)\" is no data set that is known: a folder holds the files of CIFAR-10 "
        + "(data_batch_1.bin, …) or MNIST (train-images-idx3-ubyte, …), a folder of pictures for "
        + "each class, or pictures named as in cat.17.jpg")
  }

  private static func check(
    _ options: DatasetOptions, for format: DatasetOptions.Format
  ) throws(CNNError) {
    let hasFiles = format == .folders || format == .names || format == .table
    func refuse(_ isGiven: Bool, _ name: String) throws(CNNError) {
      guard isGiven else { return }
      throw .invalidArgument(
        "dataset options: \(name) has no meaning for a data set of format \"\(format.rawValue)\"")
    }
    let isMixture = format == .mixture
    try refuse(!hasFiles && !isMixture && options.classes != nil, "classes")
    try refuse(!hasFiles && !options.exclude.isEmpty, "exclude")
    try refuse(format != .table && !isMixture && options.root != nil, "root")
    try refuse(format != .table && !options.columns.isEmpty, "columns")
    try refuse(format != .names && options.start != nil, "start")
    try refuse((hasFiles || isMixture) && options.validationCount > 0, "validation_count")
  }

  // MARK: Loading

  private static func load(
    _ format: DatasetOptions.Format, _ path: String, _ options: DatasetOptions
  ) throws(CNNError) -> any Dataset {
    switch format {
    case .folders, .names:
      return try PictureFolders(path: path, options: options).open(format)
    case .table:
      return try PictureTable(path: path, options: options).open()
    case .mixture:
      return try MixtureFile.read(path).open(path: path, options: options)
    case .cifar10 where Folder.kind(of: path) == .file:
      return try whole(try CIFAR10.load(files: [path]), options)
    case .cifar10:
      return try part(options) { (part) throws(CNNError) in
        try CIFAR10.load(folder: path, part: part == .test ? .test : .train)
      } all: { () throws(CNNError) in
        try CIFAR10.loadAll(folder: path)
      }
    case .mnist where Folder.kind(of: path) == .file:
      return try whole(
        try MNIST.load(images: path, labels: try MNIST.labelsPath(of: path)), options)
    case .mnist:
      return try part(options) { (part) throws(CNNError) in
        try MNIST.load(folder: path, part: part == .test ? .test : .train)
      } all: { () throws(CNNError) in
        try MNIST.loadAll(folder: path)
      }
    case .digits, .auto:
      return try part(options) { (part) throws(CNNError) in
        try Digits.load(part: part == .test ? .test : .train)
      } all: { () throws(CNNError) in
        try Digits.load()
      }
    }
  }

  /// Everything that a single file holds, or its last samples for validation.
  private static func whole(
    _ dataset: ImageDataset, _ options: DatasetOptions
  ) throws(CNNError) -> any Dataset {
    try part(options) { (_) throws(CNNError) in
      dataset
    } all: { () throws(CNNError) in
      dataset
    }
  }

  /// The part that is asked for, of a data set that has training and test samples.
  private static func part(
    _ options: DatasetOptions,
    _ load: (DatasetOptions.Part) throws(CNNError) -> ImageDataset,
    all: () throws(CNNError) -> ImageDataset
  ) throws(CNNError) -> any Dataset {
    let wanted = options.part ?? .train
    switch wanted {
    case .test: return try load(.test)
    case .all: return try all()
    case .train, .validation:
      let dataset = try load(.train)
      let count = options.validationCount
      guard wanted == .train ? count < dataset.count : count > 0 && count <= dataset.count else {
        throw .invalidArgument(
          "dataset options: validation_count is \(count), and must be from "
            + "\(wanted == .train ? 0 : 1) to less than the \(dataset.count) samples to learn from")
      }
      if count == 0 { return dataset }
      let (first, rest) = try dataset.split(first: dataset.count - count)
      return wanted == .train ? first : rest
    }
  }

  // MARK: What all formats have in common

  private static func finished(
    _ dataset: any Dataset, _ options: DatasetOptions
  ) throws(CNNError) -> any Dataset {
    var result = dataset
    if let limit = options.limit, !(dataset is ImageFileDataset) {
      result = try limited(result, perClass: limit)
    }
    if let most = options.maximumCount, most < result.count {
      result = try result.split(first: most).first
    }
    if let wanted = try preprocessing(of: result, options) {
      result = try result.applying(wanted)
    }
    if let normalization = options.normalization {
      let wanted = try result.preprocessing(normalizing: normalization)
      result = try result.applying(wanted)
    }
    return result
  }

  private static func preprocessing(
    of dataset: any Dataset, _ options: DatasetOptions
  ) throws(CNNError) -> Preprocessing? {
    if let preprocessing = options.preprocessing { return preprocessing }
    guard options.size != nil || options.color != nil, let current = dataset.preprocessing else {
      return nil
    }
    return try Preprocessing(
      width: options.size ?? current.width, height: options.size ?? current.height,
      color: options.color ?? current.color)
  }

  private static func limited(
    _ dataset: any Dataset, perClass limit: Int
  ) throws(CNNError) -> any Dataset {
    var taken: [Int: Int] = [:]
    var indices: [Int] = []
    for index in 0..<dataset.count {
      let label = try dataset.label(at: index)
      if taken[label, default: 0] < limit {
        taken[label, default: 0] += 1
        indices.append(index)
      }
    }
    return try Subset(dataset, indices: indices)
  }
}
