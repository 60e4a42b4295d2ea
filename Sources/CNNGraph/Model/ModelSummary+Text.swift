import CNNLayerKit

extension ModelSummary {
  /// The summary as a table for a person: plain ASCII but for names, no line end at the end of the
  /// last line.
  public var text: String {
    var lines: [String] = []
    let title = name.isEmpty ? "Model" : printable(name)
    lines.append("\(title): \(grouped(rows.count)) layer\(rows.count == 1 ? "" : "s")")
    for input in inputs {
      lines.append("Input \(printable(input.name)): \(dimensions(input.shape))")
    }
    lines.append("")
    lines += table
    lines.append("")
    if outputs != rows.suffix(1).map(\.name) {
      lines.append("Outputs        " + outputs.map(printable).joined(separator: ", "))
    }
    lines += totals
    return lines.joined(separator: "\n")
  }

  private var table: [String] {
    let showsInputs = rows.contains { !$0.followsPrevious }
    var cells = [["Layer", "Type", "Output", "Parameters", "FLOPs", "Activations"]]
    if showsInputs { cells[0].append("Inputs") }
    for row in rows {
      var cell = [
        printable(row.name), row.type, dimensions(row.outputShape),
        row.parameterCount == 0 ? "" : grouped(row.parameterCount),
        row.operationCount == 0 ? "" : short(row.operationCount),
        bytes(row.activationBytes),
      ]
      if showsInputs {
        cell.append(
          row.followsPrevious ? "" : "<- " + row.inputs.map(printable).joined(separator: ", "))
      }
      cells.append(cell)
    }
    let widths = cells[0].indices.map { column in
      cells.map { $0[column].count }.max() ?? 0
    }
    var lines = cells.map { cell in
      var line = ""
      for (column, text) in cell.enumerated() {
        let fill = String(repeating: " ", count: widths[column] - text.count)
        // Numbers are read from the right.
        line += (3...5).contains(column) ? fill + text : text + fill
        line += "  "
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    let width = widths.reduce(0, +) + 2 * (widths.count - 1)
    lines.insert(String(repeating: "-", count: width), at: 1)
    lines.append(String(repeating: "-", count: width))
    return lines
  }

  private var totals: [String] {
    var parameters = "Parameters     \(grouped(parameterCount)) trained"
    if stateCount > 0 { parameters += " + \(grouped(stateCount)) not trained" }
    parameters += " (\(bytes(parameterBytes)))"
    let training = trainingBytes.map(bytes) ?? "not possible"
    return [
      parameters,
      "Computation    \(short(operationCount)) FLOPs per sample",
      "Memory         prediction \(bytes(predictionBytes)), training \(training) "
        + "(batch of \(grouped(batch)), beside the parameters)",
    ]
  }

  /// The summary as a JSON object; the keys are the names of the properties in snake_case.
  public var json: String {
    let list = rows.map { row in
      AttributeValue.object([
        "name": .string(row.name), "type": .string(row.type), "inputs": strings(row.inputs),
        "output_shape": integers(row.outputShape), "parameter_count": .integer(row.parameterCount),
        "state_count": .integer(row.stateCount), "operation_count": .integer(row.operationCount),
        "activation_bytes": .integer(row.activationBytes),
      ])
    }
    let inputs = inputs.map {
      AttributeValue.object(["name": .string($0.name), "shape": integers($0.shape)])
    }
    return JSONText.write([
      "name": .string(name), "inputs": .list(inputs), "layers": .list(list),
      "outputs": strings(outputs), "batch": .integer(batch),
      "parameter_count": .integer(parameterCount), "state_count": .integer(stateCount),
      "parameter_bytes": .integer(parameterBytes), "operation_count": .integer(operationCount),
      "prediction_bytes": .integer(predictionBytes),
      "training_bytes": trainingBytes.map(AttributeValue.integer) ?? .null,
    ])
  }

  private func strings(_ texts: [String]) -> AttributeValue {
    .list(texts.map(AttributeValue.string))
  }

  private func integers(_ numbers: [Int]) -> AttributeValue {
    .list(numbers.map(AttributeValue.integer))
  }
}

/// `224 x 224 x 3`.
private func dimensions(_ shape: [Int]) -> String {
  shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: " x ")
}

/// `11,689,512`.
private func grouped(_ number: Int) -> String {
  var result = ""
  let digits = String(number)
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
    result.append(digit)
  }
  return result
}

/// `3.6 G`.
private func short(_ number: Int) -> String {
  scaled(number, step: 1000, units: ["", "k", "M", "G", "T", "P", "E"])
}

/// `44.6 MiB`.
private func bytes(_ number: Int) -> String {
  scaled(number, step: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

private func scaled(_ number: Int, step: Double, units: [String]) -> String {
  var value = Double(number)
  var unit = 0
  // 999.95 would be written as 1000.0.
  while value >= step - 0.05, unit + 1 < units.count {
    value /= step
    unit += 1
  }
  guard unit > 0 else { return units[0].isEmpty ? String(number) : "\(number) \(units[0])" }
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// The text without what would move a terminal's cursor.
private func printable(_ text: String) -> String {
  String(
    String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
}
