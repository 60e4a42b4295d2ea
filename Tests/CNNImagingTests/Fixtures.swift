import CNNImaging
import CNNLayerKit
import Foundation
import Testing

/// An image file and what it decodes to.
struct ImageFixture: Sendable, CustomTestStringConvertible {
  let name: String
  let width: Int
  let height: Int
  let channels: Int
  let file: [UInt8]
  let pixels: [UInt8]
  var testDescription: String { name }
}

/// A size, a filter, and the pixels to which `patternImage` is resized.
struct ResizeFixture: Sendable, CustomTestStringConvertible {
  let filter: ResampleFilter
  let from: (width: Int, height: Int, channels: Int)
  let to: (width: Int, height: Int)
  let pixels: [UInt8]
  var testDescription: String { "\(filter) \(from) to \(to)" }

  init(
    filter: ResampleFilter, from: (Int, Int, Int), to: (Int, Int), pixels: [UInt8]
  ) {
    self.filter = filter
    self.from = from
    self.to = to
    self.pixels = pixels
  }
}

/// The bytes that `text` stands for; lines are joined.
func base64(_ text: String) -> [UInt8] {
  Array(Data(base64Encoded: text.filter { $0 != "\n" }) ?? Data())
}

/// The values of an image's pixels.
func values(of image: Image) -> [UInt8] { image.withPixels { Array($0) } }

/// The largest difference between two rows of numbers, or nil if they differ in length.
func largestDifference(_ a: [UInt8], _ b: [UInt8]) -> Int? {
  a.count == b.count ? zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0 : nil
}

/// The code of the error that `body` throws, or nil.
func errorCode(_ body: () throws -> Void) -> CNNError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? CNNError)?.code
  }
}

/// The error that `body` throws, or nil.
func thrownError(_ body: () throws -> Void) -> CNNError? {
  do {
    try body()
    return nil
  } catch {
    return error as? CNNError
  }
}

/// A folder that disappears with this object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/cnn-imaging-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
}
