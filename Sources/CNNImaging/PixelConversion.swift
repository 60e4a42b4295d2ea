import CNNLayerKit

/// A colour: red, green and blue, 0 to 255 each.
public struct Color: Sendable, Hashable {
  /// Red.
  public var red: UInt8
  /// Green.
  public var green: UInt8
  /// Blue.
  public var blue: UInt8

  /// Creates a colour from its parts.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// Creates a colour from a number as it is written on the web: `Color(hex: 0xFF8000)` is orange.
  public init(hex: UInt32) {
    red = UInt8(truncatingIfNeeded: hex >> 16)
    green = UInt8(truncatingIfNeeded: hex >> 8)
    blue = UInt8(truncatingIfNeeded: hex)
  }

  /// Black.
  public static let black = Color(hex: 0x000000)
  /// White.
  public static let white = Color(hex: 0xFFFFFF)

  /// The brightness, as `Image.converted` computes it.
  var grey: UInt8 { luminance(red, green, blue) }
}

/// The luma of ITU-R BT.601 in 16-bit fixed point, rounded.
private func luminance(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
  let sum = 19595 * UInt32(red) + 38470 * UInt32(green) + 7471 * UInt32(blue) + 0x8000
  return UInt8(truncatingIfNeeded: sum >> 16)
}

extension Image {
  /// The meaning of an image's channels.
  public enum PixelFormat: Int, Sendable, CaseIterable {
    /// One channel, brightness.
    case grey = 1
    /// Red, green, blue.
    case rgb = 3
    /// Red, green, blue, and opacity (0 is transparent).
    case rgba = 4
  }

  /// The meaning of the channels.
  public var format: PixelFormat { PixelFormat(rawValue: channels) ?? .rgb }

  /// Converts to another pixel format.
  ///
  /// Colour becomes grey as 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as Pillow and OpenCV do).
  /// Losing its alpha channel, a picture is laid over `background`; gaining one, it is opaque.
  ///
  /// - Parameters:
  ///   - format: What to convert to.
  ///   - background: What shows through transparent pixels.
  /// - Throws: `outOfMemory`.
  public func converted(
    to format: PixelFormat, background: Color = .white
  ) throws(CNNError) -> Image {
    if format == self.format { return self }
    let from = channels
    let to = format.rawValue
    return try derived(width: width, height: height, channels: to) { source, target in
      var input = source
      var output = target
      for _ in 0..<width * height {
        let pixel = readPixel(input, channels: from, background: to == 4 ? nil : background)
        if to == 1 {
          output[0] = from == 1 ? input[0] : luminance(pixel.x, pixel.y, pixel.z)
        } else {
          output[0] = pixel.x
          output[1] = pixel.y
          output[2] = pixel.z
          if to == 4 { output[3] = pixel.w }
        }
        input += from
        output += to
      }
    }
  }

  /// Cuts out a rectangle.
  ///
  /// - Parameters:
  ///   - x: The first column.
  ///   - y: The first row.
  ///   - width: The number of columns, at least 1.
  ///   - height: The number of rows, at least 1.
  /// - Throws: `invalidArgument` if the rectangle is not inside of the image, or `outOfMemory`.
  public func cropped(x: Int, y: Int, width: Int, height: Int) throws(CNNError) -> Image {
    guard x >= 0, y >= 0, width >= 1, height >= 1, width <= self.width, height <= self.height,
      x <= self.width - width, y <= self.height - height
    else {
      throw .invalidArgument(
        "a crop of \(width) x \(height) at column \(x), row \(y) does not lie inside of the image "
          + "of \(self.width) x \(self.height)")
    }
    if width == self.width, height == self.height { return self }
    let rowBytes = width * channels
    let stride = self.width * channels
    let first = (y * self.width + x) * channels
    return try derived(width: width, height: height, channels: channels) { source, target in
      for row in 0..<height {
        (target + row * rowBytes).update(from: source + first + row * stride, count: rowBytes)
      }
    }
  }

  /// Lays the image on a larger canvas of one colour; the rectangle is known to fit.
  func placed(
    onCanvasOfWidth canvasWidth: Int, height canvasHeight: Int, x: Int, y: Int, color: Color
  ) throws(CNNError) -> Image {
    let channels = channels
    let rowBytes = width * channels
    return try derived(width: canvasWidth, height: canvasHeight, channels: channels) {
      source, target in
      let fill: [UInt8] =
        channels == 1 ? [color.grey] : [color.red, color.green, color.blue, 255]
      for pixel in 0..<canvasWidth * canvasHeight {
        for c in 0..<channels { target[pixel * channels + c] = fill[c] }
      }
      for row in 0..<height {
        (target + ((y + row) * canvasWidth + x) * channels)
          .update(from: source + row * rowBytes, count: rowBytes)
      }
    }
  }
}

/// Red, green, blue, alpha of one pixel, laid over `background` if there is one.
@inline(__always)
private func readPixel(
  _ input: UnsafePointer<UInt8>, channels: Int, background: Color?
) -> SIMD4<UInt8> {
  switch channels {
  case 1: return SIMD4(input[0], input[0], input[0], 255)
  case 3: return SIMD4(input[0], input[1], input[2], 255)
  default:
    let alpha = UInt32(input[3])
    guard let background else { return SIMD4(input[0], input[1], input[2], input[3]) }
    func over(_ value: UInt8, _ behind: UInt8) -> UInt8 {
      UInt8(
        truncatingIfNeeded: (UInt32(value) * alpha + UInt32(behind) * (255 - alpha) + 127) / 255)
    }
    return SIMD4(
      over(input[0], background.red), over(input[1], background.green),
      over(input[2], background.blue), 255)
  }
}
