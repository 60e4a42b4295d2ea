import CNNTraining

/// Shows how training goes: a bar with rate and time left on a terminal, plain lines elsewhere.
struct ProgressDisplay {
  private var lastDraw = -1.0

  /// Shows one report.
  mutating func show(_ progress: TrainerProgress) {
    switch progress.event {
    case .step: if Terminal.isInteractive { drawBar(progress) }
    case .epoch:
      Terminal.clearLine()
      Terminal.printError(ProgressDisplay.line(progress))
    }
  }

  /// Draws the bar, at most ten times a second.
  private mutating func drawBar(_ progress: TrainerProgress) {
    guard progress.seconds - lastDraw >= 0.1 else { return }
    lastDraw = progress.seconds
    var text = " loss \(Format.fixed(progress.loss, 4))"
    if let accuracy = progress.accuracy { text += ", accuracy \(Format.percent(accuracy))" }
    text += ", \(Format.fixed(progress.samplesPerSecond, 0)) samples/s"
    text += ", \(Format.duration(progress.secondsLeft)) left"
    let head = "epoch \(progress.epoch + 1)/\(progress.epochCount) "
    let width = min(30, max(5, Terminal.columns - head.count - text.count - 3))
    let share = Double(progress.step) / Double(max(1, progress.stepCount))
    let filled = min(width, max(0, Int(share * Double(width))))
    let bar =
      "[" + String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled)
      + "]"
    Terminal.overwriteLine(String((head + bar + text).prefix(max(20, Terminal.columns - 1))))
  }

  /// What an epoch brought.
  private static func line(_ progress: TrainerProgress) -> String {
    let count = String(progress.epochCount)
    let number = String(progress.epoch + 1)
    var line =
      "epoch \(String(repeating: " ", count: max(0, count.count - number.count)))\(number)/\(count)"
    line += "  loss \(Format.fixed(progress.loss, 4))"
    if let accuracy = progress.accuracy { line += "  accuracy \(Format.percent(accuracy))" }
    if let loss = progress.validationLoss { line += "  validation loss \(Format.fixed(loss, 4))" }
    if let accuracy = progress.validationAccuracy {
      line += "  validation accuracy \(Format.percent(accuracy))"
    }
    line += "  \(Format.fixed(progress.samplesPerSecond, 0)) samples/s"
    if progress.epoch + 1 < progress.epochCount {
      line += "  \(Format.duration(progress.secondsLeft)) left"
    }
    return line
  }
}
