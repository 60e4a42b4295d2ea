public import CNNImaging
public import CNNLayerKit

/// Pictures sorted into a folder for each class, as in `train/cat/17.jpg`.
public enum ClassFolders {
  /// Finds the pictures; folders and pictures come in the order of their names' bytes.
  ///
  /// - Parameters:
  ///   - folder: The folder that holds the folders of the classes.
  ///   - classes: The classes to take, in label order; nil takes all folders, sorted.
  ///   - limit: The most pictures of each class, or nil for all.
  ///   - preprocessing: How pictures become inputs.
  ///   - cacheBytes: The most bytes of decoded pictures to keep in memory.
  /// - Throws: `inputOutput` if a folder cannot be read, has no pictures or there is none;
  ///   `unknownName` for a class without a folder.
  public static func open(
    folder: String, classes: [String]? = nil, limit: Int? = nil, preprocessing: Preprocessing,
    cacheBytes: Int = ImageFileDataset.defaultCacheBytes
  ) throws(CNNError) -> ImageFileDataset {
    let folders = try Folder.contents(of: folder).folders
    guard !folders.isEmpty else {
      throw CNNError(
        .inputOutput,
        "\"\(folder)\" holds no folders; a data set of this kind has one for each class, with the "
          + "class's pictures")
    }
    let names = try classes.map { (wanted) throws(CNNError) in
      try checkClasses(wanted, among: folders, where: folder)
    }
    var files: [ImageFileDataset.File] = []
    for (label, name) in (names ?? folders).enumerated() {
      let path = "\(folder)/\(name)"
      let pictures = try Folder.contents(of: path).pictures
      guard !pictures.isEmpty else {
        throw CNNError(
          .inputOutput,
          "\"\(path)\" holds no PNG or JPEG files, so class \"\(name)\" has no pictures; remove the "
            + "folder or list the classes to take")
      }
      for picture in pictures.prefix(limit ?? .max) {
        files.append(ImageFileDataset.File(path: "\(path)/\(picture)", label: label))
      }
    }
    return try ImageFileDataset(
      files: files, classNames: names ?? folders, preprocessing: preprocessing,
      cacheBytes: cacheBytes)
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
