import CNNImaging
import CNNLayerKit
import Testing

/// An image whose bytes count up from 0.
func countingImage(width: Int, height: Int, channels: Int) throws -> Image {
  try Image(
    width: width, height: height, channels: channels,
    pixels: (0..<width * height * channels).map { UInt8(truncatingIfNeeded: $0) })
}

@Suite struct ImageTests {
  @Test func keepsPixels() throws {
    let image = try countingImage(width: 2, height: 3, channels: 3)
    #expect(image.pixel(x: 1, y: 2) == [15, 16, 17])
    #expect(image.pixel(x: 2, y: 0) == nil)
    #expect(image.pixel(x: 0, y: -1) == nil)
    #expect(image.withPixels { $0.count } == 18)
  }

  @Test(arguments: [
    (0, 1, 1), (1, 0, 1), (-1, 1, 1), (1, 1, 2), (1, 1, 0), (1, 1, 5), (Int.max, Int.max, 3),
    (Int.max, 1, 4), (1 << 26, 2, 1), (Int.min, Int.min, 4),
  ])
  func refusesSizes(width: Int, height: Int, channels: Int) {
    #expect {
      try Image(width: width, height: height, channels: channels) { _ in }
    } throws: { ($0 as? CNNError)?.code == .invalidArgument }
  }

  @Test func refusesWrongPixelCount() {
    #expect(throws: CNNError.self) {
      try Image(width: 2, height: 2, channels: 1, pixels: [1, 2, 3])
    }
  }

  @Test(arguments: [1, 3, 4]) func roundTripsThroughPNG(channels: Int) throws {
    let image = try countingImage(width: 17, height: 5, channels: channels)
    let decoded = try image.encodedAsPNG().withUnsafeBytes { try Image(decoding: $0) }
    #expect(decoded == image)
  }
}
