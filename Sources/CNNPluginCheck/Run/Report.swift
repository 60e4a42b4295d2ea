import CNNGraph
import CNNLayerKit

/// What came of all checks of a plugin, or of the library's own layer types.
package struct CheckReport: Sendable {
  /// One check of one type.
  package struct Line: Sendable {
    /// What was looked at.
    package let subject: Check.Subject
    /// The name of the type; empty for checks of the file.
    package let type: String
    /// The name of the check.
    package let check: String
    /// How it ended.
    package let outcome: Outcome
    /// What the plugin printed meanwhile.
    package let output: String

    /// What is looked at, as a title.
    package var title: String { type.isEmpty ? "file" : "\(subject.rawValue) \(type)" }

    /// The line of a report.
    package var text: String {
      switch outcome {
      case .passed: return "  ok       \(check)"
      case .skipped(let reason): return "  skipped  \(check): \(reason)"
      case .failed(let message):
        let printed = output.split(separator: "\n").suffix(8).map { "\n             | \($0)" }
        return "  FAILED   \(check): \(message)" + printed.joined()
      }
    }
  }

  /// The file, or nil for the library's own types.
  package let file: String?
  /// The name and version of the plugin, if it could be loaded.
  package var plugin = ""
  /// The names of all types that there are, looked at or not.
  package var types: Set<String> = []
  /// All checks, in the order in which they ran.
  package var lines: [Line] = []

  /// How many checks ended well, were skipped, and failed.
  package var counts: (passed: Int, skipped: Int, failed: Int) {
    var counts = (passed: 0, skipped: 0, failed: 0)
    for line in lines {
      switch line.outcome {
      case .passed: counts.passed += 1
      case .skipped: counts.skipped += 1
      case .failed: counts.failed += 1
      }
    }
    return counts
  }

  /// The last line of a report.
  package var conclusion: String {
    let (passed, skipped, failed) = counts
    let what = file ?? "built-in types"
    return "\(what): \(passed) ok, \(skipped) skipped, \(failed) failed"
  }

  /// The report as JSON can say it.
  package var json: AttributeValue {
    let (passed, skipped, failed) = counts
    return .object([
      "file": file.map(AttributeValue.string) ?? .null, "plugin": .string(plugin),
      "ok": .integer(passed), "skipped": .integer(skipped), "failed": .integer(failed),
      "checks": .list(lines.map(CheckReport.json)),
    ])
  }

  private static func json(_ line: Line) -> AttributeValue {
    var members: [String: AttributeValue] = [
      "subject": .string(line.subject.rawValue), "type": .string(line.type),
      "check": .string(line.check), "output": .string(line.output),
    ]
    switch line.outcome {
    case .passed: members["outcome"] = "ok"
    case .skipped(let reason):
      members["outcome"] = "skipped"
      members["message"] = .string(reason)
    case .failed(let message):
      members["outcome"] = "failed"
      members["message"] = .string(message)
    }
    return .object(members)
  }
}
