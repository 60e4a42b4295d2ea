import CNNImaging
import CNNLayerKit

/// The last step of a preprocessing, without taking memory: 8-bit values to a network's numbers.
///
/// Gives the same bits as `Preprocessing.apply` does for a picture that already has the right size.
struct PixelNormalizer: Sendable {
  private let channels: Int
  private let isReversed: Bool
  private let scale: Float
  private let mean: [Float]
  private let deviation: [Float]
  private let meanImage: [Float]?
  /// For each channel of the output the results for the 256 values of a pixel.
  private let tables: [Float]

  init(_ preprocessing: Preprocessing) {
    channels = preprocessing.channels
    isReversed = preprocessing.color == .bgr
    scale = preprocessing.scale
    mean = preprocessing.mean
    deviation = preprocessing.standardDeviation
    meanImage = preprocessing.meanImage
    tables = (0..<preprocessing.channels).flatMap { channel in
      (0..<256).map { value in
        (Float(value) * preprocessing.scale - preprocessing.mean[channel])
          / preprocessing.standardDeviation[channel]
      }
    }
  }

  /// Writes the numbers for as many 8-bit values as there is room for.
  func write(_ pixels: UnsafePointer<UInt8>, to output: UnsafeMutableBufferPointer<Float>) {
    tables.withUnsafeBufferPointer { tables in
      for c in 0..<channels {
        let from = isReversed ? channels - 1 - c : c
        for i in stride(from: 0, to: output.count, by: channels) {
          output[i + c] = tables[c * 256 + Int(pixels[i + from])]
        }
      }
    }
    subtractMeanImage(from: output)
  }

  /// Turns values from 0 to 255, whole or not, into the network's numbers.
  func normalize(_ output: UnsafeMutableBufferPointer<Float>) {
    if isReversed {
      for i in stride(from: 0, to: output.count - 2, by: 3) { output.swapAt(i, i + 2) }
    }
    for c in 0..<channels {
      let mean = mean[c]
      let deviation = deviation[c]
      for i in stride(from: c, to: output.count, by: channels) {
        output[i] = (output[i] * scale - mean) / deviation
      }
    }
    subtractMeanImage(from: output)
  }

  private func subtractMeanImage(from output: UnsafeMutableBufferPointer<Float>) {
    guard let meanImage else { return }
    for i in 0..<min(output.count, meanImage.count) {
      output[i] -= meanImage[i] / deviation[i % channels]
    }
  }
}

extension PixelNormalizer {
  /// Writes an augmented sample of a picture, normalised.
  func write(
    _ source: PixelSource<UInt8>, height: Int, width: Int, augmentation: AugmentationDraw,
    index: Int, to output: UnsafeMutableBufferPointer<Float>
  ) {
    var random = SampleRandom(augmentation, index: index)
    let cleared = augmentation.augmentation.apply(
      to: source, height: height, width: width, output: output, random: &random)
    normalize(output)
    cleared?.clear(output, width: width, channels: source.channels)
  }
}
