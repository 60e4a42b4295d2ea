/// The names of lines with samples of them, in rows that end at the right.
struct Legend {
  let entries: [(name: String, color: Color, isFaint: Bool)]
  let theme: PlotTheme
  /// How thick the samples are, or nil for that of lines.
  var thickness: Double?

  var rowHeight: Double { theme.legendStyle.capHeight + 8 * theme.scale }
  private var sample: Double { 18 * theme.scale }
  private var gap: Double { 6 * theme.scale }

  /// Draws as many rows as are needed, at most four, and returns their number.
  func draw(on canvas: Canvas, right: Double, baseline: Double, width: Double) -> Int {
    let style = theme.legendStyle
    let limit = max(0, min(width, 260 * theme.scale) - sample - gap)
    let named = entries.map { (style.fitted($0.name, into: limit), $0.color, $0.isFaint) }
    var rows: [[(name: String, color: Color, isFaint: Bool)]] = []
    var used = Double.infinity
    for entry in named {
      let needed = self.width(of: entry.0)
      if used + needed > width {
        if rows.count == 4 { break }
        rows.append([])
        used = 0
      }
      rows[rows.count - 1].append(entry)
      used += needed
    }
    for (index, row) in rows.enumerated() {
      let line = baseline + Double(index) * rowHeight
      var x = right + 16 * theme.scale - row.reduce(0) { $0 + self.width(of: $1.name) }
      for entry in row {
        let middle = line - style.capHeight / 2
        canvas.stroke(
          [SIMD2(x, middle), SIMD2(x + sample, middle)],
          thickness: thickness ?? (entry.isFaint ? 1.1 : 2.6) * theme.scale, color: entry.color,
          opacity: entry.isFaint ? 0.5 : 1)
        canvas.write(entry.name, x: x + sample + gap, baseline: line, style: style)
        x += self.width(of: entry.name)
      }
    }
    return rows.count
  }

  /// An entry with the space behind it.
  private func width(of name: String) -> Double {
    sample + gap + theme.legendStyle.width(of: name) + 16 * theme.scale
  }
}
