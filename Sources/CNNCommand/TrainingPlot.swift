import CNNImaging
import CNNLayerKit
import CNNTraining

/// The picture of a run: loss above, accuracy below.
enum TrainingPlot {
  private static let trainingColor = Color(hex: 0x2F6DB5)
  private static let validationColor = Color(hex: 0xE07B24)

  /// Writes the picture as PNG.
  static func write(_ history: History, title: String, to path: String) throws(CNNError) {
    var panels = [Plot.Panel(title: "loss", series: try lossSeries(history))]
    let accuracy = try [
      series("training", trainingColor, history) { $0.accuracy.map { $0 * 100 } },
      series("validation", validationColor, history) { $0.validationAccuracy.map { $0 * 100 } },
    ].compactMap { $0 }
    if !accuracy.isEmpty { panels.append(Plot.Panel(title: "accuracy, %", series: accuracy)) }
    try Plot(title: title, xLabel: "epoch", panels: panels).rendered().writePNG(to: path)
  }

  private static func lossSeries(_ history: History) throws(CNNError) -> [Plot.Series] {
    var result: [Plot.Series] = []
    // Single steps, thinned out so that the line stays readable.
    if history.steps.count > history.epochs.count, let epochs = history.epochs.last?.epoch {
      let perStep = Double(epochs + 1) / Double(history.steps.count)
      let stride = max(1, history.steps.count / 800)
      let chosen = Swift.stride(from: 0, to: history.steps.count, by: stride)
      result.append(
        try Plot.Series(
          name: "training, each step", x: chosen.map { Double($0 + 1) * perStep },
          y: chosen.map { history.steps[$0] }, color: trainingColor, emphasis: .faint))
    }
    if let line = try series("training", trainingColor, history, { $0.loss }) {
      result.append(line)
    }
    if let line = try series("validation", validationColor, history, { $0.validationLoss }) {
      result.append(line)
    }
    return result
  }

  private static func series(
    _ name: String, _ color: Color, _ history: History, _ value: (History.Epoch) -> Double?
  ) throws(CNNError) -> Plot.Series? {
    let points = history.epochs.compactMap { epoch in
      value(epoch).map { (Double(epoch.epoch + 1), $0) }
    }
    guard !points.isEmpty else { return nil }
    return try Plot.Series(name: name, x: points.map(\.0), y: points.map(\.1), color: color)
  }
}
