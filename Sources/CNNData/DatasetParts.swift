package import CNNLayerKit

extension DatasetLoader {
  /// The parts that the data at `path` is divided into, found out without reading its samples; none
  /// if it is not divided.
  ///
  /// - Throws: What looking at it throws.
  package static func parts(
    of path: String, options: DatasetOptions = DatasetOptions()
  ) throws(CNNError) -> Set<DatasetOptions.Part> {
    let format = options.format == .auto ? try detect(path) : options.format
    switch format {
    case .folders, .names:
      let tree = try PictureTree(path)
      let folders = try tree.contents(of: try tree.top()).folders
      return Set(PictureParts.found(among: folders).map(\.part))
    case .table:
      return try PictureTable(path: path, options: options).parts()
    case .mixture:
      let file = try MixtureFile.read(path)
      return Set([.train, .validation, .test].filter { !file.sources(of: $0).isEmpty })
    case .cifar10, .mnist:
      guard Folder.kind(of: path) == .folder else { return [] }
      let files = try Folder.contents(of: path).files
      let hasTest = files.contains { $0 == "test_batch.bin" || $0.hasPrefix("t10k-images-idx3") }
      return hasTest ? [.train, .test] : [.train]
    case .digits, .auto:
      return [.train, .test]
    }
  }
}
