public import CNNImaging
public import CNNLayerKit

/// CIFAR-10 in its official binary format: 32 x 32 colour pictures of ten classes.
///
/// A file holds records of 3,073 bytes: the label, then 1,024 bytes each of red, green and blue,
/// rows from top to bottom. (Krizhevsky, Learning Multiple Layers of Features from Tiny Images,
/// 2009.)
public enum CIFAR10 {
  /// The parts of the data set.
  public enum Part: String, Sendable, CaseIterable {
    /// `data_batch_1.bin` to `data_batch_5.bin`: 50,000 pictures.
    case train
    /// `test_batch.bin`: 10,000 pictures.
    case test
  }

  /// The names of the classes, in label order, as in `batches.meta.txt`.
  public static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  static let side = 32
  static let recordSize = 1 + 3 * side * side
  /// The official files have 30,730,000 bytes; all in one have 184 million.
  private static let maximumBytes = 1 << 30

  /// Reads one part from the folder of the official files.
  ///
  /// Of the five training files those that exist are read, at least one; `batches.meta.txt` gives
  /// the class names if it exists.
  /// - Parameters:
  ///   - folder: The folder.
  ///   - part: The part.
  ///   - preprocessing: How pictures become inputs; nil means dividing by 255.
  /// - Throws: `inputOutput` if no file of the part is there or one cannot be read, `malformedData`
  ///   if one is not what it should be, `outOfMemory`.
  public static func load(
    folder: String, part: Part, preprocessing: Preprocessing? = nil
  ) throws(CNNError) -> ImageDataset {
    try load(
      files: try files(in: folder, part: part), classNames: try names(in: folder),
      preprocessing: preprocessing)
  }

  /// Reads the training part and, after it, the test part; one of them may be missing.
  ///
  /// - Throws: As `load(folder:part:preprocessing:)`.
  static func loadAll(folder: String) throws(CNNError) -> ImageDataset {
    let test = "\(folder)/test_batch.bin"
    let hasTest = Folder.kind(of: test) == .file
    var paths: [String] = []
    do throws(CNNError) {
      paths = try files(in: folder, part: .train)
    } catch {
      if !hasTest { throw error }
    }
    return try load(files: paths + (hasTest ? [test] : []), classNames: try names(in: folder))
  }

  /// The paths of a part's files that exist; at least one.
  static func files(in folder: String, part: Part) throws(CNNError) -> [String] {
    let names = part == .test ? ["test_batch.bin"] : (1...5).map { "data_batch_\($0).bin" }
    let paths = names.map { "\(folder)/\($0)" }.filter { Folder.kind(of: $0) == .file }
    guard !paths.isEmpty else {
      throw CNNError(
        .inputOutput,
        "\"\(folder)\" has no \(names.joined(separator: ", ")), where CIFAR-10 keeps its "
          + "\(part.rawValue) part")
    }
    return paths
  }

  /// Reads pictures from files of the binary format, one after the other.
  ///
  /// - Throws: `inputOutput` if a file cannot be read, `malformedData` with the path and the record
  ///   if one is not what it should be, `outOfMemory`.
  public static func load(
    files: [String], classNames: [String] = CIFAR10.classNames,
    preprocessing: Preprocessing? = nil
  ) throws(CNNError) -> ImageDataset {
    var contents: [ByteBuffer] = []
    for path in files {
      let file = try readFile(path: path, limit: maximumBytes)
      do throws(CNNError) {
        try check(file)
      } catch {
        throw error.prefixed(by: "\"\(path)\"")
      }
      contents.append(file)
    }
    return try combine(contents, classNames: classNames, preprocessing: preprocessing)
  }

  /// Makes a data set of what a file holds.
  ///
  /// - Throws: As `load`.
  public static func parse(
    _ file: ByteBuffer, preprocessing: Preprocessing? = nil
  ) throws(CNNError) -> ImageDataset {
    try check(file)
    return try combine([file], classNames: classNames, preprocessing: preprocessing)
  }

  private static func check(_ file: ByteBuffer) throws(CNNError) {
    let bytes = file.bytes
    guard !bytes.isEmpty, bytes.count.isMultiple(of: recordSize) else {
      throw .malformedData(
        "a CIFAR-10 file is a whole number of records of \(recordSize) bytes, this one has "
          + "\(bytes.count) bytes: \(bytes.count / recordSize) records and "
          + "\(bytes.count % recordSize) bytes")
    }
    for start in stride(from: 0, to: bytes.count, by: recordSize) where bytes[start] > 9 {
      throw .malformedData(
        "picture \(start / recordSize) (at byte \(start)) has the label \(bytes[start]), and must "
          + "have one from 0 to 9")
    }
  }

  private static func combine(
    _ files: [ByteBuffer], classNames: [String], preprocessing: Preprocessing?
  ) throws(CNNError) -> ImageDataset {
    guard classNames.count == 10 else {
      throw .invalidArgument("CIFAR-10 has 10 class names, here are \(classNames.count)")
    }
    let plane = side * side
    let count = files.reduce(0) { $0 + $1.count / recordSize }
    let pixels = try ByteBuffer(
      uninitializedCount: count * 3 * plane, for: "\(count) pictures of CIFAR-10")
    let labels = try BudgetedBuffer<UInt16>(count: count, for: "the labels of CIFAR-10")
    var index = 0
    for file in files {
      let bytes = file.bytes
      for start in stride(from: 0, to: bytes.count, by: recordSize) {
        labels.pointer[index] = UInt16(bytes[start])
        let target = UnsafeMutableRawBufferPointer(
          rebasing: pixels.mutableBytes[index * 3 * plane..<(index + 1) * 3 * plane])
        for i in 0..<plane {
          target[3 * i] = bytes[start + 1 + i]
          target[3 * i + 1] = bytes[start + 1 + plane + i]
          target[3 * i + 2] = bytes[start + 1 + 2 * plane + i]
        }
        index += 1
      }
    }
    extendLifetime(files)
    return try ImageDataset(
      stored: PictureBlock(pixels: pixels, height: side, width: side, channels: 3), labels: labels,
      classNames: classNames, preprocessing: preprocessing)
  }

  /// The class names of `batches.meta.txt`, one a line, or the official ones without such a file.
  private static func names(in folder: String) throws(CNNError) -> [String] {
    let path = "\(folder)/batches.meta.txt"
    guard Folder.kind(of: path) == .file else { return classNames }
    let text = try readFile(path: path, limit: 1 << 16)
    let names = text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      .split(whereSeparator: \.isNewline).map(String.init)
    guard names.count == 10, Set(names).count == 10 else {
      throw .malformedData(
        "\"\(path)\" must hold 10 different class names, one a line; it holds \(names.count) lines")
    }
    return names
  }
}
