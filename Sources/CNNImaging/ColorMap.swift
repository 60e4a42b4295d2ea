import CNNLayerKit

/// Colours for numbers: how a heat map is painted.
public enum ColorMap: String, Sendable, CaseIterable {
  /// From dark violet over green to yellow; equal steps look equal, in print and for colour-blind
  /// readers too. For quantities from low to high.
  case viridis
  /// From black over red to light yellow, as a glowing body. For quantities from low to high.
  case inferno
  /// From blue over light grey to red (Moreland 2009). For values around a middle, as signed
  /// contributions.
  case coolwarm
  /// From black to white.
  case grey

  /// The colour for a number between 0 and 1; numbers beyond have that of the nearer end, and what
  /// is not a number has that of 0.
  public func color(at position: Float) -> Color {
    let points = controlPoints
    let last = points.count - 1
    let place = (position.isNaN ? 0 : max(0, min(1, position))) * Float(last)
    let index = min(last - 1, Int(place))
    let fraction = place - Float(index)
    let (from, to) = (Color(hex: points[index]), Color(hex: points[index + 1]))
    func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
      UInt8(Float(a) + (Float(b) - Float(a)) * fraction + 0.5)
    }
    return Color(
      red: mix(from.red, to.red), green: mix(from.green, to.green), blue: mix(from.blue, to.blue))
  }

  /// Colours at equal distances, between which is interpolated; matplotlib's maps of the same
  /// names, at most 7 levels of 255 off in between.
  private var controlPoints: [UInt32] {
    switch self {
    case .viridis:
      [
        0x440154, 0x48186A, 0x472D7B, 0x424086, 0x3B528B, 0x33638D, 0x2C728E, 0x26828E, 0x21908C,
        0x1F9F88, 0x27AD81, 0x3EBC74, 0x5CC863, 0x82D34D, 0xAADC32, 0xD5E21A, 0xFDE725,
      ]
    case .inferno:
      [
        0x000004, 0x0B0724, 0x210C4A, 0x3D0965, 0x56106E, 0x70196E, 0x89226A, 0xA32C61, 0xBB3654,
        0xD14545, 0xE35932, 0xF1721E, 0xF98C0A, 0xFCAA0F, 0xF9C932, 0xF2E865, 0xFCFFA4,
      ]
    case .coolwarm:
      [
        0x3B4CC0, 0x4E68D8, 0x6282EA, 0x779AF7, 0x8DB0FE, 0xA3C2FE, 0xB8D0F9, 0xCCD9ED, 0xDCDCDC,
        0xEBD3C6, 0xF4C5AD, 0xF7B194, 0xF49A7B, 0xEC7F63, 0xDE614D, 0xCB3E38, 0xB40426,
      ]
    case .grey: [0x000000, 0xFFFFFF]
    }
  }
}

extension Image {
  /// Creates an image from floating-point pixels, as a network's input or a filter.
  ///
  /// - Parameters:
  ///   - values: `height * width * channels` numbers, rows first, channels interleaved (NHWC).
  ///   - width: At least 1.
  ///   - height: At least 1.
  ///   - channels: 1, 3 or 4.
  ///   - range: The numbers that become 0 and 255; numbers beyond are clamped, and what is not a
  ///     number becomes 0.
  /// - Throws: `invalidArgument` for sizes that do not fit each other or a range without extent;
  ///   `outOfMemory`.
  public init(
    values: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int,
    range: ClosedRange<Float>
  ) throws(CNNError) {
    let extent = try Image.extent(of: range)
    try Image.check(values.count, width: width, height: height, channels: channels)
    try self.init(width: width, height: height, channels: channels) { pixels throws(CNNError) in
      for i in 0..<pixels.count {
        let level = (values[i] - range.lowerBound) / extent * 255 + 0.5
        pixels[i] = level.isNaN ? 0 : UInt8(max(0, min(255, level)))
      }
    }
  }

  /// Paints a plane of numbers in colours, as an RGB image.
  ///
  /// - Parameters:
  ///   - values: `height * width` numbers, rows first.
  ///   - width: At least 1.
  ///   - height: At least 1.
  ///   - range: The numbers that have the first and the last colour.
  ///   - colorMap: The colours.
  /// - Throws: `invalidArgument` for sizes that do not fit each other or a range without extent;
  ///   `outOfMemory`.
  public init(
    heatMap values: UnsafeBufferPointer<Float>, width: Int, height: Int,
    range: ClosedRange<Float>, colorMap: ColorMap = .viridis
  ) throws(CNNError) {
    let extent = try Image.extent(of: range)
    try Image.check(values.count, width: width, height: height, channels: 1)
    let colors = (0..<256).map { colorMap.color(at: Float($0) / 255) }
    try self.init(width: width, height: height, channels: 3) { pixels throws(CNNError) in
      for i in 0..<values.count {
        let level = (values[i] - range.lowerBound) / extent * 255 + 0.5
        let color = colors[level.isNaN ? 0 : Int(max(0, min(255, level)))]
        pixels[3 * i] = color.red
        pixels[3 * i + 1] = color.green
        pixels[3 * i + 2] = color.blue
      }
    }
  }

  private static func extent(of range: ClosedRange<Float>) throws(CNNError) -> Float {
    let extent = range.upperBound - range.lowerBound
    guard extent.isFinite, extent > 0 else {
      throw .invalidArgument(
        "the range from \(range.lowerBound) to \(range.upperBound) cannot be spread over colours")
    }
    return extent
  }

  private static func check(
    _ count: Int, width: Int, height: Int, channels: Int
  ) throws(CNNError) {
    let needed = try byteCount(width: width, height: height, channels: channels, limits: .default)
    guard count == needed else {
      throw .invalidArgument(
        "an image of \(width) x \(height) x \(channels) needs \(needed) numbers, not \(count)")
    }
  }
}
