import CNNGraph
import CNNTraining

/// The figures of an evaluation for people.
enum MetricsTable {
  /// The most classes for which there is a table of what was taken for what.
  private static let mostColumns = 12
  /// The most classes for which there is a line each.
  private static let mostRows = 200

  static func lines(_ metrics: Metrics) -> [String] {
    var lines = [line("samples", "\(metrics.count)"), line("loss", Format.fixed(metrics.loss, 4))]
    if let answers = metrics.classification {
      lines += summary(answers)
      if metrics.top > 1, answers.confusion.map({ $0.count > metrics.top }) ?? true {
        lines.append(line("top \(metrics.top)", Format.percent(answers.topAccuracy)))
      }
      if metrics.recognition.temperature != 1 {
        lines.append(line("temperature", Format.fixed(metrics.recognition.temperature, 4)))
      }
      if metrics.recognition.averageFlips {
        lines.append(line("mirror images", "averaged"))
      }
    }
    if let confusion = metrics.confusion, confusion.count <= mostRows {
      lines.append("")
      lines += table(metrics, confusion)
    }
    if !metrics.sources.isEmpty {
      lines.append("")
      lines += sources(metrics)
    }
    return lines
  }

  /// What the answers of an evaluation amount to, a line each.
  static func summary(_ answers: ClassificationMetrics) -> [String] {
    [
      line("accuracy", Format.percent(answers.accuracy)),
      line("calibration error", Format.percent(answers.expectedCalibrationError)),
      line("log loss", Format.fixed(answers.negativeLogLikelihood, 4)),
      line("Brier score", Format.fixed(answers.brierScore, 4)),
    ]
  }

  static func line(_ name: String, _ value: String) -> String {
    Format.padded(name, 19) + value
  }

  /// A row for each true class: what its samples were taken for, or what most often.
  private static func table(_ metrics: Metrics, _ confusion: [[Int]]) -> [String] {
    let names = confusion.indices.map {
      metrics.classNames.indices.contains($0) ? metrics.classNames[$0] : "class \($0)"
    }
    let width = max(10, names.map(\.count).max() ?? 0)
    let isWhole = names.count <= mostColumns
    let columns = names.map { max(6, $0.count) }
    var header = Format.padded("", width) + "  " + aligned("recall", 9) + aligned("precision", 11)
    if isWhole {
      header += aligned("taken for", 13)
      for (name, column) in zip(names, columns) { header += "  " + aligned(name, column) }
    } else {
      header += "  mostly taken for"
    }
    var lines = [header]
    for (index, row) in confusion.enumerated() {
      var text = Format.padded(names[index], width) + "  "
      text += aligned(share(metrics.classAccuracies[index]), 9)
      text += aligned(share(metrics.classPrecisions[index]), 11)
      if isWhole {
        text += aligned("", 13)
        for (count, column) in zip(row, columns) { text += "  " + aligned("\(count)", column) }
      } else {
        text += mistakes(row, index, names)
      }
      lines.append(text)
    }
    return lines
  }

  /// What samples of a class were most often mistaken for.
  private static func mistakes(_ row: [Int], _ index: Int, _ names: [String]) -> String {
    let others = row.indices.filter { $0 != index && row[$0] > 0 }
    guard let worst = others.max(by: { (row[$0], $1) < (row[$1], $0) }) else { return "" }
    return "  \(row[worst]) of \(row.reduce(0, +)) \(names[worst])"
  }

  /// A row for each source of a mixture.
  private static func sources(_ metrics: Metrics) -> [String] {
    let width = max(10, metrics.sources.map(\.name.count).max() ?? 0)
    var lines = [
      Format.padded("source", width) + aligned("samples", 10) + aligned("accuracy", 11)
        + aligned("calibration error", 20)
    ]
    for source in metrics.sources {
      let answers = source.classification
      let hasAny = answers.count > 0
      lines.append(
        Format.padded(source.name, width) + aligned("\(answers.count)", 10)
          + aligned(share(hasAny ? answers.accuracy : nil), 11)
          + aligned(share(hasAny ? answers.expectedCalibrationError : nil), 20))
    }
    return lines
  }

  private static func share(_ value: Double?) -> String { value.map(Format.percent) ?? "-" }

  private static func aligned(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
