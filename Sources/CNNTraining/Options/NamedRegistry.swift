public import CNNLayerKit

/// Something that is chosen by name: a kind of loss or of optimizer.
public protocol NamedType: Sendable {
  /// What such a thing is called in messages, as in "loss".
  static var kind: String { get }
  /// The name by which options refer to it.
  var name: String { get }
}

/// The kinds of loss or optimizer that options may name.
///
/// Built-in and foreign kinds enter through the same `register`. Kinds are never removed.
/// Thread-safe.
public final class NamedRegistry<Entry: NamedType>: Sendable {
  private let entries: Locked<[String: (entry: Entry, origin: TypeOrigin)]>

  /// Creates a registry that knows `builtIn`; of equal names the last one counts.
  public init(_ builtIn: [Entry] = []) {
    entries = Locked(
      Dictionary(
        builtIn.map { ($0.name, (entry: $0, origin: TypeOrigin.builtIn)) }, uniquingKeysWith: { $1 }
      ))
  }

  /// Adds a kind.
  ///
  /// - Throws: `invalidArgument` if the name is taken or not made of 1 to 128 letters, digits,
  ///   `_`, `-` and `.`.
  public func register(_ entry: Entry) throws(CNNError) {
    try register([entry], origin: .program)
  }

  /// Adds kinds that belong together: all of them, or none if one cannot be added.
  ///
  /// - Parameters:
  ///   - new: The kinds.
  ///   - origin: Where they come from.
  /// - Throws: As `register(_:)`.
  public func register(_ new: [Entry], origin: TypeOrigin) throws(CNNError) {
    try entries.withLock { entries throws(CNNError) in
      try check(new, entries)
      for entry in new { entries[entry.name] = (entry, origin) }
    }
  }

  /// Checks that kinds can be added.
  ///
  /// - Throws: As `register(_:origin:)`.
  package func check(_ new: [Entry]) throws(CNNError) {
    try entries.withLock { entries throws(CNNError) in try check(new, entries) }
  }

  private func check(
    _ new: [Entry], _ entries: [String: (entry: Entry, origin: TypeOrigin)]
  ) throws(CNNError) {
    var names: Set<String> = []
    for name in new.map(\.name) {
      guard LayerRegistry.isName(name) else {
        throw .invalidArgument(
          "the name of a \(Entry.kind) has 1 to 128 letters, digits, '_', '-' and '.', got \"\(name)\""
        )
      }
      let origin = entries[name]?.origin
      guard origin == nil, names.insert(name).inserted else {
        throw .invalidArgument(
          "a \(Entry.kind) \"\(name)\" is registered already"
            + (origin.map { " (\($0))" } ?? ""))
      }
    }
  }

  /// Returns where a kind comes from, or nil if there is none of this name.
  public func origin(of name: String) -> TypeOrigin? { entries.withLock { $0[name]?.origin } }

  /// Returns the kind called `name`.
  ///
  /// - Throws: `unknownName` with the nearest name there is.
  public func entry(named name: String) throws(CNNError) -> Entry {
    if let entry = entries.withLock({ $0[name]?.entry }) { return entry }
    throw .unknownName(Entry.kind, name, valid: names)
  }

  /// The names of all kinds, sorted.
  public var names: [String] { entries.withLock { $0.keys.sorted() } }
}
