import ArgumentParser
import CNNGraph
import CNNLayerKit
import CNNPluginCheck
import Glibc

/// `cnn plugin-check`.
struct PluginCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plugin-check",
    abstract: "Tell whether plugins keep the promises of cnn_plugin.h.",
    discussion: """
      Loads each file and puts every layer type, loss and optimizer in it through a series of checks, \
      each in a process of its own: memory that must not be touched, gradients, the same bits for any \
      number of threads, allocation failure, leaks, a small network, and more. --list says what each \
      of them looks at.

        cnn plugin-check ./swish.so
        cnn plugin-check ./mine.so --inputs 16x16x8,8 --attributes '{"units": 4}'
        cnn plugin-check ./mine.so --only gradients --only bounds
        cnn plugin-check --builtin ./swish.so

      Layers are made with inputs of several shapes, with default attributes, and with every word and \
      truth value that is not the default. Where a type needs other shapes, or attributes without a \
      default that cannot be guessed, --inputs and --attributes name them.

      Exit codes: 0 every check is ok or was skipped with a reason; 1 a check failed; 64 the command \
      line makes no sense; 66 a file cannot be read.
      """)

  @Argument(help: "The plugins to check.", completion: .file(extensions: ["so"]))
  var files: [String] = []

  @Flag(help: "Say what checks there are and what each of them looks at.")
  var list = false

  @Flag(help: "Check the library's own layer types, too, with all the plugins loaded.")
  var builtin = false

  @Option(help: ArgumentHelp("Run only this check; may be repeated.", valueName: "name"))
  var only: [String] = []

  @Option(help: ArgumentHelp("Leave this check out; may be repeated.", valueName: "name"))
  var without: [String] = []

  @Option(
    name: .customLong("of"),
    help: ArgumentHelp("Check only this type; may be repeated.", valueName: "type"))
  var types: [String] = []

  @Option(
    help: ArgumentHelp(
      "The shapes of the inputs of a sample, as in 7x5x3 or 7x5x3,3.", valueName: "shapes"))
  var inputs: String?

  @Option(help: ArgumentHelp("Attributes to make layers with, as JSON.", valueName: "json"))
  var attributes = "{}"

  @Option(help: ArgumentHelp("The range of the numbers in inputs, as in 0:1.", valueName: "range"))
  var values = "-1:1"

  @Option(help: ArgumentHelp("The time that a check may take.", valueName: "seconds"))
  var timeLimit = 30.0

  @Flag(help: "Print results as JSON.")
  var json = false

  // What a process for a single check is started with.
  @Option(help: .hidden) var child: String?
  @Option(help: .hidden) var childSubject = "file"
  @Option(help: .hidden) var childType = ""
  @Option(help: .hidden) var companion: [String] = []

  func run() throws {
    if list { return show() }
    var request = try reportingErrors { try self.request() }
    if let child {
      request.file = files.first
      request.companions = companion
      guard let subject = Check.Subject(rawValue: childSubject) else {
        throw ValidationError("there is no subject \"\(childSubject)\"")
      }
      return CheckProcess.run(child, of: subject, type: childType, request: request)
    }
    guard !files.isEmpty || builtin else {
      throw ValidationError("name a plugin to check, or --builtin or --list")
    }
    for file in files where access(file, R_OK) != 0 {
      Terminal.printError("cnn: \"\(file)\" cannot be read: \(String(cString: strerror(errno)))")
      throw ExitCode(66)
    }
    var reports = files.map { check($0, companions: [], request) }
    if builtin { reports.append(check(nil, companions: files, request)) }
    if json { print(JSONText.write(.list(reports.map(\.json)))) }
    if reports.contains(where: { $0.counts.failed > 0 }) { throw ExitCode(1) }
    let known = reports.reduce(into: Set<String>()) { $0.formUnion($1.types) }
    try reportingErrors {
      for type in types where !known.contains(type) {
        throw CNNError.unknownName("type", type, valid: known)
      }
    }
  }

  private func check(
    _ file: String?, companions: [String], _ request: CheckRequest
  ) -> CheckReport {
    var request = request
    request.file = file
    let options = passedOn + companions.flatMap { ["--companion", $0] }
    let runner = CheckRunner(request: request) { check, subject, type in
      ["plugin-check"] + (file.map { [$0] } ?? []) + options
        + ["--child", check, "--child-subject", subject.rawValue, "--child-type", type]
    }
    if !json, let file { print(file) }
    var title = ""
    let report = runner.run { line in
      guard !json else { return }
      if line.title != title { print(line.title) }
      title = line.title
      print(line.text)
      // As soon as it is known, into files and pipes as well.
      fflush(nil)
    }
    if !json { print(report.conclusion) }
    return report
  }

  /// The options that the process of a check needs to know.
  private var passedOn: [String] {
    (inputs.map { ["--inputs", $0] } ?? []) + ["--attributes", attributes, "--values=\(values)"]
  }

  private func show() {
    for subject in Check.Subject.allCases {
      if !json { print(subject.rawValue) }
      for check in Check.all where check.subject == subject && !json {
        print("  \(check.name): \(check.promise)")
      }
    }
    guard json else { return }
    let rows = Check.all.map { check in
      AttributeValue.object([
        "subject": .string(check.subject.rawValue), "name": .string(check.name),
        "promise": .string(check.promise),
      ])
    }
    print(JSONText.write(.list(rows)))
  }

  private func request() throws -> CheckRequest {
    var request = CheckRequest(file: nil)
    for name in only + without where !Check.all.contains(where: { $0.name == name }) {
      throw CNNError.unknownName("check", name, valid: Set(Check.all.map(\.name)))
    }
    guard timeLimit > 0, timeLimit <= 3600 else {
      throw ValidationError("--time-limit is above 0 and at most 3600, got \(timeLimit)")
    }
    (request.only, request.without, request.types) = (only, without, types)
    request.timeLimit = timeLimit
    do throws(CNNError) {
      request.attributes = try JSONText.parseObject(attributes, "--attributes")
    } catch { throw CNNError.invalidArgument(error.message) }
    request.inputs = try inputs.map(shapes) ?? []
    request.values = try range()
    return request
  }

  private func shapes(_ text: String) throws -> [Shape] {
    try text.split(separator: ",").map { part in
      let sizes = part.split(separator: "x").map { Int($0) }
      guard !sizes.contains(nil) else {
        throw ValidationError("--inputs takes shapes as in 7x5x3 or 7x5x3,3, got \"\(text)\"")
      }
      return try Shape(sizes.compactMap(\.self))
    }
  }

  private func range() throws -> ClosedRange<Float> {
    let ends = values.split(separator: ":").compactMap { Float($0) }
    guard ends.count == 2, ends[0] < ends[1], ends[0].isFinite, ends[1].isFinite else {
      throw ValidationError("--values takes a range as in 0:1, got \"\(values)\"")
    }
    return ends[0]...ends[1]
  }
}
