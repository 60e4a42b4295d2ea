import CCNN
public import CNNLayerKit
import CNNTraining
import Glibc

/// A shared object with layer types, losses or optimizers, that was loaded into the process.
///
/// Plugins are loaded by explicit calls only: a model file names the types it needs, never a file. A
/// plugin stays loaded for the life of the process.
public struct Plugin: Sendable {
  /// The plugin's name, such as "org.example.activations".
  public let id: String
  /// Its version, such as "1.2.0"; may be empty.
  public let version: String
  /// What it holds, in a sentence; may be empty.
  public let summary: String
  /// The file, as it was named.
  public let path: String
  /// The version of the plugin interface that it was compiled for, such as "1.0".
  public let abi: String
  /// The names of its layer types.
  public let layerTypes: [String]
  /// The names of its losses.
  public let lossTypes: [String]
  /// The names of its optimizers.
  public let optimizerTypes: [String]

  private let handle: UInt

  /// The plugins that were loaded, in that order.
  public static var loaded: [Plugin] { list.withLock { $0 } }

  private static let list = Locked<[Plugin]>([])
  private static let loading = Locked<Void>(())

  /// Loads a plugin and registers all it holds with the registries of the process.
  ///
  /// Does nothing if that was done before. Thread-safe.
  ///
  /// - Parameter path: The file; without a slash it is looked for in the current directory only.
  /// - Throws: `inputOutput` if the file cannot be read, `malformedData` if it is no plugin,
  ///   `unsupported` if it is for another version of the interface, `invalidArgument` if it describes
  ///   itself wrongly or a name is taken, or what it refuses to load with. Then nothing is registered.
  @discardableResult
  public static func load(path: String) throws(CNNError) -> Plugin {
    do throws(CNNError) {
      return try loading.withLock { _ throws(CNNError) in try open(path) }
    } catch {
      throw error.prefixed(by: "plugin \"\(path)\"")
    }
  }

  private static func open(_ path: String) throws(CNNError) -> Plugin {
    // Without a slash, the loader would search the system's folders.
    let place = path.contains("/") ? path : "./" + path
    guard !path.isEmpty, !path.utf8.contains(0), access(place, R_OK) == 0 else {
      let reason = path.isEmpty ? "the path is empty" : String(cString: strerror(errno))
      throw CNNError(.inputOutput, "the file cannot be read: \(reason)")
    }
    try SharedObject.checkIsComplete(place)
    guard let handle = dlopen(place, RTLD_NOW | RTLD_LOCAL) else {
      let reason = dlerror().map { String(cString: $0) } ?? "unknown reason"
      throw .malformedData("this is no shared object that can be loaded here: \(reason)")
    }
    let key = UInt(bitPattern: handle)
    if let present = loaded.first(where: { $0.handle == key }) {
      dlclose(handle)
      return present
    }
    guard let symbol = dlsym(handle, CNN_PLUGIN_ENTRY_NAME) else {
      dlclose(handle)
      throw .malformedData(
        "the shared object has no function \(CNN_PLUGIN_ENTRY_NAME), so it is no plugin of cnn")
    }
    let entry = unsafeBitCast(symbol, to: EntryFunction.self)
    let plugin = try Plugin.register(try enter(entry), path: path, handle: key)
    list.withLock { $0.append(plugin) }
    return plugin
  }

  private typealias EntryFunction =
    @convention(c) (UnsafePointer<cnn_host>?) -> UnsafePointer<cnn_plugin>?

  private static func enter(_ entry: EntryFunction) throws(CNNError) -> cnn_plugin {
    Failure.set(nil)
    guard let description = entry(Host.table) else {
      throw CNNError(
        .unsupported, Failure.message() ?? "the plugin refused to load, and gave no reason")
    }
    return try copy(description)
  }

  private static func register(
    _ foreign: cnn_plugin, path: String, handle: UInt
  ) throws(CNNError) -> Plugin {
    let id = try text(foreign.id, "the id of the cnn_plugin")
    try checkForeignName(id)
    guard LayerRegistry.isName(id) else {
      throw .invalidArgument(
        "the id of a plugin has 1 to 128 letters, digits, '_', '-' and '.', got \"\(id)\"")
    }
    if let other = loaded.first(where: { $0.id == id }) {
      throw .invalidArgument("a plugin \"\(id)\" is loaded already, from \"\(other.path)\"")
    }
    let version = try optionalText(foreign.version, "the version of the cnn_plugin")
    let summary = try optionalText(foreign.summary, "the summary of the cnn_plugin")
    let contents: Contents
    do throws(CNNError) {
      contents = try Contents(foreign)
      try contents.register(origin: .plugin(id: id, version: version))
    } catch {
      throw error.prefixed(by: id)
    }
    return Plugin(
      id: id, version: version, summary: summary, path: path,
      abi: "\(foreign.header.abi_major).\(foreign.header.abi_minor)",
      layerTypes: contents.layers.map(\.name), lossTypes: contents.losses.map(\.name),
      optimizerTypes: contents.optimizers.map(\.name), handle: handle)
  }

  /// What a plugin holds, checked.
  private struct Contents {
    var layers: [LayerType] = []
    var losses: [LossType] = []
    var optimizers: [OptimizerType] = []

    init(_ foreign: cnn_plugin) throws(CNNError) {
      for type in try copies(
        foreign.layer_types, count: foreign.layer_type_count, "layer_types")
      {
        layers.append(try LayerType(type))
      }
      for type in try copies(foreign.loss_types, count: foreign.loss_type_count, "loss_types") {
        losses.append(try LossType(type))
      }
      for type in try copies(
        foreign.optimizer_types, count: foreign.optimizer_type_count, "optimizer_types")
      {
        optimizers.append(try OptimizerType(type))
      }
    }

    /// Registers everything, or nothing.
    func register(origin: TypeOrigin) throws(CNNError) {
      try LossRegistry.shared.check(losses)
      try OptimizerRegistry.shared.check(optimizers)
      try LayerRegistry.shared.register(layers, origin: origin)
      try LossRegistry.shared.register(losses, origin: origin)
      try OptimizerRegistry.shared.register(optimizers, origin: origin)
    }
  }
}
