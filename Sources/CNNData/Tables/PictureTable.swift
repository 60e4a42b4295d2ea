import CNNImaging
import CNNLayerKit

/// A data set that a table describes: pictures in files, each with its class, and what part and which
/// rectangle of it is meant.
struct PictureTable {
  private let path: String
  private let options: DatasetOptions
  private let tree: PictureTree
  private let isConfined: Bool

  /// The most bytes of a table.
  private static let maximumBytes = 1 << 30

  /// What a record of the table says.
  private struct Row {
    let file: String
    let className: String
    let region: ImageFileDataset.Region?
    /// The line of the table, for messages.
    let line: Int
  }

  /// Prepares to open a table.
  ///
  /// - Throws: What opening an archive throws, if `options.root` is one.
  init(path: String, options: DatasetOptions) throws(CNNError) {
    self.path = path
    self.options = options
    isConfined = options.root != nil
    tree = try PictureTree(options.root ?? Folder.containing(path))
  }

  /// Reads the table and finds the files.
  ///
  /// - Throws: `inputOutput` if the table or a file of it is not there, `malformedData` with line and
  ///   column, `unknownName` for a class that it does not have.
  func open() throws(CNNError) -> ImageFileDataset {
    let preprocessing = try options.filePreprocessing(path: path)
    do throws(CNNError) {
      var exclusions = Exclusions(options.exclude)
      let (rows, columns) = try readRows(&exclusions)
      guard !rows.isEmpty else {
        throw CNNError(
          .inputOutput,
          "the table has no pictures" + (options.part.map { " of part \"\($0.rawValue)\"" } ?? ""))
      }
      try exclusions.check(in: path)
      let found = Set(rows.map(\.className)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      let names = try options.classes.map { (wanted) throws(CNNError) in
        try checkClasses(wanted, among: found, where: path)
      }
      return try ImageFileDataset(
        files: try files(rows, columns, classNames: names ?? found), classNames: names ?? found,
        preprocessing: preprocessing, cacheBytes: options.cacheBytes)
    } catch {
      throw error.naming(path)
    }
  }

  /// The parts that rows of the table belong to; none if it is not divided.
  func parts() throws(CNNError) -> Set<DatasetOptions.Part> {
    let text = try readFile(path: path, limit: PictureTable.maximumBytes)
    defer { extendLifetime(text) }
    do throws(CNNError) {
      var reader = CSVReader(text.bytes)
      guard let header = try reader.next() else { return [] }
      let columns = try TableColumns(header: header.fields, choice: options.columns)
      guard columns.hasParts else { return [] }
      var parts: Set<DatasetOptions.Part> = []
      while let record = try reader.next(), record.fields.count == header.fields.count {
        if let part = try columns.part(record) { parts.insert(part) }
      }
      return parts
    } catch {
      throw error.naming(path)
    }
  }

  private func readRows(
    _ exclusions: inout Exclusions
  ) throws(CNNError) -> (rows: [Row], columns: TableColumns) {
    let text = try readFile(path: path, limit: PictureTable.maximumBytes)
    defer { extendLifetime(text) }
    var reader = CSVReader(text.bytes)
    guard let header = try reader.next() else {
      throw .malformedData("the table is empty; its first line names the columns")
    }
    let columns = try TableColumns(header: header.fields, choice: options.columns)
    if let part = options.part, part != .all, !columns.hasParts {
      throw .invalidArgument(
        "the table is not divided into parts (it has no column \"part\"), so it has no part "
          + "\"\(part.rawValue)\"; open it without a part and split it")
    }
    let wanted = options.part ?? (columns.hasParts ? .train : .all)
    var rows: [Row] = []
    while let record = try reader.next() {
      guard record.fields.count == header.fields.count else {
        throw .malformedData(
          "line \(record.line) has \(record.fields.count) columns, and the header "
            + "\(header.fields.count)")
      }
      let row = Row(
        file: try columns.file(record), className: try columns.className(record),
        region: try columns.region(record), line: record.line)
      let part = try columns.part(record)
      guard wanted == .all || part == wanted else { continue }
      if exclusions.contains(row.file) { continue }
      rows.append(row)
    }
    return (rows, columns)
  }

  /// The files of the classes that are taken, in the order of the table.
  private func files(
    _ rows: [Row], _ columns: TableColumns, classNames: [String]
  ) throws(CNNError) -> [ImageFileDataset.File] {
    var labels: [String: Int] = [:]
    for (label, name) in classNames.enumerated() { labels[name] = label }
    var taken = [Int](repeating: 0, count: classNames.count)
    var files: [ImageFileDataset.File] = []
    for row in rows {
      guard let label = labels[row.className], taken[label] < options.limit ?? .max else {
        continue
      }
      let place = try location(of: row, columns)
      guard files.last?.path == place || tree.hasFile(place),
        let file = tree.file(place, label: label, region: row.region)
      else {
        throw CNNError(
          .inputOutput,
          columns.error(row.line, .file, "there is no file \"\(place)\"").message)
      }
      taken[label] += 1
      files.append(file)
    }
    return files
  }

  /// The path of a row's file.
  private func location(of row: Row, _ columns: TableColumns) throws(CNNError) -> String {
    if !isConfined {
      return row.file.hasPrefix("/") ? row.file : "\(tree.root)/\(row.file)"
    }
    guard !row.file.hasPrefix("/"), !row.file.split(separator: "/").contains("..") else {
      throw columns.error(
        row.line, .file, "\"\(row.file)\" leads out of the folder that the option root gives")
    }
    return "\(tree.root)/\(row.file)"
  }
}
