import CNNLayerKit

/// Finds the pictures of each class in folders on disk or in an archive.
struct PictureFinder {
  let tree: PictureTree
  /// The classes to take, in label order; nil takes all, sorted.
  let classes: [String]?
  /// The smallest number of named files to take.
  let start: Int?
  /// The most pictures of each class.
  let limit: Int?
  private var exclusions: Exclusions

  /// Pictures with their classes.
  struct Found {
    var files: [ImageFileDataset.File] = []
    var classNames: [String]
  }

  init(
    tree: PictureTree, classes: [String]?, start: Int? = nil, limit: Int?, exclude: [String] = []
  ) {
    self.tree = tree
    self.classes = classes
    self.start = start
    self.limit = limit
    exclusions = Exclusions(exclude)
  }

  /// The pictures in a folder for each class; folders and pictures come in the order of their names'
  /// bytes, the pictures of a class together.
  mutating func classFolders(in folders: [String]) throws(CNNError) -> Found {
    var available: Set<String> = []
    var members: [String: [String]] = [:]
    for folder in folders {
      let names = try tree.contents(of: folder).folders
      available.formUnion(names)
      for name in names { members[name, default: []].append("\(folder)/\(name)") }
    }
    guard !available.isEmpty else {
      throw CNNError(
        .inputOutput,
        "\"\(folders.first ?? tree.root)\" holds no folders; a data set of this kind has one for "
          + "each class, with the class's pictures")
    }
    var found = Found(classNames: try chosenClasses(among: available, in: folders))
    for (label, name) in found.classNames.enumerated() {
      var paths: [String] = []
      for folder in members[name] ?? [] {
        paths += try tree.contents(of: folder).pictures.map { "\(folder)/\($0)" }
      }
      guard !paths.isEmpty else {
        throw CNNError(
          .inputOutput,
          "\"\(members[name]?.first ?? name)\" holds no PNG or JPEG files, so class \"\(name)\" has "
            + "no pictures; remove the folder or list the classes to take")
      }
      add(paths, label: label, to: &found)
    }
    return found
  }

  /// The pictures in folders that are named after their class and a number; those of a class come
  /// together, in the order of their numbers.
  mutating func namedFiles(in folders: [String]) throws(CNNError) -> Found {
    var members: [String: [(name: NamedFiles.Name, path: String)]] = [:]
    for folder in folders {
      let pictures = try tree.contents(of: folder).pictures
      guard !pictures.isEmpty else {
        throw CNNError(.inputOutput, "\"\(folder)\" holds no PNG or JPEG files")
      }
      for file in pictures {
        guard let name = NamedFiles.Name(file) else {
          throw .malformedData(
            "\"\(folder)/\(file)\" does not say its class; files of such a data set are named as "
              + "in cat.17.jpg")
        }
        members[name.className, default: []].append((name, "\(folder)/\(file)"))
      }
    }
    var found = Found(classNames: try chosenClasses(among: Set(members.keys), in: folders))
    for (label, className) in found.classNames.enumerated() {
      var chosen = members[className] ?? []
      if let start { chosen.removeAll { ($0.name.number ?? .min) < start } }
      guard !chosen.isEmpty else {
        throw CNNError(
          .inputOutput,
          "\"\(folders.first ?? tree.root)\" has no picture of class \"\(className)\" with a number "
            + "from \(start ?? 0) on")
      }
      chosen.sort { ($0.name.number ?? .max, $0.path) < ($1.name.number ?? .max, $1.path) }
      add(chosen.map(\.path), label: label, to: &found)
    }
    return found
  }

  /// Checks that there was a picture for each name that is left out.
  func checkExclusions() throws(CNNError) {
    try exclusions.check(in: tree.root)
  }

  private func chosenClasses(
    among available: Set<String>, in folders: [String]
  ) throws(CNNError) -> [String] {
    let sorted = available.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard let classes else { return sorted }
    return try checkClasses(classes, among: sorted, where: folders.first ?? tree.root)
  }

  private mutating func add(_ paths: [String], label: Int, to found: inout Found) {
    var remaining = limit ?? .max
    for path in paths {
      if exclusions.contains(tree.inner(path)) { continue }
      guard remaining > 0, let file = tree.file(path, label: label) else { continue }
      found.files.append(file)
      remaining -= 1
    }
  }
}

/// Pictures to leave out, by their paths in the data set.
struct Exclusions {
  private let names: Set<String>
  private var seen: Set<String> = []

  init(_ names: [String]) {
    self.names = Set(names)
  }

  /// Whether a picture is to be left out.
  mutating func contains(_ name: String) -> Bool {
    guard !names.isEmpty, names.contains(name) else { return false }
    seen.insert(name)
    return true
  }

  /// Checks that there was a picture for each of the names, so that a misspelt one is noticed.
  ///
  /// - Throws: `unknownName`, with the first that was not there.
  func check(in place: String) throws(CNNError) {
    let missing = names.subtracting(seen).min { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard let missing else { return }
    throw CNNError(
      .unknownName,
      "exclude names the picture \"\(missing)\", and \"\(place)\" has none of this path that would "
        + "have been taken; paths are those in the data set, as in train/cat/17.jpg")
  }
}

/// Checks a list of classes that a caller wants against those that there are.
func checkClasses(
  _ wanted: [String], among available: [String], where place: String
) throws(CNNError) -> [String] {
  guard !wanted.isEmpty else { throw .invalidArgument("the list of classes is empty") }
  guard Set(wanted).count == wanted.count else {
    throw .invalidArgument("the list of classes names one twice")
  }
  for name in wanted where !available.contains(name) {
    throw CNNError.unknownName("class", name, valid: available).prefixed(by: "\"\(place)\"")
  }
  return wanted
}
