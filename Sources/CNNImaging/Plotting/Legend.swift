/// The names of lines or bars with samples of them, in rows that end at the right.
struct Legend {
  /// A name and what it stands for.
  struct Entry {
    var name: String
    let color: Color
    var isFaint = false
  }

  let theme: PlotTheme
  /// Whether the samples are boxes, as for bars, or lines.
  let showsBoxes: Bool
  private let rows: [[Entry]]

  /// Distributes the entries over as many rows as are needed, at most four.
  init(entries: [Entry], width: Double, theme: PlotTheme, showsBoxes: Bool = false) {
    self.theme = theme
    self.showsBoxes = showsBoxes
    var rows: [[Entry]] = []
    var used = Double.infinity
    let limit = max(0, min(width, 300 * theme.scale))
    for var entry in entries {
      let style = theme.legendStyle
      let frame = Legend.sample(theme, showsBoxes) + Legend.gap(theme)
      entry.name = style.fitted(entry.name, into: limit - frame)
      let needed = frame + style.width(of: entry.name) + Legend.separation(theme)
      // The space behind the last entry of a row may lie outside.
      if used + needed > width + Legend.separation(theme) {
        if rows.count == 4 { break }
        rows.append([])
        used = 0
      }
      rows[rows.count - 1].append(entry)
      used += needed
    }
    self.rows = rows
  }

  /// The distance between the first and the last baseline.
  var extraHeight: Double { Double(max(0, rows.count - 1)) * rowHeight }

  private var rowHeight: Double { theme.legendStyle.capHeight + 8 * theme.scale }
  private static func gap(_ theme: PlotTheme) -> Double { 6 * theme.scale }
  private static func separation(_ theme: PlotTheme) -> Double { 16 * theme.scale }
  private static func sample(_ theme: PlotTheme, _ isBox: Bool) -> Double {
    (isBox ? 10 : 18) * theme.scale
  }

  /// Draws the first row on `baseline`, the others below it.
  func draw(on canvas: Canvas, right: Double, baseline: Double) {
    let style = theme.legendStyle
    let frame = Legend.sample(theme, showsBoxes) + Legend.gap(theme)
    for (index, row) in rows.enumerated() {
      let line = baseline + Double(index) * rowHeight
      var x =
        right + Legend.separation(theme)
        - row.reduce(0) { $0 + frame + style.width(of: $1.name) + Legend.separation(theme) }
      for entry in row {
        drawSample(of: entry, x: x, baseline: line, on: canvas)
        canvas.write(entry.name, x: x + frame, baseline: line, style: style)
        x += frame + style.width(of: entry.name) + Legend.separation(theme)
      }
    }
  }

  private func drawSample(of entry: Entry, x: Double, baseline: Double, on canvas: Canvas) {
    let size = Legend.sample(theme, showsBoxes)
    let middle = baseline - theme.legendStyle.capHeight / 2
    if showsBoxes {
      canvas.fill(
        x: x.rounded(), y: (middle - size / 2).rounded(), width: size, height: size,
        color: entry.color)
    } else {
      canvas.stroke(
        [SIMD2(x, middle), SIMD2(x + size, middle)],
        thickness: (entry.isFaint ? 1.1 : 2.6) * theme.scale, color: entry.color,
        opacity: entry.isFaint ? 0.5 : 1)
    }
  }
}
