public import CNNImaging
public import CNNLayerKit
import FoundationEssentials

/// 1,797 handwritten digits of 8 x 8 grey pixels that are part of the library.
///
/// The test set of the UCI data set "Optical Recognition of Handwritten Digits" by E. Alpaydin and
/// C. Kaynak (1998), CC BY 4.0; see `docs/third-party.md`.
public enum Digits {
  /// The parts of the data set.
  public enum Part: String, Sendable, CaseIterable {
    /// The first 1,497 digits.
    case train
    /// The last 300 digits.
    case test
    /// All of them.
    case all
  }

  /// The number of digits.
  public static let count = 1797
  /// The number of digits in the training part.
  public static let trainCount = 1497
  private static let side = 8

  /// Returns one part.
  ///
  /// - Parameters:
  ///   - part: The part.
  ///   - preprocessing: How pictures become inputs; nil means dividing by 255.
  /// - Throws: `outOfMemory`.
  public static func load(
    part: Part = .all, preprocessing: Preprocessing? = nil
  ) throws(CNNError) -> ImageDataset {
    let contents = try unpacked()
    let range =
      switch part {
      case .train: 0..<trainCount
      case .test: trainCount..<count
      case .all: 0..<count
      }
    let size = side * side
    let pixels = try ByteBuffer(uninitializedCount: range.count * size, for: "the digits")
    let labels = try BudgetedBuffer<UInt16>(count: range.count, for: "the labels of the digits")
    contents.withUnsafeBytes { bytes in
      for (position, index) in range.enumerated() {
        labels.pointer[position] = UInt16(bytes[index])
        for i in 0..<size {
          // The data set counts dark cells of 4 x 4: from 0 to 16.
          let cells = Int(bytes[count + index * size + i])
          pixels.mutableBytes[position * size + i] = UInt8((cells * 255 + 8) / 16)
        }
      }
    }
    return try ImageDataset(
      stored: PictureBlock(pixels: pixels, height: side, width: side, channels: 1),
      labels: labels, classNames: (0...9).map(String.init), preprocessing: preprocessing)
  }

  /// Labels, then pixels.
  private static func unpacked() throws(CNNError) -> ByteBuffer {
    let expected = count * (1 + side * side)
    let packed = digitsData.withUTF8Buffer { Data(base64Encoded: Data($0)) }
    guard let packed else { throw CNNError(.internal, "the built-in digits are damaged") }
    let result = packed.withUnsafeBytes { bytes in
      Result { () throws(CNNError) in try gunzip(bytes, limit: expected, what: "the digits") }
    }
    let contents = try result.get()
    guard contents.count == expected, contents.withUnsafeBytes({ $0[..<count].max() == 9 }) else {
      throw CNNError(.internal, "the built-in digits are damaged")
    }
    return contents
  }
}
