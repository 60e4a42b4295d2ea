import CNNImaging
import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The pictures of a tar archive, gzipped or not, unpacked into memory and nowhere else.
///
/// Immutable, so any number of threads may read it. Data sets of the same archive share it while one
/// of them exists.
final class PictureArchive: Sendable {
  /// The path of the archive.
  let path: String
  private let bytes: ByteBuffer
  /// Where each picture's file is, by its path in the archive.
  private let pictures: [String: Range<Int>]
  /// What each folder holds, by its path in the archive; the uppermost is "".
  private let folders: [String: Folder.Contents]

  /// The most bytes of an archive's file.
  private static let maximumFileBytes = 1 << 36
  /// The most bytes into which a byte of a gzipped archive may grow, the first 64 MiB apart.
  ///
  /// Encoded pictures hardly grow at all; the headers between them do.
  private static let maximumGrowth = 100

  private init(path: String) throws(CNNError) {
    self.path = path
    bytes = try PictureArchive.unpacked(path)
    let bytes = bytes
    do throws(CNNError) {
      var index = ArchiveIndex()
      try bytes.withUnsafeBytes { (bytes) throws(CNNError) in
        var reader = TarReader(bytes)
        while let entry = try reader.next() { try index.add(entry) }
      }
      pictures = index.pictures
      folders = index.sortedFolders()
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }

  private static func unpacked(_ path: String) throws(CNNError) -> ByteBuffer {
    let file = try readFile(path: path, limit: maximumFileBytes)
    return try file.withUnsafeBytes { (packed) throws(CNNError) -> ByteBuffer? in
      guard isGzip(packed) else { return nil }
      let growth = packed.count * maximumGrowth + 1 << 26
      let remaining = max(0, MemoryBudget.limit - MemoryBudget.bytesInUse)
      let tooLarge =
        remaining < growth
        ? CNNError(
          .outOfMemory,
          "\"\(path)\" inflates to more than \(remaining) bytes, which the memory limit of "
            + "\(MemoryBudget.limit) leaves; \(MemoryBudget.bytesInUse) are in use")
        : CNNError.malformedData(
          "\"\(path)\" inflates to more than \(growth) bytes, \(maximumGrowth) times its size; no "
            + "archive of pictures does")
      return try gunzip(
        packed, limit: min(growth, remaining), what: "\"\(path)\"", tooLarge: tooLarge)
    } ?? file
  }

  /// What the folder of this path in the archive holds; empty if there is none.
  func contents(of folder: String) -> Folder.Contents { folders[folder] ?? Folder.Contents() }

  /// Where the picture of this path in the archive is.
  func range(of picture: String) -> Range<Int>? { pictures[picture] }

  /// Calls `body` with the bytes of a picture's file.
  func withFile<Result>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    try bytes.withUnsafeBytes { (bytes) throws(CNNError) in
      try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
  }
}

extension PictureArchive {
  /// Whether a file's name is that of an archive.
  static func isNamed(_ path: String) -> Bool {
    let name = path.lowercased()
    return [".tar", ".tar.gz", ".tgz"].contains { name.hasSuffix($0) }
  }

  private struct Weak {
    weak var archive: PictureArchive?
  }

  /// What tells a file from all others, and from what it was before it changed.
  private struct Identity: Hashable {
    let path: String
    let numbers: [Int64]

    init?(_ path: String) {
      var status = stat()
      guard !path.utf8.contains(0), stat(path, &status) == 0 else { return nil }
      self.path = path
      numbers = [
        Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino),
        Int64(truncatingIfNeeded: status.st_size), Int64(truncatingIfNeeded: status.st_mtim.tv_sec),
        Int64(truncatingIfNeeded: status.st_mtim.tv_nsec),
      ]
    }
  }

  private static let opened = Locked<[Identity: Weak]>([:])

  /// Opens an archive, or gives the one that is open already.
  ///
  /// - Throws: `inputOutput` if it cannot be read, `malformedData` if it is no such archive, is
  ///   truncated or inflates out of all proportion, `unsupported` for sparse files, `outOfMemory`.
  static func open(_ path: String) throws(CNNError) -> PictureArchive {
    let identity = Identity(path)
    if let identity, let known = opened.withLock({ $0[identity]?.archive }) { return known }
    let archive = try PictureArchive(path: path)
    if let identity {
      opened.withLock { archives in
        archives = archives.filter { $0.value.archive != nil }
        archives[identity] = Weak(archive: archive)
      }
    }
    return archive
  }
}

/// The folders and pictures of an archive, while they are collected.
private struct ArchiveIndex {
  private(set) var pictures: [String: Range<Int>] = [:]
  private var folders: [String: Folder.Contents] = ["": Folder.Contents()]

  /// More folders within each other than anybody needs.
  private static let maximumDepth = 64

  /// Adds a file if it is a picture; hidden ones are passed over, as they are on disk.
  mutating func add(_ entry: TarReader.Entry) throws(CNNError) {
    guard Folder.isPicture(entry.name) else { return }
    let parts = entry.name.split(separator: "/").filter { $0 != "." }
    guard !parts.contains(".."), parts.count <= ArchiveIndex.maximumDepth else {
      throw .malformedData(
        "the archive holds the name \"\(entry.name)\", which leads out of it or through more than "
          + "\(ArchiveIndex.maximumDepth) folders")
    }
    guard let name = parts.last, !parts.contains(where: { $0.hasPrefix(".") }) else { return }
    var folder = ""
    for part in parts.dropLast() {
      let inner = folder.isEmpty ? String(part) : "\(folder)/\(part)"
      if folders[inner] == nil {
        folders[inner] = Folder.Contents()
        folders[folder, default: Folder.Contents()].folders.append(String(part))
      }
      folder = inner
    }
    let path = folder.isEmpty ? String(name) : "\(folder)/\(name)"
    // Of two files of one name the last counts, as when unpacking.
    if pictures.updateValue(entry.contents, forKey: path) == nil {
      folders[folder, default: Folder.Contents()].files.append(String(name))
    }
  }

  func sortedFolders() -> [String: Folder.Contents] {
    folders.mapValues { $0.sorted() }
  }
}
