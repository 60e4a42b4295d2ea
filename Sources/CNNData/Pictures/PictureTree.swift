import CNNLayerKit

/// Folders of pictures, on disk or in an archive.
///
/// Paths in an archive are those of the archive, a slash, and the path within, as if it were a
/// folder.
struct PictureTree {
  /// The path of the uppermost folder, or of the archive.
  let root: String
  private let archive: PictureArchive?

  /// Looks at a folder, or opens an archive.
  ///
  /// - Throws: What reading an archive throws.
  init(_ path: String) throws(CNNError) {
    root = path
    archive =
      PictureArchive.isNamed(path) && Folder.kind(of: path) != .folder
      ? try PictureArchive.open(path) : nil
  }

  /// Lists a folder.
  ///
  /// - Throws: `inputOutput` with the system's reason.
  func contents(of folder: String) throws(CNNError) -> Folder.Contents {
    guard let archive else { return try Folder.contents(of: folder) }
    return archive.contents(of: inner(folder))
  }

  /// The picture at a path, or nil if an archive has none there; files on disk are not looked for.
  func file(
    _ path: String, label: Int, region: ImageFileDataset.Region? = nil
  ) -> ImageFileDataset.File? {
    guard let archive else {
      return ImageFileDataset.File(path: path, label: label, region: region)
    }
    return archive.range(of: inner(path)).map { range in
      ImageFileDataset.File(
        path: path, label: label, region: region, member: ArchiveMember(archive, range))
    }
  }

  /// Whether there is a picture at a path.
  func hasFile(_ path: String) -> Bool {
    guard let archive else { return Folder.kind(of: path) == .file }
    return archive.range(of: inner(path)) != nil
  }

  /// The part of a path that comes after the root's.
  func inner(_ path: String) -> String {
    String(Substring(path.utf8.dropFirst(root.utf8.count + 1)))
  }

  /// The folder that all others are in: of an archive the one folder at its top, if that is only
  /// around others, and otherwise the root.
  func top() throws(CNNError) -> String {
    guard archive != nil else { return root }
    let outer = try contents(of: root)
    guard outer.files.isEmpty, outer.folders.count == 1, let name = outer.folders.first,
      !PictureParts.isName(name)
    else { return root }
    let inner = try contents(of: "\(root)/\(name)")
    return inner.files.isEmpty && !inner.folders.isEmpty ? "\(root)/\(name)" : root
  }
}

/// A file in an archive.
struct ArchiveMember: Hashable {
  let archive: PictureArchive
  let range: Range<Int>

  init(_ archive: PictureArchive, _ range: Range<Int>) {
    self.archive = archive
    self.range = range
  }

  static func == (a: ArchiveMember, b: ArchiveMember) -> Bool {
    a.archive === b.archive && a.range == b.range
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(archive))
    hasher.combine(range)
  }
}
