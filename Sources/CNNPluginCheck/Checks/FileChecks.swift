import CCNN
import CNNLayerKit
import CNNPlugins
import CNNTraining
import Glibc

/// The check that says what there is to check.
let loadCheckName = "loads"

/// Checks of a shared object as a whole.
let fileChecks: [Check] = [
  Check(
    .file, loadCheckName,
    "The file loads, cnn_plugin_entry returns a plugin, and every description makes sense: headers, "
      + "names, attributes with defaults that fit."
  ) { _ in
    // Loading it was all, and that has happened.
  },
  Check(
    .file, "texts",
    "Version, and a summary of the plugin, of each type and of each attribute are given.",
    needs: [loadCheckName], run: checkTexts),
  Check(
    .file, "entry-again",
    "A second host in the same process, which calls cnn_plugin_entry again, gets the same plugin.",
    needs: [loadCheckName], run: checkEntryAgain),
  Check(
    .file, "newer-host",
    "A host with a higher minor version and more members is welcome.", needs: ["entry-again"],
    run: checkNewerHost),
  Check(
    .file, "smaller-host",
    "A host that knows fewer members than cnn_plugin.h is met with a plugin or NULL, not with a crash.",
    needs: [loadCheckName], run: checkSmallerHost),
]

private func checkTexts(_ context: CheckContext) throws {
  guard let plugin = Plugin.loaded.last else { throw Finding("no plugin was loaded") }
  try expect(!plugin.version.isEmpty, "the plugin has no version")
  try expect(!plugin.summary.isEmpty, "the plugin has no summary")
  func check(_ what: String, _ summary: String, _ attributes: [AttributeSpecification]) throws {
    try expect(!summary.isEmpty, "\(what) has no summary")
    for attribute in attributes where attribute.summary.isEmpty {
      throw Finding("attribute \"\(attribute.name)\" of \(what) has no summary")
    }
  }
  for name in plugin.layerTypes {
    let type = try LayerRegistry.shared.type(named: name)
    try check("layer type \"\(name)\"", type.summary, type.attributes)
  }
  for name in plugin.lossTypes {
    let type = try LossRegistry.shared.entry(named: name)
    try check("loss \"\(name)\"", type.summary, type.attributes)
  }
  for name in plugin.optimizerTypes {
    let type = try OptimizerRegistry.shared.entry(named: name)
    try check("optimizer \"\(name)\"", type.summary, type.attributes)
  }
}

private typealias Entry =
  @convention(c) (UnsafePointer<cnn_host>?) -> UnsafePointer<cnn_plugin>?

private func entry(_ context: CheckContext) throws -> Entry {
  guard let file = context.request.file,
    let handle = dlopen(file.contains("/") ? file : "./" + file, RTLD_NOW | RTLD_LOCAL),
    let symbol = dlsym(handle, CNN_PLUGIN_ENTRY_NAME)
  else { throw Finding("the file does not load a second time") }
  return unsafeBitCast(symbol, to: Entry.self)
}

/// Whether two descriptions name the same things.
private func checkSame(_ plugin: UnsafePointer<cnn_plugin>?) throws {
  guard let plugin, let known = Plugin.loaded.last else {
    throw Finding("the entry returned NULL, and did not the first time")
  }
  let id = plugin.pointee.id.map { String(cString: $0) } ?? "NULL"
  try expect(id == known.id, "the entry returned \"\(id)\", and \"\(known.id)\" the first time")
  let counts = [
    plugin.pointee.layer_type_count, plugin.pointee.loss_type_count,
    plugin.pointee.optimizer_type_count,
  ]
  let before = [known.layerTypes.count, known.lossTypes.count, known.optimizerTypes.count]
  try expect(
    counts == before.map(Int64.init),
    "the numbers of layer types, losses and optimizers are \(counts), and were \(before)")
}

private func checkEntryAgain(_ context: CheckContext) throws {
  try checkSame(try entry(context)(Host.table))
}

/// A copy of the host's table that lives for ever.
///
/// - Parameter extra: Bytes to put behind it.
private func hostCopy(extra: Int) -> UnsafeMutablePointer<cnn_host> {
  let size = MemoryLayout<cnn_host>.size + extra
  let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
  memset(memory, 0xFF, size)
  memcpy(memory, Host.table, MemoryLayout<cnn_host>.size)
  return memory.bindMemory(to: cnn_host.self, capacity: 1)
}

private func checkNewerHost(_ context: CheckContext) throws {
  let host = hostCopy(extra: 128)
  host.pointee.header.size += 128
  host.pointee.header.abi_minor += 1
  CheckProcess.note("cnn_plugin_entry with a newer host")
  try checkSame(try entry(context)(host))
}

private func checkSmallerHost(_ context: CheckContext) throws {
  let host = hostCopy(extra: 0)
  let header = UInt32(MemoryLayout<cnn_struct_header>.size)
  for size in [header + 8, header] {
    host.pointee.header.size = size
    CheckProcess.note("cnn_plugin_entry with a host of \(size) bytes")
    _ = try entry(context)(host)
  }
}
