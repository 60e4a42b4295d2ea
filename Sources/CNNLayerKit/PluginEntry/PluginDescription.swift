internal import CCNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A plugin written in Swift: layer types that any program can load, whatever language it is in.
///
/// The author of a plugin needs this module and one function of this name, in a dynamic library:
///
/// ```swift
/// import CNNLayerKit
///
/// @_cdecl("cnn_plugin_entry")
/// public func pluginEntry(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? {
///   PluginDescription("org.example.mish", version: "1.0.0", layers: [Mish.type]).entry(host)
/// }
/// ```
///
/// Layers behave as they do when registered from Swift, with two exceptions: they cannot take part in
/// fusion other than by `elementaryFunction`, and attributes cannot be of kind `any`.
public struct PluginDescription: Sendable {
  /// The plugin's name, with a reversed domain in front.
  public let id: String
  /// Its version.
  public let version: String
  /// What it holds, in a sentence.
  public let summary: String
  /// Its layer types.
  public let layers: [LayerType]

  /// Describes a plugin.
  public init(_ id: String, version: String, summary: String = "", layers: [LayerType]) {
    self.id = id
    self.version = version
    self.summary = summary
    self.layers = layers
  }

  /// Returns what `cnn_plugin_entry` has to return.
  ///
  /// - Parameter host: What `cnn_plugin_entry` was given, a `const cnn_host *`.
  /// - Returns: A `const cnn_plugin *` that lives for ever, or nil after telling the host why not.
  public func entry(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? {
    guard let host = host?.assumingMemoryBound(to: cnn_host.self),
      host.pointee.header.abi_major == CNN_PLUGIN_ABI_MAJOR
    else { return nil }
    PluginHost.table = host
    var types: [UnsafePointer<cnn_layer_type>?] = []
    for layer in layers {
      do throws(CNNError) {
        types.append(UnsafePointer(PluginMemory.keep(try cnn_layer_type(layer))))
      } catch {
        let error = error.prefixed(by: "layer type \"\(layer.name)\"")
        _ = error.message.withCString { host.pointee.fail?(error.code.rawValue, $0) }
        return nil
      }
    }
    var plugin = cnn_plugin()
    plugin.header = pluginHeader(of: cnn_plugin.self)
    plugin.id = PluginMemory.keep(text: id)
    plugin.version = PluginMemory.keep(text: version)
    plugin.summary = PluginMemory.keep(text: summary)
    plugin.layer_type_count = Int64(types.count)
    plugin.layer_types = UnsafePointer(PluginMemory.keep(list: types))
    return UnsafeRawPointer(PluginMemory.keep(plugin))
  }
}

/// The header of a struct that this side fills.
func pluginHeader<Value>(of type: Value.Type) -> cnn_struct_header {
  cnn_struct_header(
    size: UInt32(MemoryLayout<Value>.size), abi_major: UInt16(CNN_PLUGIN_ABI_MAJOR),
    abi_minor: UInt16(CNN_PLUGIN_ABI_MINOR))
}

/// Memory for descriptions, which live as long as the process: a plugin is never unloaded.
enum PluginMemory {
  static func keep<Value>(_ value: Value) -> UnsafeMutablePointer<Value> {
    let place = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    place.initialize(to: value)
    return place
  }

  static func keep<Value>(list: [Value]) -> UnsafeMutablePointer<Value> {
    let place = UnsafeMutablePointer<Value>.allocate(capacity: max(1, list.count))
    place.initialize(from: list, count: list.count)
    return place
  }

  static func keep(text: String) -> UnsafePointer<CChar> {
    UnsafePointer(keep(list: Array(text.utf8CString)))
  }
}

extension cnn_layer_type {
  /// Describes a Swift layer type in C.
  ///
  /// - Throws: `unsupported` for an attribute that cannot be described.
  fileprivate init(_ type: LayerType) throws(CNNError) {
    self.init()
    var attributes: [UnsafePointer<cnn_attribute>?] = []
    for attribute in type.attributes {
      attributes.append(UnsafePointer(PluginMemory.keep(try cnn_attribute(attribute))))
    }
    header = pluginHeader(of: cnn_layer_type.self)
    id = PluginMemory.keep(text: type.name)
    summary = PluginMemory.keep(text: type.summary)
    version = Int32(clamping: type.version)
    minimum_inputs = Int32(clamping: type.inputCount.lowerBound)
    maximum_inputs = Int32(clamping: type.inputCount.upperBound)
    attribute_count = Int32(clamping: attributes.count)
    self.attributes = UnsafePointer(PluginMemory.keep(list: attributes))
    user = Unmanaged.passRetained(PluginLayerType(type)).toOpaque()
    create = { PluginLayer.create($0, $1, $2) }
    destroy = { PluginLayer.destroy($0) }
    workspace = { PluginLayer.workspace($0, $1, $2) }
    prepare = { PluginLayer.prepare($0, $1) }
    forward = { PluginLayer.forward($0, $1) }
    backward = { PluginLayer.backward($0, $1) }
  }
}

extension cnn_attribute {
  /// Describes an attribute in C.
  fileprivate init(_ attribute: AttributeSpecification) throws(CNNError) {
    self.init()
    header = pluginHeader(of: cnn_attribute.self)
    name = PluginMemory.keep(text: attribute.name)
    summary = PluginMemory.keep(text: attribute.summary)
    default_json = attribute.defaultValue.map { PluginMemory.keep(text: $0.description) }
    switch attribute.kind {
    case .integer(let range): set(CNN_ATTRIBUTE_INTEGER, range)
    case .number(let range):
      kind = Int32(CNN_ATTRIBUTE_NUMBER)
      (minimum, maximum) = (range.lowerBound, range.upperBound)
    case .boolean: kind = Int32(CNN_ATTRIBUTE_BOOLEAN)
    case .string: kind = Int32(CNN_ATTRIBUTE_STRING)
    case .choice(let words):
      kind = Int32(CNN_ATTRIBUTE_CHOICE)
      choice_count = Int32(clamping: words.count)
      let list: [UnsafePointer<CChar>?] = words.map { PluginMemory.keep(text: $0) }
      choices = UnsafePointer(PluginMemory.keep(list: list))
    case .pair(let range): set(CNN_ATTRIBUTE_PAIR, range)
    case .padding: kind = Int32(CNN_ATTRIBUTE_PADDING)
    case .integers(let range): set(CNN_ATTRIBUTE_INTEGERS, range)
    case .any:
      throw CNNError(
        .unsupported, "attribute \"\(attribute.name)\" is of kind any, which plugins cannot have")
    }
  }

  private mutating func set(_ kind: Int, _ range: ClosedRange<Int>) {
    self.kind = Int32(kind)
    (minimum, maximum) = (Double(range.lowerBound), Double(range.upperBound))
  }
}
