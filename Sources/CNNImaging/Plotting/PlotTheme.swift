import CNNLayerKit

/// The sizes and colours that charts share.
struct PlotTheme {
  let width: Double
  let height: Double
  let scale: Double

  /// Distinguishable for colour-blind readers too (in the order of contrast to white).
  static let palette = [
    Color(hex: 0x2F6DB5), Color(hex: 0xE07B1F), Color(hex: 0x2E9E6B), Color(hex: 0xC23B55),
    Color(hex: 0x7A5AB5), Color(hex: 0x8A6A4F), Color(hex: 0x3AAFC4), Color(hex: 0x8C8C8C),
  ]

  /// Fills in the colours that were left open.
  static func colors(_ chosen: [Color?]) -> [Color] {
    let claimed = Set(chosen.compactMap(\.self))
    let unclaimed = palette.filter { !claimed.contains($0) }
    let free = unclaimed.isEmpty ? palette : unclaimed
    var next = 0
    return chosen.map { color in
      if let color { return color }
      next += 1
      return free[(next - 1) % free.count]
    }
  }

  static let text = Color(hex: 0x2B2F36)
  static let mutedText = Color(hex: 0x636B76)
  static let grid = Color(hex: 0xE4E7EB)
  static let axis = Color(hex: 0x9AA3AE)

  init(width: Int, height: Int, scale: Double) throws(CNNError) {
    guard (200...8192).contains(width), (150...8192).contains(height) else {
      throw .invalidArgument(
        "a plot has 200 to 8192 columns and 150 to 8192 rows; \(width) x \(height) were asked for")
    }
    guard scale >= 0.5, scale <= 8 else {
      throw .invalidArgument("the scale of a plot lies between 0.5 and 8, not at \(scale)")
    }
    self.width = Double(width)
    self.height = Double(height)
    self.scale = scale
  }

  var titleStyle: TextStyle {
    TextStyle(capHeight: 13 * scale, color: PlotTheme.text, isBold: true)
  }
  var headingStyle: TextStyle {
    TextStyle(capHeight: 10 * scale, color: PlotTheme.text, isBold: true)
  }
  var labelStyle: TextStyle { TextStyle(capHeight: 9 * scale, color: PlotTheme.mutedText) }
  var legendStyle: TextStyle { TextStyle(capHeight: 9 * scale, color: PlotTheme.text) }

  /// The distance between the edge of the picture and everything else.
  var margin: Double { 20 * scale }
}

/// Part of a picture, in pixels.
struct PlotArea {
  var left: Double
  var top: Double
  var right: Double
  var bottom: Double

  var width: Double { right - left }
  var height: Double { bottom - top }
}
