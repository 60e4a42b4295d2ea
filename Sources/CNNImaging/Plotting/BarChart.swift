import CNNLayerKit

/// Horizontal bars in groups, for comparing measurements.
///
/// Each group (a network, say) has one bar per series (a program, say); the values stand at the
/// ends of the bars.
public struct BarChart: Sendable {
  /// One bar in each group.
  public struct Series: Sendable {
    /// The name for the legend.
    public let name: String
    /// One value per group, at least 0; groups whose value is not finite have no bar.
    public let values: [Double]
    /// The colour, or nil for the palette's next.
    public let color: Color?

    /// Creates a series.
    public init(name: String, values: [Double], color: Color? = nil) {
      self.name = name
      self.values = values
      self.color = color
    }
  }

  /// Written above everything; may be empty.
  public var title: String
  /// What the values are, with the unit: "images per second".
  public var valueLabel: String
  /// The names of the groups from top to bottom.
  public let groups: [String]
  /// The series, drawn in this order within each group.
  public let series: [Series]

  /// Describes a bar chart.
  ///
  /// - Throws: `invalidArgument` if there are no groups or series, more than 1000 bars, a series
  ///   does not have one value per group, or a value is negative.
  public init(
    title: String, valueLabel: String = "", groups: [String], series: [Series]
  ) throws(CNNError) {
    guard !groups.isEmpty, !series.isEmpty, groups.count <= 1000, series.count <= 1000,
      groups.count * series.count <= 1000
    else {
      throw .invalidArgument(
        "a bar chart has 1 to 1000 bars, not \(groups.count) groups of \(series.count)")
    }
    for one in series {
      guard one.values.count == groups.count else {
        throw .invalidArgument(
          "bar chart series \"\(one.name)\" has \(one.values.count) values for \(groups.count) "
            + "groups")
      }
      guard !one.values.contains(where: { $0 < 0 }) else {
        throw .invalidArgument("bar chart series \"\(one.name)\" contains a negative value")
      }
    }
    self.title = title
    self.valueLabel = valueLabel
    self.groups = groups
    self.series = series
  }

  /// Draws the chart as an RGB picture; its height follows from the number of bars.
  ///
  /// - Parameters:
  ///   - width: Columns, 200 to 8192.
  ///   - scale: The size of text and bars, 0.5 to 8.
  /// - Throws: `invalidArgument` for sizes out of range or a chart of more than 8192 rows, or
  ///   `outOfMemory`.
  public func rendered(width: Int = 1000, scale: Double = 1) throws(CNNError) -> Image {
    // The scale is checked first, so that it cannot make the height absurd.
    let measures = try PlotTheme(width: width, height: 150, scale: scale)
    let layout = BarLayout(chart: self, theme: measures)
    guard let height = Int(exactly: layout.height.rounded(.up)), height <= 8192 else {
      throw .invalidArgument(
        "a bar chart of \(groups.count * series.count) bars at scale \(scale) would have more than "
          + "8192 rows")
    }
    let canvas = try Canvas(width: width, height: max(150, height), background: .white)
    layout.draw(on: canvas)
    return canvas.finished()
  }
}

/// The places of a bar chart's parts.
private struct BarLayout {
  let chart: BarChart
  let theme: PlotTheme

  private var barHeight: Double { 18 * theme.scale }
  private var barGap: Double { 3 * theme.scale }
  private var groupGap: Double { 16 * theme.scale }
  private var groupHeight: Double {
    Double(chart.series.count) * (barHeight + barGap) - barGap
  }
  private var headerHeight: Double {
    (chart.title.isEmpty ? 0 : theme.titleStyle.capHeight + 18 * theme.scale)
      + (showsLegend
        ? theme.legendStyle.capHeight + legend.extraHeight + 18 * theme.scale : 0)
  }
  private var legend: Legend {
    Legend(
      entries: zip(chart.series, colors).map { .init(name: $0.name, color: $1) },
      width: theme.width - 2 * theme.margin, theme: theme, showsBoxes: true)
  }
  private var showsLegend: Bool { chart.series.count > 1 }
  private var footerHeight: Double { (chart.valueLabel.isEmpty ? 24 : 44) * theme.scale }

  var height: Double {
    2 * theme.margin + headerHeight + footerHeight
      + Double(chart.groups.count) * (groupHeight + groupGap)
  }

  private var colors: [Color] { PlotTheme.colors(chart.series.map(\.color)) }

  func draw(on canvas: Canvas) {
    let right = theme.width - theme.margin
    drawHeader(on: canvas, right: right)
    let style = theme.legendStyle
    let names = chart.groups.map { style.fitted($0, into: theme.width * 0.35) }
    let left = theme.margin + (names.map(style.width).max() ?? 0) + 12 * theme.scale
    let top = theme.margin + headerHeight
    let bottom = top + Double(chart.groups.count) * (groupHeight + groupGap)
    let largest = chart.series.flatMap(\.values).filter(\.isFinite).max() ?? 0
    let room = right - left - 60 * theme.scale
    let axis = Axis(
      0...(largest > 0 ? largest : 1),
      desiredTicks: max(2, Int(room / (110 * theme.scale))), extendsToTicks: false)
    let area = PlotArea(left: left, top: top, right: left + max(10, room), bottom: bottom)
    drawGrid(axis, in: area, on: canvas)
    for (group, name) in names.enumerated() {
      let y = top + groupGap / 2 + Double(group) * (groupHeight + groupGap)
      canvas.write(
        name, x: left - 10 * theme.scale,
        baseline: y + groupHeight / 2 + style.capHeight / 2, style: style, alignment: .right)
      drawBars(group: group, y: y, axis: axis, in: area, on: canvas)
    }
  }

  private func drawHeader(on canvas: Canvas, right: Double) {
    var baseline = theme.margin
    if !chart.title.isEmpty {
      let style = theme.titleStyle
      canvas.write(
        style.fitted(chart.title, into: right - theme.margin), x: theme.margin,
        baseline: baseline + style.capHeight, style: style)
      baseline += style.capHeight + 18 * theme.scale
    }
    guard showsLegend else { return }
    legend.draw(
      on: canvas, right: right, baseline: baseline + theme.legendStyle.capHeight)
  }

  private func drawGrid(_ axis: Axis, in area: PlotArea, on canvas: Canvas) {
    let style = theme.labelStyle
    let line = max(1, theme.scale.rounded())
    for tick in axis.ticks {
      let x = (area.left + axis.position(tick) * area.width).rounded()
      canvas.fill(x: x, y: area.top, width: line, height: area.height, color: PlotTheme.grid)
      canvas.write(
        axis.label(tick), x: x, baseline: area.bottom + style.capHeight + 8 * theme.scale,
        style: style, alignment: .center)
    }
    if !chart.valueLabel.isEmpty {
      canvas.write(
        style.fitted(chart.valueLabel, into: theme.width - 2 * theme.margin),
        x: (area.left + area.right) / 2, baseline: area.bottom + 36 * theme.scale, style: style,
        alignment: .center)
    }
  }

  private func drawBars(
    group: Int, y: Double, axis: Axis, in area: PlotArea, on canvas: Canvas
  ) {
    let style = theme.labelStyle
    for (index, series) in chart.series.enumerated() {
      let value = series.values[group]
      guard value.isFinite else { continue }
      let top = (y + Double(index) * (barHeight + barGap)).rounded()
      let length = max(theme.scale, axis.position(value) * area.width)
      canvas.fill(
        x: area.left, y: top, width: length, height: barHeight, color: colors[index])
      canvas.write(
        barLabel(value), x: area.left + length + 6 * theme.scale,
        baseline: top + (barHeight + style.capHeight) / 2, style: style)
    }
  }

  /// The value with about three digits.
  private func barLabel(_ value: Double) -> String {
    value >= 100 || value == 0
      ? fixed(value, decimals: 0)
      : fixed(value, decimals: value >= 10 ? 1 : value >= 1 ? 2 : 3)
  }
}
