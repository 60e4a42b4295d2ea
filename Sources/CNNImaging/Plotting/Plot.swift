import CNNLayerKit

/// Line charts in one picture, one above the other, over a common horizontal axis.
///
/// Made for training curves: a panel for the loss and one for the accuracy.
///
///     let plot = try Plot(
///       title: "Training", xLabel: "epoch",
///       panels: [
///         Plot.Panel(title: "loss", series: [
///           try Plot.Series(name: "train", x: [1, 2, 3], y: [2.1, 1.4, 1.1])
///         ])
///       ])
///     try plot.rendered().writePNG(to: "training.png")
public struct Plot: Sendable {
  /// One line: a name for the legend and points in the order in which they are connected.
  public struct Series: Sendable {
    /// How much a line stands out.
    public enum Emphasis: Sendable {
      /// A strong line.
      case normal
      /// A thin, pale line, for noisy values behind a smoothed one.
      case faint
    }

    /// The name for the legend; empty for none.
    public let name: String
    /// Horizontal positions.
    public let x: [Double]
    /// Vertical positions; the line is interrupted where they are not finite.
    public let y: [Double]
    /// The colour, or nil for the palette's next.
    public let color: Color?
    /// How much the line stands out.
    public let emphasis: Emphasis

    /// Creates a line.
    ///
    /// - Throws: `invalidArgument` if `x` and `y` differ in length.
    public init(
      name: String, x: [Double], y: [Double], color: Color? = nil, emphasis: Emphasis = .normal
    ) throws(CNNError) {
      guard x.count == y.count else {
        throw .invalidArgument(
          "plot series \"\(name)\" has \(x.count) x values and \(y.count) y values; each point "
            + "needs both")
      }
      self.name = name
      self.x = x
      self.y = y
      self.color = color
      self.emphasis = emphasis
    }
  }

  /// One chart: a title, its lines, and the range of its vertical axis.
  public struct Panel: Sendable {
    /// What the vertical axis shows.
    public var title: String
    /// The lines, drawn in this order.
    public var series: [Series]
    /// The values to show, or nil for all of the lines'.
    public var yRange: ClosedRange<Double>?

    /// Creates a chart.
    public init(title: String, series: [Series], yRange: ClosedRange<Double>? = nil) {
      self.title = title
      self.series = series
      self.yRange = yRange
    }
  }

  /// Written above everything; may be empty.
  public var title: String
  /// What the horizontal axis shows; may be empty.
  public var xLabel: String
  /// The charts from top to bottom.
  public var panels: [Panel]

  /// Describes a plot.
  ///
  /// - Throws: `invalidArgument` unless there are 1 to 8 panels.
  public init(title: String, xLabel: String = "", panels: [Panel]) throws(CNNError) {
    guard (1...8).contains(panels.count) else {
      throw .invalidArgument("a plot has 1 to 8 panels, not \(panels.count)")
    }
    self.title = title
    self.xLabel = xLabel
    self.panels = panels
  }

  /// Draws the plot as an RGB picture.
  ///
  /// - Parameters:
  ///   - width: Columns, 200 to 8192.
  ///   - height: Rows, 150 to 8192.
  ///   - scale: The size of text and lines, 0.5 to 8; twice the size on dense screens needs 2 and
  ///     twice the width and height.
  /// - Throws: `invalidArgument` for sizes out of range, or `outOfMemory`.
  public func rendered(
    width: Int = 1000, height: Int = 800, scale: Double = 1
  ) throws(CNNError) -> Image {
    let theme = try PlotTheme(width: width, height: height, scale: scale)
    let canvas = try Canvas(width: width, height: height, background: .white)
    let drawing = PlotDrawing(plot: self, canvas: canvas, theme: theme)
    drawing.draw()
    return canvas.finished()
  }

  /// The values that all panels share horizontally.
  var xRange: ClosedRange<Double> {
    finiteRange(panels.lazy.flatMap(\.series).flatMap(\.x)) ?? 0...1
  }
}

extension Plot.Panel {
  var range: ClosedRange<Double> {
    if let yRange, yRange.lowerBound.isFinite, yRange.upperBound.isFinite { return yRange }
    return finiteRange(series.lazy.flatMap(\.y)) ?? 0...1
  }

  /// The colour of each line: its own, or the palette's next that no other line claims.
  var colors: [Color] {
    PlotTheme.colors(series.map(\.color))
  }
}

/// The smallest range that holds all finite values, or nil if there is none.
private func finiteRange(_ values: some Sequence<Double>) -> ClosedRange<Double>? {
  var range: ClosedRange<Double>?
  for value in values where value.isFinite {
    range = range.map { min($0.lowerBound, value)...max($0.upperBound, value) } ?? value...value
  }
  return range
}
