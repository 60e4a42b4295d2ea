import CNNLayerKit

/// Where in the records of a table each thing stands.
struct TableColumns {
  /// What a table can say, as the keys of the option `columns`.
  enum Role: String, CaseIterable {
    case file
    case className = "class"
    case part
    case top
    case left
    case height
    case width
    case bottom
    case right
  }

  /// A piece of a pattern for the names of files.
  private enum Piece {
    case text(String)
    case column(Int)
  }

  private let names: [String]
  private let columns: [Role: Int]
  private let filePattern: [Piece]

  /// Whether records say which part they belong to.
  var hasParts: Bool { columns[.part] != nil }

  /// Finds the columns in the header of a table.
  ///
  /// - Parameters:
  ///   - header: The names of the columns.
  ///   - choice: For each role, by its name, the column that plays it; for `file` a pattern with names
  ///     of columns in braces, too. Roles that are not named are played by the column of their name.
  /// - Throws: `malformedData` for a header without a column that is needed or with one twice,
  ///   `unknownName` for roles and columns that do not exist.
  init(header: [String], choice: [String: String]) throws(CNNError) {
    names = header
    var seen: Set<String> = []
    for name in header where !seen.insert(name).inserted {
      throw .malformedData("the header (line 1) names column \"\(name)\" twice")
    }
    for role in choice.keys.sorted() where Role(rawValue: role) == nil {
      throw .unknownName("key of columns", role, valid: Role.allCases.map(\.rawValue))
    }
    var columns: [Role: Int] = [:]
    for role in Role.allCases {
      guard let chosen = choice[role.rawValue] else {
        columns[role] = header.firstIndex(of: role.rawValue)
        continue
      }
      if role == .file, chosen.contains("{") { continue }
      columns[role] = try TableColumns.column(chosen, header)
    }
    self.columns = columns
    if let pattern = choice[Role.file.rawValue], pattern.contains("{") {
      filePattern = try TableColumns.pieces(of: pattern, header)
    } else {
      filePattern = columns[.file].map { [.column($0)] } ?? []
    }
    for (role, isThere) in [
      (Role.file, !filePattern.isEmpty), (.className, columns[.className] != nil),
    ]
    where !isThere {
      throw .malformedData(
        "the table has no column \"\(role.rawValue)\"; it has \(header.joined(separator: ", ")); say "
          + "which one it is with the option columns, as in "
          + "{\"columns\": {\"\(role.rawValue)\": \"\(header.first ?? "name")\"}}")
    }
    try checkRectangle()
  }

  private static func column(_ name: String, _ header: [String]) throws(CNNError) -> Int {
    guard let index = header.firstIndex(of: name) else {
      throw .unknownName("column", name, valid: header)
    }
    return index
  }

  private static func pieces(of pattern: String, _ header: [String]) throws(CNNError) -> [Piece] {
    var pieces: [Piece] = []
    var rest = pattern[...]
    while let open = rest.firstIndex(of: "{") {
      pieces.append(.text(String(rest[..<open])))
      guard let close = rest[open...].firstIndex(of: "}") else {
        throw .invalidArgument(
          "columns.file is \"\(pattern)\", and a brace in it is not closed; it should be as in "
            + "\"images/{name}.jpg\"")
      }
      pieces.append(.column(try column(String(rest[rest.index(after: open)..<close]), header)))
      rest = rest[rest.index(after: close)...]
    }
    return pieces + [.text(String(rest))]
  }

  /// Checks that a rectangle has all its sides, and each of them once.
  private func checkRectangle() throws(CNNError) {
    func has(_ role: Role) -> Bool { columns[role] != nil }
    // Only these two begin a rectangle: "height" and "width" alone are often those of the picture.
    guard has(.top) || has(.left) else { return }
    guard has(.top), has(.left), has(.height) || has(.bottom), has(.width) || has(.right) else {
      throw .malformedData(
        "the table has some of the columns of a rectangle, and needs top, left, height or bottom, "
          + "and width or right")
    }
  }

  /// The path of a record's file, as the table gives it.
  func file(_ record: CSVReader.Record) throws(CNNError) -> String {
    var path = ""
    for piece in filePattern {
      switch piece {
      case .text(let text): path += text
      case .column(let column): path += record.fields[column]
      }
    }
    guard !path.isEmpty else { throw error(record.line, .file, "the path of the file is empty") }
    return path
  }

  /// The name of a record's class.
  func className(_ record: CSVReader.Record) throws(CNNError) -> String {
    let name = columns[.className].map { record.fields[$0] } ?? ""
    guard !name.isEmpty else {
      throw error(record.line, .className, "the name of the class is empty")
    }
    return name
  }

  /// The part that a record belongs to; nil for one of no part, which says "none" or nothing.
  func part(_ record: CSVReader.Record) throws(CNNError) -> DatasetOptions.Part? {
    guard let column = columns[.part], !["", "none"].contains(record.fields[column]) else {
      return nil
    }
    guard let part = PictureParts.part(named: record.fields[column]) else {
      throw error(
        record.line, .part,
        "\"\(record.fields[column])\" is no part; parts are "
          + PictureParts.names.flatMap(\.names).joined(separator: ", ") + " and none")
    }
    return part
  }

  /// The rectangle that a record gives; nil if it gives none, or its fields are empty.
  func region(_ record: CSVReader.Record) throws(CNNError) -> ImageFileDataset.Region? {
    let isGiven = [Role.top, .left].contains { role in
      columns[role].map { !record.fields[$0].isEmpty } ?? false
    }
    guard isGiven else { return nil }
    let top = try number(record, .top, least: 0)
    let left = try number(record, .left, least: 0)
    return ImageFileDataset.Region(
      top: top, left: left, height: try extent(record, .height, or: .bottom, from: top),
      width: try extent(record, .width, or: .right, from: left))
  }

  /// A side of the rectangle: its size, or what it ends before.
  private func extent(
    _ record: CSVReader.Record, _ size: Role, or end: Role, from start: Int
  ) throws(CNNError) -> Int {
    if columns[end] != nil { return try number(record, end, least: start + 1) - start }
    return try number(record, size, least: 1)
  }

  private func number(
    _ record: CSVReader.Record, _ role: Role, least: Int
  ) throws(CNNError) -> Int {
    let text = columns[role].map { record.fields[$0] } ?? ""
    guard let value = Int(text), value >= least, value <= 1 << 30 else {
      throw error(
        record.line, role,
        "\"\(text)\" is no number of pixels; it must be a whole number, at least \(least)")
    }
    return value
  }

  /// An error at a place in the table.
  func error(_ line: Int, _ role: Role, _ message: String) -> CNNError {
    let name = columns[role].map { names[$0] } ?? role.rawValue
    return .malformedData("line \(line), column \"\(name)\": \(message)")
  }
}
