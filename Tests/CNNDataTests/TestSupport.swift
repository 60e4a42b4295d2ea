import CNNData
import CNNImaging
import CNNLayerKit
import Foundation
import Testing

/// A folder that disappears with the value.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "cnn-data-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    let file = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  func writePicture(_ image: Image, to name: String) throws {
    try write([], to: name)
    try image.writePNG(to: path + "/" + name)
  }
}

func buffer(_ bytes: [UInt8]) throws -> ByteBuffer {
  let buffer = try ByteBuffer(uninitializedCount: bytes.count, for: "a test")
  buffer.mutableBytes.copyBytes(from: bytes)
  return buffer
}

func sample(
  _ dataset: any Dataset, _ index: Int, _ augmentation: AugmentationDraw? = nil
) throws -> [Float] {
  let room = try FloatBuffer(count: dataset.sampleShape.count, for: "a test")
  try dataset.read(index, into: room.elements, augmentation: augmentation)
  return withExtendedLifetime(room) { Array(room.elements) }
}

/// A picture whose every value depends on its place.
func pattern(width: Int, height: Int, channels: Int, seed: Int = 0) throws -> Image {
  let pixels = (0..<width * height * channels).map {
    UInt8(truncatingIfNeeded: $0 * 37 + seed * 11)
  }
  return try Image(width: width, height: height, channels: channels, pixels: pixels)
}

/// Calls `body`, which must throw, and returns its error.
func failure(_ body: () throws -> Void) -> CNNError? {
  #expect(throws: CNNError.self) { try body() }
}

/// Real data sets that are too large for the repository: in the folder that CNN_SHARED_DATA names, or
/// beside the repository; nil where there are none.
let sharedData: String? = {
  let path = ProcessInfo.processInfo.environment["CNN_SHARED_DATA"] ?? "../shared/data"
  return FileManager.default.fileExists(atPath: path + "/mnist") ? path : nil
}()
