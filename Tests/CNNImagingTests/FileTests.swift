import CNNImaging
import CNNLayerKit
import Foundation
import Testing

/// The text of a buffer.
private func text(_ buffer: ByteBuffer) -> String {
  buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
}

private func write(_ text: String, to path: String) throws {
  try Array(text.utf8).withUnsafeBytes { try AtomicFile.write(path: path, bytes: $0) }
}

@Suite struct FileTests {
  @Test func writesAndReads() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.txt")
    try write("first", to: path)
    try write("second", to: path)
    #expect(text(try readFile(path: path, limit: 6)) == "second")
    try write("", to: path)
    #expect(try readFile(path: path, limit: 0).count == 0)
    #expect(folder.names == ["a.txt"])
  }

  @Test func joinsPieces() throws {
    let folder = try TemporaryFolder()
    let (a, b) = (Array("one,".utf8), Array("two".utf8))
    try a.withUnsafeBytes { a in
      try b.withUnsafeBytes { b in
        try AtomicFile.write(path: folder.file("a"), pieces: [a, b])
      }
    }
    #expect(text(try readFile(path: folder.file("a"), limit: 100)) == "one,two")
  }

  @Test func keepsPermissionsAndLinks() throws {
    let folder = try TemporaryFolder()
    let (path, link) = (folder.file("a"), folder.file("link"))
    try write("x", to: path)
    #expect(chmod(path, 0o640) == 0)
    #expect(symlink(path, link) == 0)
    try write("y", to: link)
    #expect(text(try readFile(path: path, limit: 9)) == "y")
    var status = stat()
    #expect(lstat(link, &status) == 0)
    #expect(status.st_mode & S_IFMT == S_IFLNK)
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o640)
  }

  @Test func readingReportsTheReason() throws {
    let folder = try TemporaryFolder()
    let pipe = folder.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    try write("12345", to: folder.file("five"))
    for (path, reason) in [
      (folder.file("none"), "No such file"), (folder.path, "folder"), (pipe, "regular"),
      (folder.file("five"), "5 bytes"), ("/dev/null", "regular"),
    ] {
      let error = thrownError { _ = try readFile(path: path, limit: 4) }
      #expect(error?.code == .inputOutput)
      #expect(error?.message.contains(reason) == true, "\(error?.message ?? "no error")")
      #expect(error?.message.contains(path) == true)
    }
  }

  @Test func writingReportsTheReason() throws {
    let folder = try TemporaryFolder()
    for (path, reason) in [
      (folder.file("none/a"), "No such file"), (folder.path, "folder"),
      ("/dev/null", "regular"), (folder.file(String(repeating: "n", count: 300)), "name"),
    ] {
      let error = thrownError { try write("x", to: path) }
      #expect(error?.code == .inputOutput)
      #expect(
        error?.message.lowercased().contains(reason.lowercased()) == true,
        "\(error?.message ?? "no error")")
    }
    #expect(folder.names.isEmpty)
    #expect(errorCode { try write("x", to: "") } == .invalidArgument)
  }
}

@Suite struct GunzipTests {
  // python3 -c "import gzip, base64; print(base64.b64encode(gzip.compress(b'hello' * 9, mtime=0)))"
  private let hello = base64("H4sIAAAAAAACA8tIzcnJzyCSAAD13JN/LQAAAA==")

  private func inflated(_ bytes: [UInt8], limit: Int) throws -> String {
    text(try bytes.withUnsafeBytes { try gunzip($0, limit: limit) })
  }

  @Test func inflates() throws {
    let expected = String(repeating: "hello", count: 9)
    #expect(try inflated(hello, limit: 45) == expected)
    #expect(try inflated(hello, limit: .max) == expected)
    #expect(try inflated(hello + hello, limit: 90) == expected + expected)
    #expect(try inflated(hello + [0, 0, 0], limit: 45) == expected)
    #expect(hello.withUnsafeBytes(isGzip))
  }

  @Test func refusesMoreThanTheLimit() {
    for limit in [0, 1, 44, -5] {
      #expect(errorCode { _ = try inflated(hello, limit: limit) } == .malformedData)
    }
    #expect(errorCode { _ = try inflated(hello + hello, limit: 89) } == .malformedData)
  }

  @Test func everyPrefixAndFlippedBitIsAnErrorOrText() {
    for count in 0..<hello.count {
      let part = Array(hello.prefix(count))
      #expect(errorCode { _ = try inflated(part, limit: 100) } == .malformedData, "\(count)")
    }
    for bit in 0..<hello.count * 8 {
      var file = hello
      file[bit / 8] ^= 1 << (bit % 8)
      _ = try? inflated(file, limit: 100)
    }
    #expect(errorCode { _ = try inflated(hello + [7], limit: 100) } == .malformedData)
  }
}
