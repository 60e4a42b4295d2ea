import CNNImaging
import CNNLayerKit

/// The idx format of MNIST: a magic number, the sizes, then the bytes; numbers are big-endian.
///
/// Described at the end of LeCun's page on MNIST. Only unsigned bytes are read.
enum IDX {
  /// A file's sizes and contents.
  struct Contents {
    let sizes: [Int]
    let file: ByteBuffer
    let dataOffset: Int

    /// The bytes after the header; valid while the contents are alive.
    var data: UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: file.bytes[dataOffset...])
    }
  }

  /// The most bytes of a file, after unpacking: enough for 1.3 million pictures of 28 x 28.
  static let maximumBytes = 1 << 30

  /// Reads a file, which may be gzipped.
  static func read(path: String, rank: Int, what: String) throws(CNNError) -> Contents {
    let file = try readFile(path: path, limit: maximumBytes)
    do throws(CNNError) {
      return try parse(file, rank: rank, what: what)
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }

  /// Checks contents and returns them unpacked.
  ///
  /// - Parameters:
  ///   - file: The bytes, possibly gzipped.
  ///   - rank: The number of axes expected.
  ///   - what: What is expected, for messages, as in "images".
  static func parse(_ file: ByteBuffer, rank: Int, what: String) throws(CNNError) -> Contents {
    let unpacked = isGzip(file.bytes) ? try gunzip(file.bytes, limit: maximumBytes) : file
    let bytes = unpacked.bytes
    let headerSize = 4 + 4 * rank
    guard bytes.count >= 4 else {
      throw .malformedData("an idx file has at least 4 bytes, this one has \(bytes.count)")
    }
    let magic = number(bytes, at: 0)
    guard magic == 0x800 + rank else {
      throw .malformedData(
        "an idx file of \(what) begins with the number \(hexadecimal(0x800 + rank)), this one with "
          + hexadecimal(magic))
    }
    guard bytes.count >= headerSize else {
      throw .malformedData(
        "the header of an idx file of \(what) has \(headerSize) bytes, the file ends after "
          + "\(bytes.count)")
    }
    let sizes = (0..<rank).map { number(bytes, at: 4 + 4 * $0) }
    guard let count = checkedProduct(sizes), let total = checkedSum([headerSize, count]),
      bytes.count == total
    else {
      let product = sizes.map(String.init).joined(separator: " x ")
      throw .malformedData(
        "the header announces \(product) bytes after \(headerSize) bytes of header, and the file "
          + "has \(bytes.count) bytes in all")
    }
    return Contents(sizes: sizes, file: unpacked, dataOffset: headerSize)
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    (0..<4).reduce(0) { $0 << 8 | Int(bytes[offset + $1]) }
  }

  private static func hexadecimal(_ value: Int) -> String {
    "0x" + String(value, radix: 16)
  }
}
