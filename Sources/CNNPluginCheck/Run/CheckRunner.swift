import CNNGraph
import CNNLayerKit
import Glibc

/// Runs checks one after the other, each in a process of its own.
///
/// ```swift
/// let runner = CheckRunner(request: CheckRequest(file: "./swish.so")) { check, subject, type in
///   ["plugin-check", "./swish.so", "--child", check, "--subject", subject.rawValue, "--type", type]
/// }
/// let report = runner.run { print($0.text) }
/// ```
package struct CheckRunner: Sendable {
  /// The arguments with which this program runs one check, by `CheckProcess.run`.
  package typealias Arguments =
    @Sendable (_ check: String, _ subject: Check.Subject, _ type: String) -> [String]

  private let request: CheckRequest
  private let arguments: Arguments

  /// Prepares to check.
  package init(request: CheckRequest, arguments: @escaping Arguments) {
    self.request = request
    self.arguments = arguments
  }

  /// Runs every check that is wanted.
  ///
  /// - Parameter report: Is given each line as soon as it is known.
  package func run(_ report: (CheckReport.Line) -> Void) -> CheckReport {
    var result = CheckReport(file: request.file)
    func add(_ line: CheckReport.Line) {
      result.lines.append(line)
      report(line)
    }
    // Says what there is, so it runs even where it is not wanted.
    let first = child(loadCheckName, .file, "")
    let loading = line(.file, "", loadCheckName, outcome(first), first)
    let isLoaded = loading.outcome == .passed
    let isWanted = Check.all.contains {
      $0.subject == .file && $0.name == loadCheckName && request.wants($0)
    }
    if request.file != nil && isWanted || !isLoaded { add(loading) }
    guard isLoaded, let contents = contents(first) else { return result }
    result.plugin =
      "\(contents["id"]?.asString ?? "") \(contents["version"]?.asString ?? ""), interface "
      + (contents["abi"]?.asString ?? "")
    for subject in Check.Subject.allCases {
      guard subject != .file else {
        if request.file != nil { runAll(subject, "", add) }
        continue
      }
      let types = names(contents, subject)
      result.types.formUnion(types)
      for type in types where request.types.isEmpty || request.types.contains(type) {
        runAll(subject, type, add)
      }
    }
    return result
  }

  private func names(_ contents: [String: AttributeValue], _ subject: Check.Subject) -> [String] {
    guard case .list(let names)? = contents[subject.rawValue] else { return [] }
    return names.compactMap(\.asString)
  }

  private func runAll(
    _ subject: Check.Subject, _ type: String, _ add: (CheckReport.Line) -> Void
  ) {
    // Checks that failed, or were left out because of one that did: from which one all comes.
    var causes: [String: String] = [:]
    for check in Check.all where check.subject == subject && check.name != loadCheckName {
      guard request.wants(check) else { continue }
      let outcome: Outcome
      var report = ChildProcess.Report()
      if let cause = check.needs.lazy.compactMap({ causes[$0] }).first {
        outcome = .skipped("\(cause) failed")
        causes[check.name] = cause
      } else {
        report = child(check.name, subject, type)
        outcome = check.runsTwice ? twice(check, subject, type, report) : self.outcome(report)
      }
      if case .failed = outcome { causes[check.name] = check.name }
      add(line(subject, type, check.name, outcome, report))
    }
  }

  private func child(_ check: String, _ subject: Check.Subject, _ type: String)
    -> ChildProcess.Report
  {
    ChildProcess.run(arguments(check, subject, type), timeLimit: request.timeLimit)
  }

  private func twice(
    _ check: Check, _ subject: Check.Subject, _ type: String, _ first: ChildProcess.Report
  ) -> Outcome {
    let outcome = outcome(first)
    guard outcome == .passed else { return outcome }
    let second = child(check.name, subject, type)
    let again = self.outcome(second)
    guard again == .passed else { return again }
    guard members(first)["digest"] == members(second)["digest"] else {
      return .failed(
        "another process gives other bits: results depend on time, addresses or chance")
    }
    return .passed
  }

  private func line(
    _ subject: Check.Subject, _ type: String, _ check: String, _ outcome: Outcome,
    _ report: ChildProcess.Report
  ) -> CheckReport.Line {
    CheckReport.Line(
      subject: subject, type: type, check: check, outcome: outcome, output: report.output)
  }

  private func members(_ report: ChildProcess.Report) -> [String: AttributeValue] {
    report.result.flatMap { try? JSONText.parseObject($0, "a result") } ?? [:]
  }

  private func contents(_ report: ChildProcess.Report) -> [String: AttributeValue]? {
    guard case .object(let contents)? = members(report)["contents"] else { return nil }
    return contents
  }

  private func outcome(_ report: ChildProcess.Report) -> Outcome {
    let place = report.note.isEmpty ? "" : " (\(report.note))"
    switch report.ending {
    case .notStarted(let reason): return .failed(reason)
    case .tookTooLong:
      return .failed("it does not end within \(request.timeLimit) s\(place)")
    case .killed(let signal):
      let fault = report.fault.isEmpty ? "" : ": \(report.fault)"
      return .failed("\(CheckRunner.name(of: signal))\(fault)\(place)")
    case .exited(let code):
      let members = members(report)
      let message = members["message"]?.asString ?? ""
      switch members["outcome"]?.asString {
      case "passed": return .passed
      case "skipped": return .skipped(message)
      case "failed": return .failed(message)
      default: return .failed("it ends the process with exit code \(code)\(place)")
      }
    }
  }

  private static func name(of signal: Int32) -> String {
    let names: [Int32: String] = [
      SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGABRT: "SIGABRT", SIGFPE: "SIGFPE", SIGILL: "SIGILL",
      SIGTRAP: "SIGTRAP", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM",
    ]
    return names[signal] ?? "signal \(signal)"
  }
}
