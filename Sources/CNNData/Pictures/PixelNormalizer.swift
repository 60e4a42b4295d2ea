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
    // Eight pixels are as many vectors as they have channels, and then it begins anew.
    var means = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
    var deviations = means
    for i in 0..<8 {
      (means.0[i], deviations.0[i]) = (mean[i % channels], deviation[i % channels])
      (means.1[i], deviations.1[i]) = (mean[(i + 8) % channels], deviation[(i + 8) % channels])
      (means.2[i], deviations.2[i]) = (mean[(i + 16) % channels], deviation[(i + 16) % channels])
    }
    var first = 0
    if let start = output.baseAddress {
      while first + 24 <= output.count {
        let place = UnsafeMutableRawPointer(start + first)
        normalize(place, means.0, deviations.0)
        normalize(place + 32, means.1, deviations.1)
        normalize(place + 64, means.2, deviations.2)
        first += 24
      }
    }
    for i in first..<output.count {
      output[i] = (output[i] * scale - mean[i % channels]) / deviation[i % channels]
    }
    subtractMeanImage(from: output)
  }

  @inline(__always)
  private func normalize(
    _ place: UnsafeMutableRawPointer, _ mean: SIMD8<Float>, _ deviation: SIMD8<Float>
  ) {
    let values = place.loadUnaligned(as: SIMD8<Float>.self)
    place.storeBytes(of: (values * scale - mean) / deviation, as: SIMD8<Float>.self)
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
  ) throws(CNNError) {
    var random = SampleRandom(augmentation, index: index)
    let cleared = try augmentation.augmentation.apply(
      to: source, height: height, width: width, output: output, random: &random)
    normalize(output)
    cleared?.clear(output, width: width, channels: source.channels)
  }
}
