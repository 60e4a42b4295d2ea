/// A font of pen strokes for the printable ASCII characters, drawn smoothly at any size.
///
/// The unit is a tenth of the height of a capital letter. The baseline is at 0, small letters reach
/// up to 7, capitals and digits to 10, descenders down to -3.
enum StrokeFont {
  /// The strokes of one character.
  struct Glyph {
    /// The width of the strokes; the next character begins `spacing` further.
    let width: Double
    /// Lines through points; a single point is a dot.
    let strokes: [[SIMD2<Double>]]
  }

  /// The distance between the strokes of neighbouring characters.
  static let spacing = 2.1

  /// The glyph of a character; those beyond ASCII are shown as an empty box.
  static func glyph(for character: Character) -> Glyph {
    guard let code = character.asciiValue, code >= 32, Int(code) - 32 < glyphs.count else {
      return missing
    }
    return glyphs[Int(code) - 32]
  }

  private static let missing = parse("6 -0d6d6n0n0d")
  private static let glyphs = descriptions.map(parse)

  /// Reads a description of a glyph.
  ///
  /// First comes the width, then strokes of points, each a digit for x and a letter for y: "a" is
  /// -3, "d" the baseline, "k" 7, "n" 10. The first character of a stroke is its kind: `-` straight
  /// lines, `~` a curve, `o` a closed curve, `.` a dot.
  private static func parse(_ description: String) -> Glyph {
    let parts = description.split(separator: " ")
    let width = parts.first.flatMap { Double($0) } ?? 0
    return Glyph(width: width, strokes: parts.dropFirst().map(parseStroke))
  }

  private static func parseStroke(_ stroke: Substring) -> [SIMD2<Double>] {
    let bytes = Array(stroke.utf8)
    let points = stride(from: 1, to: bytes.count - 1, by: 2).map { i in
      SIMD2(
        Double(bytes[i]) - Double(UInt8(ascii: "0")),
        Double(bytes[i + 1]) - Double(UInt8(ascii: "d")))
    }
    switch bytes.first {
    case UInt8(ascii: "~"): return curve(points)
    case UInt8(ascii: "o"): return closedCurve(points)
    default: return points
    }
  }

  /// A quadratic B-spline from the first to the last of the control points.
  private static func curve(_ control: [SIMD2<Double>]) -> [SIMD2<Double>] {
    guard control.count >= 3 else { return control }
    var line = [control[0]]
    for i in 1..<control.count - 1 {
      let from = i == 1 ? control[0] : (control[i - 1] + control[i]) / 2
      let to = i == control.count - 2 ? control[i + 1] : (control[i] + control[i + 1]) / 2
      appendArc(from, control[i], to, to: &line)
    }
    return line
  }

  private static func closedCurve(_ control: [SIMD2<Double>]) -> [SIMD2<Double>] {
    guard let first = control.first, let last = control.last else { return [] }
    var line = [(last + first) / 2]
    for i in 0..<control.count {
      let from = (control[(i + control.count - 1) % control.count] + control[i]) / 2
      let to = (control[i] + control[(i + 1) % control.count]) / 2
      appendArc(from, control[i], to, to: &line)
    }
    return line
  }

  private static func appendArc(
    _ from: SIMD2<Double>, _ control: SIMD2<Double>, _ to: SIMD2<Double>,
    to line: inout [SIMD2<Double>]
  ) {
    let steps = 8
    for step in 1...steps {
      let t = Double(step) / Double(steps)
      let blended = from * ((1 - t) * (1 - t)) + control * (2 * t * (1 - t))
      line.append(blended + to * (t * t))
    }
  }

  /// The characters from space (32) to tilde (126).
  private static let descriptions = [
    "2",
    "0 -0n0g .0d",
    "2 -0n0k -2n2k",
    "7 -3n1d -6n4d -0k7k -0g7g",
    "6 ~6l5n0n0i6i6d1d0f -3o3c",
    "8 -7n1d o0n3n3j0j o5h8h8d5d",
    "8 ~8d3i1k1n5n5k2i0h0d6d8i",
    "0 -0n0k",
    "2 ~2o0l0e2b",
    "2 ~0o2l2e0b",
    "4 -2n2h -0m4i -0i4m",
    "6 -3k3e -0h6h",
    "1 -1e0b",
    "4 -0h4h",
    "0 .0d",
    "4 -0c4o",
    "6 o0n6n6d0d",
    "6 -1l3n3d -1d5d",
    "6 ~0k0n6n6i0d -0d6d",
    "6 ~0l1n6n6i2i ~2i6i6d0d0f",
    "6 -5d5n0g6g",
    "6 -5n1n1i ~1i2k6k6d1d0f",
    "6 o0j6j6d0d ~5n1m0g",
    "6 -0n6n2d",
    "6 o1n5n5i1i o0i6i6d0d",
    "6 o0n6n6h0h ~1d5e6k",
    "0 .0d .0j",
    "1 -1e0b .1j",
    "5 -5k0h5e",
    "6 -0j6j -0f6f",
    "5 -0k5h0e",
    "5 ~0l1n5n5j2i2f .2d",
    "9 ~8c0b0n9n9e6e6j o3k6k6e3e",
    "8 -0d4n8d -1g7g",
    "6 -3d0d0n3n ~3n6n6i3i -3i0i ~3i6i6d3d",
    "7 ~7l6n0n0d6d7f",
    "7 -3d0d0n3n ~3n7n7d3d",
    "5 -5n0n0d5d -0i4i",
    "5 -5n0n0d -0i4i",
    "7 ~7l6n0n0d7d7h -7h4h",
    "6 -0d0n -6d6n -0i6i",
    "0 -0d0n",
    "4 -4n4g ~4g4d0d0f",
    "6 -0d0n -6n0g -2i6d",
    "5 -0n0d5d",
    "8 -0d0n4e8n8d",
    "6 -0d0n6d6n",
    "8 o0n8n8d0d",
    "6 -0d0n3n ~3n6n6h3h -3h0h",
    "8 o0n8n8d0d -5g8c",
    "6 -0d0n3n ~3n6n6h3h -3h0h -3h6d",
    "6 ~6l5n0n0i6i6d1d0f",
    "6 -0n6n -3n3d",
    "6 -0n0g ~0g0d6d6g -6g6n",
    "6 -0n3d6n",
    "8 -0n2d4n6d8n",
    "6 -0n6d -6n0d",
    "6 -0n3i6n -3i3d",
    "6 -0n6n0d6d",
    "2 -2o0o0b2b",
    "4 -0o4c",
    "2 -0o2o2b0b",
    "4 -0k2n4k",
    "6 -0b6b",
    "1 -0n1l",
    "5 o0k5k5d0d -5k5d",
    "5 -0n0d o0k5k5d0d",
    "5 ~5j4k0k0d4d5e",
    "5 -5n5d o0k5k5d0d",
    "5 -0h5h ~5h5k0k0d4d5e",
    "3 ~3n1n1j -1j1d -0k3k",
    "5 o0k5k5d0d -5k5d ~5d5a0a0b",
    "5 -0n0d ~0h0k5k5h -5h5d",
    "0 -0k0d .0n",
    "1 -1k1c ~1c1a0a .1n",
    "5 -0n0d -4k0g -1h5d",
    "0 -0n0d",
    "8 -0k0d ~0h0k4k4h -4h4d ~4h4k8k8h -8h8d",
    "5 -0k0d ~0h0k5k5h -5h5d",
    "5 o0k5k5d0d",
    "5 -0k0a o0k5k5d0d",
    "5 -5k5a o0k5k5d0d",
    "3 -0k0d ~0h0k3k",
    "4 ~4j3k0k0h4h4d1d0e",
    "3 -1n1f ~1f1d3d -0k3k",
    "5 -0k0g ~0g0d5d5g -5k5d",
    "4 -0k2d4k",
    "8 -0k2d4k6d8k",
    "5 -0k5d -5k0d",
    "4 -4k1a -0k2d",
    "5 -0k5k0d5d",
    "3 ~3o1o1i0h ~0h1h1b3b",
    "0 -0o0b",
    "3 ~0o2o2i3h ~3h2h2b0b",
    "6 ~0g2k4d6i",
  ]
}
