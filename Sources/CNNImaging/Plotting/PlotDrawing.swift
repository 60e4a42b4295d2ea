/// Draws a `Plot`: places its parts, then axes, lines and legends.
struct PlotDrawing {
  let plot: Plot
  let canvas: Canvas
  let theme: PlotTheme

  func draw() {
    var area = PlotArea(
      left: theme.margin, top: theme.margin, right: theme.width - theme.margin,
      bottom: theme.height - theme.margin)
    if !plot.title.isEmpty {
      let style = theme.titleStyle
      canvas.write(
        style.fitted(plot.title, into: area.width), x: area.left,
        baseline: area.top + style.capHeight,
        style: style)
      area.top += style.capHeight + 18 * theme.scale
    }
    if !plot.xLabel.isEmpty { area.bottom -= 18 * theme.scale }
    let yAxes = plot.panels.map { panel in
      Axis(
        panel.range, desiredTicks: verticalTicks(area), extendsToTicks: panel.yRange == nil)
    }
    let labelWidth =
      yAxes.flatMap { axis in axis.ticks.map { theme.labelStyle.width(of: axis.label($0)) } }
      .max() ?? 0
    // All panels begin at the same column, so that they can be compared.
    let plotLeft = area.left + labelWidth + 10 * theme.scale
    let gap = 22 * theme.scale
    let count = Double(plot.panels.count)
    let panelHeight = (area.height - gap * (count - 1)) / count
    for (index, panel) in plot.panels.enumerated() {
      let top = area.top + Double(index) * (panelHeight + gap)
      draw(
        panel, yAxis: yAxes[index],
        in: PlotArea(left: plotLeft, top: top, right: area.right, bottom: top + panelHeight),
        titleLeft: area.left)
    }
    if !plot.xLabel.isEmpty {
      let style = theme.labelStyle
      canvas.write(
        style.fitted(plot.xLabel, into: area.right - plotLeft), x: (plotLeft + area.right) / 2,
        baseline: theme.height - theme.margin, style: style, alignment: .center)
    }
  }

  private func verticalTicks(_ area: PlotArea) -> Int {
    let height = area.height / Double(plot.panels.count)
    return max(2, min(8, Int(height / (48 * theme.scale))))
  }

  private func draw(_ panel: Plot.Panel, yAxis: Axis, in area: PlotArea, titleLeft: Double) {
    let header = drawHeader(panel, in: area, titleLeft: titleLeft)
    let inner = PlotArea(
      left: area.left, top: area.top + header, right: area.right,
      bottom: area.bottom - theme.labelStyle.capHeight - 9 * theme.scale)
    guard inner.width > 10, inner.height > 10 else { return }
    let xAxis = Axis(
      plot.xRange, desiredTicks: max(2, min(12, Int(inner.width / (85 * theme.scale)))),
      extendsToTicks: false)
    drawGrid(xAxis, yAxis, in: inner)
    for (series, color) in zip(panel.series, panel.colors) {
      draw(series, color: color, xAxis, yAxis, in: inner)
    }
  }

  /// The panel's title and legend; returns the height they take.
  private func drawHeader(_ panel: Plot.Panel, in area: PlotArea, titleLeft: Double) -> Double {
    let style = theme.headingStyle
    let title = style.fitted(panel.title, into: (area.right - titleLeft) * 0.4)
    canvas.write(title, x: titleLeft, baseline: area.top + style.capHeight, style: style)
    let entries = zip(panel.series, panel.colors).filter { !$0.0.name.isEmpty }
    let legend = Legend(
      entries: entries.map { .init(name: $0.name, color: $1, isFaint: $0.emphasis == .faint) },
      width: area.right - titleLeft - style.width(of: title) - 20 * theme.scale, theme: theme)
    legend.draw(on: canvas, right: area.right, baseline: area.top + style.capHeight)
    return style.capHeight + legend.extraHeight + 14 * theme.scale
  }

  private func drawGrid(_ xAxis: Axis, _ yAxis: Axis, in area: PlotArea) {
    let style = theme.labelStyle
    let line = max(1, theme.scale.rounded())
    for tick in yAxis.ticks {
      let y = (area.bottom - yAxis.position(tick) * area.height).rounded()
      canvas.fill(x: area.left, y: y, width: area.width, height: line, color: PlotTheme.grid)
      canvas.write(
        yAxis.label(tick), x: area.left - 8 * theme.scale, baseline: y + style.capHeight / 2,
        style: style, alignment: .right)
    }
    for tick in xAxis.ticks {
      let x = (area.left + xAxis.position(tick) * area.width).rounded()
      canvas.fill(x: x, y: area.top, width: line, height: area.height, color: PlotTheme.grid)
      canvas.write(
        xAxis.label(tick), x: x, baseline: area.bottom + style.capHeight + 8 * theme.scale,
        style: style, alignment: .center)
    }
    canvas.fill(
      x: area.left, y: area.bottom.rounded(), width: area.width, height: line,
      color: PlotTheme.axis)
  }

  private func draw(
    _ series: Plot.Series, color: Color, _ xAxis: Axis, _ yAxis: Axis, in area: PlotArea
  ) {
    let thickness = (series.emphasis == .faint ? 1.1 : 2.2) * theme.scale
    let opacity = series.emphasis == .faint ? 0.4 : 1
    let runs = visibleRuns(series, xAxis, yAxis, in: area)
    canvas.strokes(runs, thickness: thickness, color: color, opacity: opacity)
    // Few points are single measurements, worth a mark each; a lone one has no line at all.
    let isSparse = series.x.count <= 30 && series.emphasis == .normal
    let dots = isSparse ? runs.flatMap { $0 } : runs.filter { $0.count == 1 }.flatMap { $0 }
    for dot in dots where dot.y >= area.top - 1 && dot.y <= area.bottom + 1 {
      canvas.stroke([dot], thickness: thickness * 2.6, color: color, opacity: opacity)
    }
  }

  /// The line in pixels, split where a value is not finite, clipped at the panel's edges.
  private func visibleRuns(
    _ series: Plot.Series, _ xAxis: Axis, _ yAxis: Axis, in area: PlotArea
  ) -> [[SIMD2<Double>]] {
    var runs: [[SIMD2<Double>]] = [[]]
    for (x, y) in zip(series.x, series.y) {
      guard x.isFinite, y.isFinite else {
        if runs.last?.isEmpty == false { runs.append([]) }
        continue
      }
      let point = SIMD2(
        area.left + xAxis.position(x) * area.width,
        area.bottom - yAxis.position(y) * area.height)
      runs[runs.count - 1].append(point)
    }
    return runs.filter { !$0.isEmpty }
      .map { condensed($0) }
      .flatMap { clipped($0, top: area.top - 1, bottom: area.bottom + 1) }
  }

  /// Leaves out points that share a column of pixels with others, except the extremes.
  private func condensed(_ run: [SIMD2<Double>]) -> [SIMD2<Double>] {
    guard run.count > Int(4 * theme.width) else { return run }
    var result: [SIMD2<Double>] = []
    var column: [SIMD2<Double>] = []
    func flush() {
      guard let first = column.first, let last = column.last else { return }
      let low = column.min { $0.y < $1.y } ?? first
      let high = column.max { $0.y < $1.y } ?? first
      result += [first, low, high, last]
      column.removeAll(keepingCapacity: true)
    }
    for point in run {
      if let first = column.first, first.x.rounded(.down) != point.x.rounded(.down) { flush() }
      column.append(point)
    }
    flush()
    return result
  }

  /// The parts of a line between two rows.
  private func clipped(
    _ run: [SIMD2<Double>], top: Double, bottom: Double
  ) -> [[SIMD2<Double>]] {
    guard run.contains(where: { $0.y < top || $0.y > bottom }) else { return [run] }
    var parts: [[SIMD2<Double>]] = []
    for (from, to) in zip(run, run.dropFirst()) {
      let (upper, lower) = from.y <= to.y ? (from, to) : (to, from)
      guard lower.y >= top, upper.y <= bottom else { continue }
      func cut(_ point: SIMD2<Double>) -> SIMD2<Double> {
        let y = max(top, min(bottom, point.y))
        guard y != point.y else { return point }
        return SIMD2(upper.x + (lower.x - upper.x) * (y - upper.y) / (lower.y - upper.y), y)
      }
      parts.append([cut(from), cut(to)])
    }
    return parts
  }
}
