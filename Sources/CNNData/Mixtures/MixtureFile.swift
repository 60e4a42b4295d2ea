import CNNImaging
import CNNLayerKit

/// A data set made of several, as a JSON file describes it.
struct MixtureFile: Decodable {
  /// One of the data sets.
  struct Source: Decodable {
    /// What it is called in reports.
    let name: String
    /// Its path, relative to the file's folder or the option `root`.
    let data: String
    /// A table beside the file that says which pictures of `data` to take; nil for all.
    let table: String?
    /// What to take of it.
    let options: DatasetOptions
    /// For each of its classes, or "*" for all others, the class in the mixture; nil to leave it out.
    let classes: [String: String?]?
    let weight: Double?
    let repetitions: Double?
    let augmentation: Augmentation?
  }

  /// The names of the classes, in label order; nil for those that sources have, sorted.
  let classes: [String]?
  let train: [Source]
  let validation: [Source]
  let test: [Source]
  let samplesPerEpoch: Int?
  let classWeights: [String: Double]?

  /// The most bytes of such a file.
  private static let maximumBytes = 1 << 24

  /// Reads a file.
  ///
  /// - Throws: `inputOutput` if it cannot be read, `invalidArgument` and `unknownName` for what it
  ///   says, with its path.
  static func read(_ path: String) throws(CNNError) -> MixtureFile {
    let text = try readFile(path: path, limit: maximumBytes)
    let json = text.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    guard let json else { throw .malformedData("\"\(path)\": the file is not UTF-8") }
    return try decodeStrictly(MixtureFile.self, from: json, what: "\"\(path)\"")
  }

  /// The sources of a part.
  func sources(of part: DatasetOptions.Part) -> [Source] {
    switch part {
    case .train: train
    case .validation: validation
    case .test: test
    case .all: train + validation + test
    }
  }

  private static let keys = [
    "classes", "sources", "validation", "test", "samples_per_epoch", "class_weights",
  ]

  init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of a mixture of data sets", valid: MixtureFile.keys)
    classes = try container.value("classes", as: [String].self)
    train = try container.value("sources", default: [])
    validation = try container.value("validation", default: [])
    test = try container.value("test", default: [])
    samplesPerEpoch = try container.value("samples_per_epoch", as: Int.self)
    classWeights = try container.value("class_weights", as: [String: Double].self)
    if let samplesPerEpoch, samplesPerEpoch < 1 {
      throw CNNError.invalidArgument(
        "samples_per_epoch is \(samplesPerEpoch), and must be at least 1")
    }
    if let classes, Set(classes).count != classes.count {
      throw CNNError.invalidArgument("classes names one twice")
    }
    guard !(train + validation + test).isEmpty else {
      throw CNNError.invalidArgument(
        "a mixture of data sets needs \"sources\", a list of them, as in "
          + "{\"sources\": [{\"data\": \"photos\"}]}")
    }
  }
}

extension MixtureFile.Source {
  private static let keys = [
    "name", "data", "table", "format", "part", "classes", "columns", "exclude", "start", "limit",
    "max_count", "weight", "repeat", "augment",
  ]

  /// Reads a source; unknown keys are errors.
  init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of a source", valid: MixtureFile.Source.keys)
    guard let data = try container.value("data", as: String.self), !data.isEmpty else {
      throw CNNError.invalidArgument("a source needs \"data\", the path of its pictures")
    }
    self.data = data
    table = try container.value("table", as: String.self)
    name = try container.value("name", default: table ?? data)
    do {
      var options = DatasetOptions()
      options.format = try container.word("format", as: DatasetOptions.Format.self) ?? .auto
      options.part = try container.word("part", as: DatasetOptions.Part.self)
      options.columns = try container.value("columns", default: [:])
      options.exclude = try container.value("exclude", default: [])
      options.start = try container.value("start", as: Int.self)
      options.limit = try container.value("limit", as: Int.self)
      options.maximumCount = try container.value("max_count", as: Int.self)
      self.options = options
      classes = try container.value("classes", as: [String: String?].self)
      weight = try container.value("weight", as: Double.self)
      repetitions = try container.value("repeat", as: Double.self)
      augmentation = try container.value("augment", as: Augmentation.self)
      try augmentation?.validate()
    } catch let error as CNNError {
      throw error.prefixed(by: "source \"\(name)\"")
    }
    for (key, value) in [("weight", weight), ("repeat", repetitions)] {
      guard let value, !(value > 0 && value <= 1e9) else { continue }
      throw CNNError.invalidArgument(
        "source \"\(name)\": \(key) is \(value), and must be above 0 and at most 1e9")
    }
  }
}

// MARK: Opening

extension MixtureFile {
  /// Opens the sources of a part.
  ///
  /// - Parameters:
  ///   - path: The path of this file.
  ///   - options: How to open it.
  /// - Throws: What opening a source throws, with the source's name.
  func open(path: String, options: DatasetOptions) throws(CNNError) -> MixtureDataset {
    let preprocessing = try options.filePreprocessing(path: path)
    let part = options.part ?? .train
    let chosen = sources(of: part)
    guard !chosen.isEmpty else {
      throw .invalidArgument(
        "\"\(path)\" has no part \"\(part.rawValue)\": it gives no list "
          + "\"\(part == .train ? "sources" : part.rawValue)\"")
    }
    var datasets: [any Dataset] = []
    let allowance = CacheAllowance(bytes: options.cacheBytes)
    for source in chosen {
      do throws(CNNError) {
        let place = try MixtureFile.location(of: source, path: path, root: options.root)
        var own = source.options
        own.preprocessing = preprocessing
        if source.table != nil { own.root = place }
        let dataset = try DatasetLoader.open(
          path: source.table.map { "\(Folder.containing(path))/\($0)" } ?? place, options: own,
          isNested: true)
        datasets.append(try dataset.sharingCache(allowance))
      } catch {
        throw error.prefixed(by: "\"\(path)\", source \"\(source.name)\"")
      }
    }
    do throws(CNNError) {
      let names = try classNames(datasets, chosen, wanted: options.classes)
      var parts: [MixtureDataset.Source] = []
      for (source, dataset) in zip(chosen, datasets) {
        parts.append(
          MixtureDataset.Source(
            name: source.name, dataset: dataset,
            labels: try source.labels(of: dataset.classNames, among: names.all, kept: names.kept),
            weight: source.weight, repetitions: source.repetitions ?? 1,
            augmentation: source.augmentation))
      }
      // What is not learnt from is not drawn at random, so it needs no weights.
      let isDrawn = part == .train
      return try MixtureDataset(
        sources: parts, classNames: names.kept, samplesPerEpoch: isDrawn ? samplesPerEpoch : nil,
        classWeights: isDrawn
          ? classWeights?.filter { names.kept.contains($0.key) || !names.all.contains($0.key) }
          : nil)
    } catch {
      throw error.naming(path)
    }
  }

  private static func location(
    of source: Source, path: String, root: String?
  ) throws(CNNError) -> String {
    if let root {
      guard !source.data.hasPrefix("/"), !source.data.split(separator: "/").contains("..") else {
        throw .invalidArgument(
          "\"\(source.data)\" leads out of the folder that the option root gives")
      }
      return "\(root)/\(source.data)"
    }
    return source.data.hasPrefix("/") ? source.data : "\(Folder.containing(path))/\(source.data)"
  }

  /// The names of all classes, and of those to take.
  private func classNames(
    _ datasets: [any Dataset], _ sources: [Source], wanted: [String]?
  ) throws(CNNError) -> (all: [String], kept: [String]) {
    var all = classes ?? []
    if classes == nil {
      var found: Set<String> = []
      for (source, dataset) in zip(sources, datasets) {
        for name in dataset.classNames { try source.target(of: name).map { _ = found.insert($0) } }
      }
      all = found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    guard !all.isEmpty else { throw .invalidArgument("the list of classes is empty") }
    let names = all
    let kept = try wanted.map { (wanted) throws(CNNError) in
      try checkClasses(wanted, among: names, where: "the mixture")
    }
    return (all, kept ?? all)
  }
}

extension MixtureFile.Source {
  /// The class of the mixture that stands for one of the source's; nil if it is left out.
  ///
  /// - Throws: `invalidArgument` if nothing says it.
  fileprivate func target(of name: String) throws(CNNError) -> String? {
    guard let classes else { return name }
    if let mapped = classes[name] { return mapped }
    guard let rest = classes["*"] else {
      throw .invalidArgument(
        "source \"\(self.name)\": its classes say nothing of \"\(name)\"; give it a class, null to "
          + "leave it out, or \"*\" for all others")
    }
    return rest
  }

  /// For each class of the source its label in the mixture, or nil if it is left out.
  fileprivate func labels(
    of names: [String], among all: [String], kept: [String]
  ) throws(CNNError) -> [Int?] {
    for name in (classes ?? [:]).keys.sorted() where name != "*" && !names.contains(name) {
      throw CNNError.unknownName("class", name, valid: names)
        .prefixed(by: "source \"\(self.name)\"")
    }
    return try names.map { (name) throws(CNNError) in
      guard let target = try target(of: name) else { return nil }
      guard all.contains(target) else {
        throw CNNError.unknownName("class of the mixture", target, valid: all)
          .prefixed(by: "source \"\(self.name)\"")
      }
      return kept.firstIndex(of: target)
    }
  }
}
