/// The kinds of layer that graphs may name.
///
/// Built-in and foreign types enter through the same `register`. Types are never removed, because
/// models refer to them. Thread-safe.
public final class LayerRegistry: Sendable {
  /// The registry of the process, used wherever no other is given.
  public static let shared = LayerRegistry()

  private let types = Locked<[String: (type: LayerType, origin: TypeOrigin)]>([:])
  private let blocks = Locked<[String: LayerBlock]>([:])

  /// Creates an empty registry.
  public init() {}

  /// Adds a kind of layer.
  ///
  /// - Throws: `invalidArgument` if the name is taken or not made of letters, digits, `_`, `-` and
  ///   `.`, if the version is below 1, or if two attributes share a name or take a reserved one
  ///   (`name`, `type`, `inputs`).
  public func register(_ type: LayerType) throws(CNNError) {
    try register([type], origin: .program)
  }

  /// Adds kinds of layer that belong together: all of them, or none if one cannot be added.
  ///
  /// - Parameters:
  ///   - new: The types.
  ///   - origin: Where they come from.
  /// - Throws: As `register(_:)`.
  public func register(_ new: [LayerType], origin: TypeOrigin) throws(CNNError) {
    for type in new {
      try LayerRegistry.check(
        "layer type", name: type.name, version: type.version, attributes: type.attributes)
    }
    let taken: (name: String, origin: String)? = types.withLock { types in
      var names: Set<String> = []
      for type in new {
        if let present = types[type.name] { return (type.name, present.origin.description) }
        if block(named: type.name) != nil { return (type.name, TypeOrigin.builtIn.description) }
        guard names.insert(type.name).inserted else { return (type.name, origin.description) }
      }
      for type in new { types[type.name] = (type, origin) }
      return nil
    }
    if let taken {
      throw .invalidArgument(
        "a layer type \"\(taken.name)\" is registered already (\(taken.origin))")
    }
  }

  /// Returns where a type comes from, or nil if there is none of this name.
  public func origin(of name: String) -> TypeOrigin? { types.withLock { $0[name]?.origin } }

  /// Returns the type called `name`.
  ///
  /// - Throws: `unknownName` with the nearest name there is.
  public func type(named name: String) throws(CNNError) -> LayerType {
    if let type = types.withLock({ $0[name]?.type }) { return type }
    if name.contains(".") {
      let known = names.filter { $0.contains(".") }
      let nearest =
        nearestName(to: name, among: known).map { " (or did you mean \"\($0)\"?)" } ?? ""
      throw CNNError(
        .unknownName,
        "unknown layer type \"\(name)\": it belongs to a plugin or program that is not here; load the "
          + "plugin or register the type first\(nearest)")
    }
    throw .unknownName("layer type", name, valid: names + blockNames)
  }

  /// Adds a block, under the same rules as a kind of layer.
  public func register(_ block: LayerBlock) throws(CNNError) {
    try LayerRegistry.check("block", name: block.name, version: 1, attributes: block.attributes)
    let isNew = types.withLock { types in
      guard types[block.name] == nil else { return false }
      return blocks.withLock { blocks in
        guard blocks[block.name] == nil else { return false }
        blocks[block.name] = block
        return true
      }
    }
    guard isNew else {
      throw .invalidArgument("a layer type or block \"\(block.name)\" is registered already")
    }
  }

  /// Returns the block called `name`, or nil if there is none.
  public func block(named name: String) -> LayerBlock? { blocks.withLock { $0[name] } }

  /// The names of all types, sorted.
  public var names: [String] { types.withLock { $0.keys.sorted() } }

  /// The names of all blocks, sorted.
  public var blockNames: [String] { blocks.withLock { $0.keys.sorted() } }

  /// Whether a text can be the name of a type, an attribute or a plugin.
  package static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 128
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
          UInt8(ascii: "."):
          true
        default: false
        }
      }
  }

  private static func check(
    _ kind: String, name: String, version: Int, attributes: [AttributeSpecification]
  ) throws(CNNError) {
    guard isName(name) else {
      throw .invalidArgument(
        "the name of a \(kind) has 1 to 128 letters, digits, '_', '-' and '.', got \"\(name)\"")
    }
    guard version >= 1 else {
      throw .invalidArgument("\(kind) \"\(name)\": the version is at least 1")
    }
    var seen: Set<String> = ["name", "type", "inputs"]
    for attribute in attributes {
      guard isName(attribute.name), seen.insert(attribute.name).inserted else {
        throw .invalidArgument(
          "\(kind) \"\(name)\": attribute \"\(attribute.name)\" is reserved, repeated or "
            + "not a name")
      }
    }
  }
}
