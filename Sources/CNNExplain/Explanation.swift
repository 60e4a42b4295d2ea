public import CNNImaging
public import CNNLayerKit

/// What made a model decide as it did about a photo.
public struct Explanation: Sendable {
  /// The name of the method that found it.
  public let method: String
  /// The number of the class that is explained.
  public let classIndex: Int
  /// The name of that class; empty if the model has none.
  public let label: String
  /// How likely the class is.
  public let probability: Float
  /// What the map explains: the class's score before the softmax, or for occlusion its probability.
  public let score: Float
  /// How much each pixel of the photo matters; of the photo's size, 0 where the network did not look.
  public let map: Heatmap
  /// The number that has the strongest colour of an overlay.
  public let strongest: Float
  /// The photo.
  public let photo: Image

  /// Paints the map over the photo.
  ///
  /// The colours go from 0 to `strongest`; numbers below 0 have the colour of 0.
  /// - Parameters:
  ///   - opacity: From 0, the photo alone, to 1, the map alone.
  ///   - colorMap: The colours.
  /// - Returns: A picture of the photo's size, RGB.
  /// - Throws: `invalidArgument` for another opacity, `outOfMemory`.
  public func overlay(
    opacity: Double = 0.5, colorMap: ColorMap = .inferno
  ) throws(CNNError) -> Image {
    guard opacity >= 0, opacity <= 1 else {
      throw .invalidArgument("the opacity is \(opacity), and must be from 0 to 1")
    }
    let share = Int32((opacity * 256).rounded())
    let background = try photo.converted(to: .rgb)
    // For each level what is added to the photo's part of red, green and blue.
    let colors = (0..<256).map { level -> SIMD4<Int32> in
      let color = colorMap.color(at: Float(level) / 255)
      return SIMD4(Int32(color.red), Int32(color.green), Int32(color.blue), 0) &* share &+ 128
    }
    let scale = strongest > 0 ? 255 / strongest : 0
    let (width, height) = (photo.width, photo.height)
    return try Image(
      width: width, height: height, channels: 3, limits: Image.Limits(maximumPixels: width * height)
    ) { pixels in
      background.withPixels { source in
        map.withValues { values in
          for index in 0..<min(values.count, source.count / 3) {
            let level = max(0, min(255, values[index] * scale + 0.5))
            let color = colors[level.isNaN ? 0 : Int(level)]
            for c in 0..<3 {
              let mixed = Int32(source[3 * index + c]) &* (256 - share) &+ color[c]
              pixels[3 * index + c] = UInt8(truncatingIfNeeded: mixed &>> 8)
            }
          }
        }
      }
    }
  }
}
