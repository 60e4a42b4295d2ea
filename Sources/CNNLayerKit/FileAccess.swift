#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Owned bytes, counted against `MemoryBudget`.
///
/// What a file held, an encoded picture, or the pixels of an image. A request that cannot be met
/// is an error instead of the end of the process.
///
/// Safety: whoever creates a buffer fills it before anybody else sees it, and nobody writes to it
/// afterwards; that is what `@unchecked Sendable` stands for.
public final class ByteBuffer: @unchecked Sendable {
  private let memory: UnsafeMutableRawPointer
  private let reservedBytes: Int
  /// How many bytes there are.
  public let count: Int

  /// Takes memory for `count` bytes, whose values are undefined until they are written.
  ///
  /// - Parameters:
  ///   - count: At least 0.
  ///   - purpose: What the memory is for, as it should stand in an error message.
  /// - Throws: `outOfMemory` if the memory limit or the machine does not allow it.
  package init(
    uninitializedCount count: Int, for purpose: @autoclosure () -> String
  ) throws(CNNError) {
    let bytes = max(1, count)
    guard count >= 0, MemoryBudget.reserve(bytes) else {
      throw CNNError(
        .outOfMemory,
        "\(purpose()) needs \(count) bytes; \(MemoryBudget.bytesInUse) are in use and the memory "
          + "limit is \(MemoryBudget.limit)")
    }
    guard let memory = malloc(bytes) else {
      MemoryBudget.release(bytes)
      throw CNNError(
        .outOfMemory, "\(purpose()) needs \(bytes) bytes, and the machine has none left")
    }
    self.memory = memory
    self.count = count
    reservedBytes = bytes
  }

  /// Takes over `count` bytes that came from `malloc`, and frees them even if this throws.
  ///
  /// - Throws: `outOfMemory` if the memory limit does not allow it.
  package init(
    adopting memory: UnsafeMutableRawPointer, count: Int, for purpose: @autoclosure () -> String
  ) throws(CNNError) {
    let bytes = max(1, count)
    guard count >= 0, MemoryBudget.reserve(bytes) else {
      free(memory)
      throw CNNError(
        .outOfMemory,
        "\(purpose()) needs \(count) bytes; \(MemoryBudget.bytesInUse) are in use and the memory "
          + "limit is \(MemoryBudget.limit)")
    }
    self.memory = memory
    self.count = count
    reservedBytes = bytes
  }

  deinit {
    free(memory)
    MemoryBudget.release(reservedBytes)
  }

  /// All bytes, to be read while the buffer is alive.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

  /// All bytes, to be filled by the creator of the buffer.
  package var mutableBytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: memory, count: count)
  }

  /// Calls `body` with all bytes, without copying them; the pointer is valid during the call.
  public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let result = try body(bytes)
    extendLifetime(self)
    return result
  }
}

/// Whether there is something at `path`.
package func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Reads a whole file.
///
/// - Parameters:
///   - path: The file; a symbolic link is followed.
///   - limit: The most bytes that the file may have.
/// - Throws: `inputOutput` with the system's reason if the file cannot be opened or read, is not a
///   regular file (a folder, a device, a pipe), or has more than `limit` bytes; `outOfMemory`.
package func readFile(path: String, limit: Int) throws(CNNError) -> ByteBuffer {
  let file = try InputFile(path: path)
  guard file.size <= limit else {
    throw CNNError(
      .inputOutput,
      "cannot read \"\(path)\": it has \(file.size) bytes, and at most \(limit) are allowed")
  }
  let buffer = try ByteBuffer(uninitializedCount: file.size, for: "the contents of \"\(path)\"")
  try file.read(at: 0, into: buffer.mutableBytes)
  return buffer
}

/// Files that are either the old or the new one, complete, whatever happens while writing.
package enum AtomicFile {
  /// Replaces the contents of the file at `path`, or creates it.
  ///
  /// The bytes go to a temporary file in the same folder, which is synced and renamed.
  /// - Throws: `inputOutput` with the system's reason; then the file at `path` is as it was and
  ///   the temporary file is gone.
  package static func write(path: String, bytes: UnsafeRawBufferPointer) throws(CNNError) {
    try write(path: path, pieces: CollectionOfOne(bytes))
  }

  /// Replaces the contents of the file at `path` by `pieces`, one after the other.
  package static func write(
    path: String, pieces: some Sequence<UnsafeRawBufferPointer>
  ) throws(CNNError) {
    try write(path: path) { append throws(CNNError) in
      for piece in pieces { try append(piece) }
    }
  }

  /// Replaces the contents of the file at `path` by what `body` appends; if `body` throws, the file
  /// stays as it was.
  package static func write(
    path: String,
    _ body: (_ append: (UnsafeRawBufferPointer) throws(CNNError) -> Void) throws(CNNError) -> Void
  ) throws(CNNError) {
    try checkPath(path)
    let target = try destination(path)
    let folder = folder(of: target.path)
    let (file, temporary) = try createTemporary(in: folder, for: path)
    var isOpen = true
    do throws(CNNError) {
      if let mode = target.mode, fchmod(file, mode) != 0 {
        throw systemError("cannot set the permissions of", path)
      }
      try body { piece throws(CNNError) in try append(piece, to: file, for: path) }
      guard fsync(file) == 0 else { throw systemError("cannot sync", path) }
      isOpen = false
      guard close(file) == 0 else { throw systemError("cannot write", path) }
      guard rename(temporary, target.path) == 0 else { throw systemError("cannot write", path) }
    } catch {
      if isOpen { close(file) }
      unlink(temporary)
      throw error
    }
    // Best effort: without it, a power failure may bring back the old file, which is still whole.
    let folderFile = open(folder, O_RDONLY | O_CLOEXEC)
    if folderFile >= 0 {
      fsync(folderFile)
      close(folderFile)
    }
  }

  /// The file to replace, behind symbolic links, and its permissions if it exists.
  private static func destination(_ path: String) throws(CNNError) -> (
    path: String, mode: mode_t?
  ) {
    var status = stat()
    guard stat(path, &status) == 0 else { return (path, nil) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
      throw CNNError(.inputOutput, "cannot write \"\(path)\": it is \(kind)")
    }
    guard let resolved = realpath(path, nil) else { throw systemError("cannot write", path) }
    defer { free(resolved) }
    return (String(cString: resolved), status.st_mode & 0o777)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func createTemporary(
    in folder: String, for path: String
  ) throws(CNNError) -> (file: Int32, path: String) {
    for _ in 0..<100 {
      // A short name of its own: the target's may already be as long as the file system allows.
      let name = ".cnn-\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp"
      let temporary = folder + "/" + name
      let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if file >= 0 { return (file, temporary) }
      if errno != EEXIST { break }
    }
    throw systemError("cannot write", path)
  }

  private static func append(
    _ piece: UnsafeRawBufferPointer, to file: Int32, for path: String
  ) throws(CNNError) {
    var rest = piece[...]
    while !rest.isEmpty {
      let sent = systemWrite(file, UnsafeRawBufferPointer(rebasing: rest))
      if sent < 0 {
        if errno == EINTR { continue }
        throw systemError("cannot write", path)
      }
      rest = rest.dropFirst(sent)
    }
  }
}

/// The system's `write`, which the methods of the same name hide.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(file, bytes.baseAddress, bytes.count)
}

func checkPath(_ path: String) throws(CNNError) {
  guard !path.isEmpty else { throw .invalidArgument("the path of the file is empty") }
  guard !path.utf8.contains(0) else {
    throw .invalidArgument("the path of the file contains a zero byte")
  }
}

/// The error for what `errno` says. (glibc's `strerror` is thread-safe.)
func systemError(_ action: String, _ path: String) -> CNNError {
  let code = errno
  return CNNError(.inputOutput, "\(action) \"\(path)\": \(String(cString: strerror(code)))")
}
