import CNNLayerKit

/// An RGB picture to draw on, with antialiased lines and text.
///
/// Coordinates are in pixels from the top left corner; points outside of the picture and numbers
/// that are not finite are allowed and draw nothing.
final class Canvas {
  let width: Int
  let height: Int
  private let storage: ByteBuffer
  private let pixels: UnsafeMutableBufferPointer<UInt8>
  /// The coverage of the path being drawn; all 0 in between.
  private let coverageStorage: ByteBuffer
  private let coverage: UnsafeMutableBufferPointer<UInt8>

  init(width: Int, height: Int, background: Color) throws(CNNError) {
    let bytes = try Image.byteCount(width: width, height: height, channels: 3, limits: .default)
    storage = try ByteBuffer(uninitializedCount: bytes, for: "a plot")
    coverageStorage = try ByteBuffer(uninitializedCount: bytes / 3, for: "a plot")
    pixels = storage.mutableBytes.bindMemory(to: UInt8.self)
    coverage = coverageStorage.mutableBytes.bindMemory(to: UInt8.self)
    self.width = width
    self.height = height
    coverage.initialize(repeating: 0)
    for pixel in stride(from: 0, to: bytes, by: 3) {
      pixels[pixel] = background.red
      pixels[pixel + 1] = background.green
      pixels[pixel + 2] = background.blue
    }
  }

  /// The finished picture, after which nothing may be drawn any more.
  func finished() -> Image {
    Image(width: width, height: height, channels: 3, storage: storage)
  }

  /// Fills a rectangle; its edges may lie between pixels.
  func fill(
    x: Double, y: Double, width: Double, height: Double, color: Color, opacity: Double = 1
  ) {
    guard width > 0, height > 0 else { return }
    for row in rows(y, y + height) {
      let vertical = min(Double(row) + 1, y + height) - max(Double(row), y)
      for column in columns(x, x + width) {
        let horizontal = min(Double(column) + 1, x + width) - max(Double(column), x)
        blend(row * self.width + column, color, vertical * horizontal * opacity)
      }
    }
  }

  /// Draws connected lines with round ends and corners; a single point is a dot.
  func stroke(
    _ path: [SIMD2<Double>], thickness: Double, color: Color, opacity: Double = 1
  ) {
    strokes([path], thickness: thickness, color: color, opacity: opacity)
  }

  /// Draws several paths as one shape: where they cross, nothing gets darker.
  func strokes(
    _ paths: [[SIMD2<Double>]], thickness: Double, color: Color, opacity: Double = 1
  ) {
    var touched: (columns: Range<Int>, rows: Range<Int>)?
    for path in paths {
      guard let first = path.first else { continue }
      var from = first
      for to in path.count == 1 ? path[...] : path.dropFirst() {
        if let area = cover(from, to, radius: thickness / 2) {
          touched =
            touched.map { (union($0.columns, area.columns), union($0.rows, area.rows)) } ?? area
        }
        from = to
      }
    }
    guard let touched else { return }
    for row in touched.rows {
      for column in touched.columns {
        let index = row * width + column
        if coverage[index] > 0 {
          blend(index, color, Double(coverage[index]) / 255 * opacity)
          coverage[index] = 0
        }
      }
    }
  }

  /// Raises the coverage of the pixels near a segment to how much of them it covers.
  private func cover(
    _ from: SIMD2<Double>, _ to: SIMD2<Double>, radius: Double
  ) -> (columns: Range<Int>, rows: Range<Int>)? {
    guard from.x.isFinite, from.y.isFinite, to.x.isFinite, to.y.isFinite else { return nil }
    let reach = radius + 1
    let columns = columns(min(from.x, to.x) - reach, max(from.x, to.x) + reach)
    let rows = rows(min(from.y, to.y) - reach, max(from.y, to.y) + reach)
    guard !columns.isEmpty, !rows.isEmpty else { return nil }
    let direction = to - from
    let lengthSquared = (direction * direction).sum()
    for row in rows {
      for column in columns {
        let offset = SIMD2(Double(column) + 0.5, Double(row) + 0.5) - from
        let along =
          lengthSquared > 0 ? max(0, min(1, (offset * direction).sum() / lengthSquared)) : 0
        let away = offset - direction * along
        let covered = radius + 0.5 - (away * away).sum().squareRoot()
        guard covered > 0 else { continue }
        let index = row * width + column
        coverage[index] = max(coverage[index], UInt8(min(1, covered) * 255))
      }
    }
    return (columns, rows)
  }

  private func blend(_ index: Int, _ color: Color, _ opacity: Double) {
    let amount = max(0, min(1, opacity))
    func mix(_ old: UInt8, _ new: UInt8) -> UInt8 {
      UInt8(max(0, min(255, Double(old) + (Double(new) - Double(old)) * amount + 0.5)))
    }
    pixels[3 * index] = mix(pixels[3 * index], color.red)
    pixels[3 * index + 1] = mix(pixels[3 * index + 1], color.green)
    pixels[3 * index + 2] = mix(pixels[3 * index + 2], color.blue)
  }

  private func columns(_ from: Double, _ to: Double) -> Range<Int> { clipped(from, to, width) }
  private func rows(_ from: Double, _ to: Double) -> Range<Int> { clipped(from, to, height) }

  /// The pixels between two coordinates, as far as the picture reaches.
  private func clipped(_ from: Double, _ to: Double, _ size: Int) -> Range<Int> {
    guard from < to else { return 0..<0 }
    let first = max(0, min(Double(size), from.rounded(.down)))
    let end = max(first, min(Double(size), to.rounded(.up)))
    return Int(first)..<Int(end)
  }

  private func union(_ a: Range<Int>, _ b: Range<Int>) -> Range<Int> {
    min(a.lowerBound, b.lowerBound)..<max(a.upperBound, b.upperBound)
  }
}

/// How text looks: its size and weight.
///
/// The strokes of letters are fitted to whole pixels: without that, small text is blurred and its
/// letters stand at uneven distances.
struct TextStyle {
  /// The height of a capital letter in pixels.
  var capHeight: Double
  var color: Color
  var isBold = false

  private var unit: Double { capHeight / 10 }

  /// The width of the pen in pixels.
  var thickness: Double { max(1, capHeight * (isBold ? 0.18 : 0.12)) }

  /// The distance between the strokes of neighbouring letters.
  private var spacing: Double {
    (StrokeFont.spacing * unit + thickness * (isBold ? 0.6 : 0.25)).rounded()
  }

  /// The distance between the first and the last stroke of a letter.
  private func width(of glyph: StrokeFont.Glyph) -> Double { (glyph.width * unit).rounded() }

  /// How far the next letter is to the right.
  func advance(of glyph: StrokeFont.Glyph) -> Double { width(of: glyph) + spacing }

  /// The width of a line of text in pixels.
  func width(of text: some StringProtocol) -> Double {
    guard !text.isEmpty else { return 0 }
    return text.reduce(thickness - spacing) { $0 + advance(of: StrokeFont.glyph(for: $1)) }
  }

  /// As much of a text as fits into a width, with an ellipsis if something was cut off.
  func fitted(_ text: String, into limit: Double) -> String {
    let ellipsis = "..."
    let roomBeforeEllipsis = limit - width(of: ellipsis) - spacing
    // The longest beginning that fits alone and before an ellipsis; texts may be of any length.
    var used = thickness - spacing
    var end = text.startIndex
    for index in text.indices {
      used += advance(of: StrokeFont.glyph(for: text[index]))
      if used <= roomBeforeEllipsis { end = text.index(after: index) }
      if used > limit { return end == text.startIndex ? "" : text[..<end] + ellipsis }
    }
    return text
  }

  /// The strokes of a letter in pixels, from its origin to the right and upwards.
  func strokes(of glyph: StrokeFont.Glyph) -> [[SIMD2<Double>]] {
    let horizontal = glyph.width > 0 ? width(of: glyph) / glyph.width : unit
    // Small letters end at a whole pixel as well as capitals, the pen's upper edge included.
    let small = (7 * unit - thickness).rounded()
    let capital = (10 * unit - thickness).rounded()
    return glyph.strokes.map { stroke in
      stroke.map { point in
        let y =
          point.y <= 7
          ? point.y / 7 * small : small + (point.y - 7) / 3 * (capital - small)
        return SIMD2(point.x * horizontal, y)
      }
    }
  }
}

extension Canvas {
  enum Alignment { case left, center, right }

  /// Writes a line of text.
  ///
  /// - Parameters:
  ///   - text: Printable ASCII characters; others are shown as boxes.
  ///   - x: Where the text begins, has its middle, or ends, as `alignment` says.
  ///   - baseline: The row on which letters stand.
  func write(
    _ text: String, x: Double, baseline: Double, style: TextStyle, alignment: Alignment = .left
  ) {
    var left = x
    switch alignment {
    case .left: break
    case .center: left -= style.width(of: text) / 2
    case .right: left -= style.width(of: text)
    }
    // The edges of strokes lie between pixels.
    var origin = left.rounded() + style.thickness / 2
    let ground = baseline.rounded() - style.thickness / 2
    for character in text {
      let glyph = StrokeFont.glyph(for: character)
      let paths = style.strokes(of: glyph).map { stroke in
        stroke.map { SIMD2(origin + $0.x, ground - $0.y) }
      }
      strokes(paths, thickness: style.thickness, color: style.color)
      origin += style.advance(of: glyph)
    }
  }
}
