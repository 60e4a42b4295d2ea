#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A regular file that is open for reading, at any position.
///
/// Immutable, so any number of threads may read it. Closed when nobody has it any more.
package final class InputFile: Sendable {
  /// Its path, for messages.
  package let path: String
  /// How many bytes it had when it was opened.
  package let size: Int
  private let descriptor: Int32

  /// Opens a file; a symbolic link is followed.
  ///
  /// - Throws: `inputOutput` with the system's reason if the file cannot be opened or is not a
  ///   regular file (a folder, a device, a pipe), `invalidArgument` for a path that is none.
  package init(path: String) throws(CNNError) {
    try checkPath(path)
    // Not blocking, so that opening a pipe that nobody writes to returns and can be refused.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw systemError("cannot open", path) }
    var status = stat()
    guard fstat(file, &status) == 0 else {
      let error = systemError("cannot examine", path)
      close(file)
      throw error
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
      throw CNNError(.inputOutput, "cannot read \"\(path)\": it is \(kind)")
    }
    self.path = path
    size = Int(status.st_size)
    descriptor = file
  }

  deinit { close(descriptor) }

  /// Fills `target` with the bytes from `offset` on.
  ///
  /// - Throws: `inputOutput` if they cannot be read or the file ends before.
  package func read(
    at offset: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(CNNError) {
    guard let start = target.baseAddress else { return }
    var done = 0
    while done < target.count {
      let received = pread(descriptor, start + done, target.count - done, off_t(offset + done))
      if received < 0 {
        if errno == EINTR { continue }
        throw systemError("cannot read", path)
      }
      guard received > 0 else {
        throw CNNError(
          .inputOutput,
          "cannot read \"\(path)\": it shrank to \(offset + done) of \(size) bytes meanwhile")
      }
      done += received
    }
  }
}
