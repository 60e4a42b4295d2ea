import CNNGraph
import CNNLayerKit

/// Models in files: one safetensors file with the numbers as tensors, and everything else in its
/// metadata.
///
/// Every parameter and state lies there under its full name (`conv1.weight`) in the layout of the
/// field (`[out, in, height, width]`), so Python's `safetensors` reads it and PyTorch loads it
/// without a script. The metadata holds
///
/// | key | text |
/// |---|---|
/// | `format` | `cnn` |
/// | `format_version` | `1`; a reader refuses a higher one |
/// | `cnn_version` | the version of the library that wrote the file |
/// | `graph` | the graph as JSON |
/// | `layer_types` | the version of each layer type in use, as JSON: `{"conv2d": 1}` |
/// | `class_names` | a list of names as JSON; absent without names |
///
/// and the model's own metadata (such as `preprocessing` and `recognition`) under its own keys.
///
/// The same model always gives the same bytes: tensors come in the order of the graph, everything
/// else is sorted, and nothing depends on time, place or process.
public enum ModelFile {
  /// How the trained numbers of a model are stored.
  ///
  /// Half precision takes half of the room. Numbers are rounded to the nearest, of two equally near
  /// ones to the one whose last bit is 0; reading them is exact. What stays in 32 bits: states (such
  /// as running statistics, which are few and may have any magnitude), and every parameter with a
  /// finite number that would become infinite.
  public enum Precision: String, Sendable, CaseIterable {
    /// 32 bits, exact.
    case float32
    /// IEEE 754 half precision: 11 significant bits from 6.1e-5 to 65504, fewer down to 6e-8,
    /// below which numbers become zero.
    case float16
    /// The upper half of a 32-bit number: 8 significant bits, the whole range of magnitudes.
    case bfloat16

    fileprivate var element: SafetensorsElement {
      switch self {
      case .float32: .float32
      case .float16: .float16
      case .bfloat16: .bfloat16
      }
    }
  }

  /// The version of the layout of files, which grows when old readers would misread new files.
  public static let formatVersion = 1

  /// Keys of the metadata that a model's own metadata cannot use.
  public static let reservedKeys = [
    "format", "format_version", "cnn_version", "graph", "layer_types", "class_names",
  ]

  /// Writes a model to a file, replacing one that exists only when the new one is complete.
  ///
  /// - Throws: `inputOutput`, and then the file at `path` is as it was; `invalidArgument` if the
  ///   model's metadata uses a reserved key; `busy` while the model is being trained.
  public static func save(
    _ model: Model, to path: String, precision: Precision = .float32
  ) throws(CNNError) {
    let metadata = try self.metadata(of: model)
    try model.withReadAccess { () throws(CNNError) in
      try writer(model, metadata, precision).write(to: path)
    }
  }

  /// Returns what `save` would write.
  ///
  /// - Throws: `invalidArgument`, `busy` or `outOfMemory`.
  public static func encode(
    _ model: Model, precision: Precision = .float32
  ) throws(CNNError) -> ByteBuffer {
    let metadata = try self.metadata(of: model)
    return try model.withReadAccess { () throws(CNNError) in
      try writer(model, metadata, precision).encoded()
    }
  }

  /// Reads a model from a file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - registry: Where layer types are looked up; those that the model needs must be there.
  /// - Throws: `inputOutput`; `malformedData` if it is no such file or does not fit its own graph;
  ///   `unknownName` if a layer type is missing; `unsupported` for files of a newer version;
  ///   `outOfMemory`.
  public static func load(
    path: String, registry: LayerRegistry = .shared
  ) throws(CNNError) -> Model {
    let file = try InputFile(path: path)
    do throws(CNNError) { return try load(.file(file), registry) } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }

  /// Returns how the parameters of a model file are stored: in 16 bits if any of its tensors is.
  ///
  /// - Throws: `inputOutput`; `malformedData` if it is no safetensors file.
  public static func precision(path: String) throws(CNNError) -> Precision {
    let file = try InputFile(path: path)
    do throws(CNNError) {
      let elements = Set(try SafetensorsSource.file(file).header().tensors.map(\.element))
      return [Precision.float16, .bfloat16].first { elements.contains($0.element) } ?? .float32
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }

  /// Reads a model from memory that holds what a file holds; no pointer to it is kept.
  ///
  /// - Throws: As `load(path:registry:)`.
  public static func load(
    bytes: UnsafeRawBufferPointer, registry: LayerRegistry = .shared
  ) throws(CNNError) -> Model {
    try load(.memory(bytes), registry)
  }

  // MARK: Writing

  private static func metadata(of model: Model) throws(CNNError) -> [String: String] {
    var metadata = model.metadata
    for key in reservedKeys where metadata[key] != nil {
      throw .invalidArgument(
        "the model's metadata uses the key \"\(key)\", which the file format needs for itself")
    }
    var versions: [String: AttributeValue] = [:]
    for node in model.network.nodes { versions[node.type] = .integer(node.typeVersion) }
    metadata["format"] = "cnn"
    metadata["format_version"] = String(formatVersion)
    metadata["cnn_version"] = libraryVersion
    metadata["graph"] = model.network.graph.json
    metadata["layer_types"] = JSONText.write(.object(versions))
    if !model.classNames.isEmpty {
      metadata["class_names"] = JSONText.write(.list(model.classNames.map(AttributeValue.string)))
    }
    return metadata
  }

  private static func writer(
    _ model: Model, _ metadata: [String: String], _ precision: Precision
  ) throws(CNNError) -> SafetensorsWriter {
    var writer = SafetensorsWriter(metadata: metadata)
    let trained = Set(model.parameters.map(\.name))
    let element = precision.element
    try model.forEachSlot { slot, memory throws(CNNError) in
      if precision != .float32, trained.contains(slot.name), element.keepsFinite(memory) {
        try writer.add(slot.name, shape: slot.fileShape, roundedTo: element) { destination in
          slot.copyToFileLayout(UnsafeBufferPointer(memory), destination)
        }
      } else if slot.declaration.fileAxes == nil {
        try writer.add(slot.name, shape: slot.fileShape, floats: UnsafeBufferPointer(memory))
      } else {
        try writer.add(slot.name, shape: slot.fileShape) { destination in
          slot.copyToFileLayout(UnsafeBufferPointer(memory), destination)
        }
      }
    }
    return writer
  }

  // MARK: Reading

  private static func load(
    _ source: SafetensorsSource, _ registry: LayerRegistry
  ) throws(CNNError) -> Model {
    let header = try source.header()
    let graph = try self.graph(header.metadata)
    try checkLayerTypes(header.metadata, registry)
    let network = try Network(graph, registry: registry)
    // Before taking memory for parameters: the graph of a small file may ask for any amount of it.
    try WeightMatching(network, header, ignoring: []).requireComplete()
    let classNames = try self.classNames(header.metadata)
    let model = try Model(network: network)
    try SlotReader(model, header, source).readAll()
    model.classNames = classNames
    model.metadata = header.metadata.filter { !reservedKeys.contains($0.key) }
    return model
  }

  private static func graph(_ metadata: [String: String]) throws(CNNError) -> Graph {
    guard metadata["format"] == "cnn", let graph = metadata["graph"] else {
      throw .malformedData(
        "this is a safetensors file without a model description in its metadata; to use its "
          + "numbers, create the model first and load them as weights")
    }
    guard let version = metadata["format_version"].flatMap({ Int($0) }), version >= 1 else {
      throw .malformedData("the metadata has no valid \"format_version\"")
    }
    guard version <= formatVersion else {
      throw CNNError(
        .unsupported,
        "the file has version \(version) of the format, written by cnn "
          + "\(metadata["cnn_version"] ?? "of unknown version"); this is cnn \(libraryVersion), which "
          + "reads versions up to \(formatVersion)")
    }
    return try Graph(json: graph)
  }

  private static func checkLayerTypes(
    _ metadata: [String: String], _ registry: LayerRegistry
  ) throws(CNNError) {
    guard let text = metadata["layer_types"] else { return }
    let versions = try JSONText.parseObject(text, "\"layer_types\" of the metadata")
    let known = Set(registry.names)
    let missing = versions.keys.sorted().filter { !known.contains($0) }
    guard missing.isEmpty else {
      throw CNNError(
        .unknownName,
        "the model needs layer types that are not registered: "
          + missing.map { "\"\($0)\" version \(versions[$0] ?? .null)" }.joined(separator: ", ")
          + "; load the plugin that provides them (cnn_plugin_load, cnn.load_plugin, --plugin), or "
          + "register them, before the model")
    }
    for (name, value) in versions.sorted(by: { $0.key < $1.key }) {
      guard let version = value.asInteger else {
        throw .malformedData("\"layer_types\" of the metadata holds \(value) as a version")
      }
      let present = try registry.type(named: name).version
      guard version <= present else {
        throw CNNError(
          .unsupported,
          "the model needs version \(version) of layer type \"\(name)\", and version \(present) is "
            + "registered; update what provides it")
      }
    }
  }

  private static func classNames(_ metadata: [String: String]) throws(CNNError) -> [String] {
    guard let text = metadata["class_names"] else { return [] }
    guard case .list(let items) = try JSONText.parse(text, "\"class_names\" of the metadata") else {
      throw .malformedData("\"class_names\" of the metadata must be a list of names")
    }
    let names = items.compactMap(\.asString)
    guard names.count == items.count else {
      throw .malformedData("\"class_names\" of the metadata must be a list of names")
    }
    return names
  }
}

/// Reads the numbers of a model that nobody else has yet.
struct SlotReader {
  private let model: Model
  private let header: SafetensorsHeader
  private let source: SafetensorsSource
  /// Room for a tensor whose layout differs in memory.
  private let room: FloatBuffer

  init(
    _ model: Model, _ header: SafetensorsHeader, _ source: SafetensorsSource
  ) throws(CNNError) {
    self.model = model
    self.header = header
    self.source = source
    let counts = (model.parameters + model.states).map {
      $0.declaration.fileAxes == nil ? 0 : $0.count
    }
    room = try FloatBuffer(count: counts.max() ?? 0, for: "the largest tensor of the model")
  }

  /// Reads every slot.
  ///
  /// - Throws: `malformedData` if the file lacks one, or what reading throws.
  func readAll() throws(CNNError) {
    try model.forEachSlot { slot, memory throws(CNNError) in
      guard let tensor = header.tensor(named: slot.name) else {
        throw .malformedData("the file has no tensor \"\(slot.name)\"")
      }
      guard slot.declaration.fileAxes != nil else { return try source.read(tensor, into: memory) }
      let copy = UnsafeMutableBufferPointer(rebasing: room.elements[..<slot.count])
      try source.read(tensor, into: copy)
      slot.copyFromFileLayout(UnsafeBufferPointer(copy), memory)
    }
  }
}

extension Model {
  /// Writes the model to a file; see `ModelFile.save(_:to:precision:)`.
  public func save(
    to path: String, precision: ModelFile.Precision = .float32
  ) throws(CNNError) {
    try ModelFile.save(self, to: path, precision: precision)
  }

  /// Reads a model from a file; see `ModelFile.load(path:registry:)`.
  public static func load(path: String) throws(CNNError) -> Model {
    try ModelFile.load(path: path)
  }
}
