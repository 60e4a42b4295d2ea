public import CNNImaging
public import CNNLayerKit

/// Pictures in one folder, named after their class and a number, as in `cat.17.jpg`.
///
/// The form of Kaggle's Dogs vs. Cats.
public enum NamedFiles {
  /// What a file's name says.
  package struct Name: Equatable {
    /// The part before the first dot.
    package let className: String
    /// The part after it, if it is a number.
    package let number: Int?

    /// Takes a name apart, or returns nil if it has not the form `class.number.extension`.
    ///
    /// The number may be any text; then the file has none, and comes after those that have.
    package init?(_ name: String) {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count >= 3, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
      className = String(parts[0])
      number = parts[1].utf8.allSatisfy { (48...57).contains($0) } ? Int(parts[1]) : nil
    }
  }

  /// Finds the pictures; those of a class come together, in the order of their numbers.
  ///
  /// - Parameters:
  ///   - folder: The folder, or a tar archive of such files.
  ///   - classes: The classes to take, in label order; nil takes all, sorted. (Kaggle's counts dogs
  ///     as 0 and cats as 1: `["dog", "cat"]`.)
  ///   - start: The smallest number to take; nil takes files without a number, too.
  ///   - limit: The most pictures of each class, or nil for all.
  ///   - preprocessing: How pictures become inputs.
  ///   - cacheBytes: The most bytes of decoded pictures to keep in memory.
  /// - Throws: `inputOutput` if the folder cannot be read or has no pictures, or none of a class is
  ///   left; `malformedData` for a picture that is not named so; `unknownName` for a class without
  ///   pictures.
  public static func open(
    folder: String, classes: [String]? = nil, start: Int? = nil, limit: Int? = nil,
    preprocessing: Preprocessing, cacheBytes: Int = ImageFileDataset.defaultCacheBytes
  ) throws(CNNError) -> ImageFileDataset {
    let tree = try PictureTree(folder)
    var finder = PictureFinder(tree: tree, classes: classes, start: start, limit: limit)
    let found = try finder.namedFiles(in: [folder])
    return try ImageFileDataset(
      files: found.files, classNames: found.classNames, preprocessing: preprocessing,
      cacheBytes: cacheBytes)
  }
}
