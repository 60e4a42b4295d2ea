import CNNLayerKit
import Glibc

/// A file with a shared object, looked at before the loader does.
enum SharedObject {
  /// Checks that a file is as long as its own table of segments says.
  ///
  /// The loader maps what the table names, and a file that was cut off, such as one that is still being
  /// copied, would end the process by a signal. Files of other formats are left to the loader.
  ///
  /// - Throws: `malformedData` if something is missing, `inputOutput` if the file cannot be read.
  static func checkIsComplete(_ path: String) throws(CNNError) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      throw CNNError(.inputOutput, "the file cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size >= 0 else {
      throw .malformedData("this is no file with contents, so it is no shared object")
    }
    let size = UInt64(status.st_size)
    // The 64-bit, little-endian variant of ELF, which is that of every machine this runs on.
    guard let header = read(file, at: 0, count: 64),
      header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1])
    else { return }
    let table: UInt64 = number(header, at: 32)
    let entrySize: UInt16 = number(header, at: 54)
    let entryCount: UInt16 = number(header, at: 56)
    guard entrySize >= 56 else { return }
    for index in 0..<UInt64(entryCount) {
      let (place, overflow) = table.addingReportingOverflow(index * UInt64(entrySize))
      guard !overflow, place < size, let entry = read(file, at: place, count: 56) else {
        throw incomplete(size)
      }
      let isLoaded = number(entry, at: 0) as UInt32 == 1
      let (end, beyond) = (number(entry, at: 8) as UInt64)
        .addingReportingOverflow(number(entry, at: 32))
      guard !isLoaded || !beyond && end <= size else { throw incomplete(size) }
    }
  }

  private static func incomplete(_ size: UInt64) -> CNNError {
    .malformedData(
      "this shared object is not complete: parts of it lie beyond its \(size) bytes; copy or compile "
        + "it again")
  }

  /// Bytes of a file; nil if there are fewer.
  private static func read(_ file: Int32, at offset: UInt64, count: Int) -> [UInt8]? {
    guard let place = off_t(exactly: offset) else { return nil }
    // 64 bytes at most.
    var bytes = [UInt8](repeating: 0, count: count)
    return pread(file, &bytes, count, place) == count ? bytes : nil
  }

  private static func number<Value: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int) -> Value {
    let part = bytes.dropFirst(offset).prefix(Value.bitWidth / 8)
    return part.reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
  }
}
