import CNNGraph
import CNNLayerKit
import CNNLayers
import CNNPlugins
import Glibc

/// The side of a check that runs in a process of its own, and what it reports to its parent.
///
/// A report is lines on a pipe: `note TEXT` for what is about to be done, `fault TEXT` from the
/// handler of a signal, and at last `result JSON`.
package enum CheckProcess {
  /// The descriptor that reports go to.
  package static let descriptor: Int32 = 3

  /// Runs one check and reports how it ended.
  ///
  /// - Parameters:
  ///   - name: The check's name; `describe` reports what there is to check.
  package static func run(
    _ name: String, of subject: Check.Subject, type: String, request: CheckRequest
  ) {
    var limit = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    FaultHandler.install()
    HostHooks.install()
    MemoryBudget.setLimit(1 << 32)
    var members: [String: AttributeValue]
    do {
      let context = CheckContext(request: request, type: type)
      guard let check = Check.all.first(where: { $0.subject == subject && $0.name == name }) else {
        throw Finding("there is no check \"\(name)\"")
      }
      note("the plugin is loaded")
      try loadAll(request)
      note("the check begins")
      let digest = try check.run(context)
      members = [
        "outcome": "passed", "digest": .string(digest.map { String($0, radix: 16) } ?? ""),
      ]
      if subject == .file, name == loadCheckName { members["contents"] = contents(request) }
    } catch let skip as Skip {
      members = ["outcome": "skipped", "message": .string(skip.reason)]
    } catch {
      members = ["outcome": "failed", "message": .string(message(of: error))]
    }
    note("the process ends")
    write("result " + JSONText.write(.object(members)))
  }

  /// Says what is done next, for the message if it never ends or the process dies.
  static func note(_ text: String) {
    let isNew = lastNote.withLock { last in
      defer { last = text }
      return last != text
    }
    if isNew { write("note " + text.replacing("\n", with: " ")) }
  }

  private static let lastNote = Locked<String>("")

  private static func message(of error: any Error) -> String {
    switch error {
    case let finding as Finding: finding.message
    case let error as CNNError: error.message
    default: "\(error)"
    }
  }

  private static func write(_ line: String) {
    var bytes = Array((line + "\n").utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      bytes = bytes.dropFirst(count)
    }
  }

  private static func loadAll(_ request: CheckRequest) throws {
    try registerBuiltinLayers()
    for path in request.companions { try Plugin.load(path: path) }
    if let file = request.file { try Plugin.load(path: file) }
  }

  /// The types that there are to check.
  private static func contents(_ request: CheckRequest) -> AttributeValue {
    func names(_ names: [String]) -> AttributeValue { .list(names.map(AttributeValue.string)) }
    guard request.file != nil, let plugin = Plugin.loaded.last else {
      return .object(["layer": names(LayerRegistry.shared.names.filter { !$0.contains(".") })])
    }
    return .object([
      "id": .string(plugin.id), "version": .string(plugin.version), "abi": .string(plugin.abi),
      "layer": names(plugin.layerTypes), "loss": names(plugin.lossTypes),
      "optimizer": names(plugin.optimizerTypes),
    ])
  }
}
