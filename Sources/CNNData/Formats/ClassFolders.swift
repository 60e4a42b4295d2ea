public import CNNImaging
public import CNNLayerKit

/// Pictures sorted into a folder for each class, as in `train/cat/17.jpg`.
public enum ClassFolders {
  /// Finds the pictures; folders and pictures come in the order of their names' bytes.
  ///
  /// - Parameters:
  ///   - folder: The folder that holds the folders of the classes, or a tar archive that does.
  ///   - classes: The classes to take, in label order; nil takes all folders, sorted.
  ///   - limit: The most pictures of each class, or nil for all.
  ///   - preprocessing: How pictures become inputs.
  ///   - cacheBytes: The most bytes of decoded pictures to keep in memory.
  /// - Throws: `inputOutput` if a folder cannot be read, has no pictures or there is none;
  ///   `unknownName` for a class without a folder; what opening an archive throws.
  public static func open(
    folder: String, classes: [String]? = nil, limit: Int? = nil, preprocessing: Preprocessing,
    cacheBytes: Int = ImageFileDataset.defaultCacheBytes
  ) throws(CNNError) -> ImageFileDataset {
    let tree = try PictureTree(folder)
    var finder = PictureFinder(tree: tree, classes: classes, limit: limit)
    let found = try finder.classFolders(in: [folder])
    return try ImageFileDataset(
      files: found.files, classNames: found.classNames, preprocessing: preprocessing,
      cacheBytes: cacheBytes)
  }
}
