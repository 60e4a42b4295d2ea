import CNNGraph
import CNNLayerKit

/// The output of `cnn bench --layers`.
enum LayerTimes {
  /// One line for each step, in the order of computation, and the sum.
  static func table(_ steps: [StepTime]) -> String {
    let total = steps.reduce(0) { $0 + $1.median }
    var rows = [["layer", "type", "output", "median ms", "fastest ms", "share", "GFLOP/s"]]
    for step in steps {
      rows.append([
        step.pass == .backward ? "\(name(step)), backward" : name(step),
        step.types.joined(separator: " + "),
        step.outputShape.description, milliseconds(step.median), milliseconds(step.fastest),
        Format.percent(step.median / total),
        step.operations > 0 ? Format.fixed(step.operations / step.median / 1e9, 1) : "",
      ])
    }
    rows.append([
      "sum", "", "", milliseconds(total), milliseconds(steps.reduce(0) { $0 + $1.fastest }), "", "",
    ])
    let widths = rows[0].indices.map { column in rows.map(\.[column].count).max() ?? 0 }
    let lines = rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        // Words to the left, numbers to the right.
        column < 3
          ? Format.padded(cell.0, cell.1)
          : String(repeating: " ", count: cell.1 - cell.0.count) + cell.0
      }.joined(separator: "  ")
    }
    return lines.joined(separator: "\n")
  }

  /// A list of objects.
  static func json(_ steps: [StepTime]) -> String {
    JSONText.write(
      .list(
        steps.map { step in
          .object([
            "nodes": .list(step.nodes.map(AttributeValue.string)),
            "types": .list(step.types.map(AttributeValue.string)),
            "pass": .string(step.pass.rawValue),
            "output_shape": .list(step.outputShape.sizes.map(AttributeValue.integer)),
            "operations": .number(step.operations), "median_ms": .number(step.median * 1000),
            "fastest_ms": .number(step.fastest * 1000),
          ])
        }))
  }

  private static func name(_ step: StepTime) -> String {
    guard let first = step.nodes.first, step.nodes.count > 1 else { return step.nodes.joined() }
    return "\(first) + \(step.nodes.count - 1)"
  }

  private static func milliseconds(_ seconds: Double) -> String { Format.fixed(seconds * 1000, 3) }
}
