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
  private let entries: Locked<[String: Entry]>

  /// Creates a registry that knows `builtIn`; of equal names the last one counts.
  public init(_ builtIn: [Entry] = []) {
    entries = Locked(Dictionary(builtIn.map { ($0.name, $0) }, uniquingKeysWith: { $1 }))
  }

  /// Adds a kind.
  ///
  /// - Throws: `invalidArgument` if the name is taken or not made of 1 to 128 letters, digits,
  ///   `_`, `-` and `.`.
  public func register(_ entry: Entry) throws(CNNError) {
    guard isName(entry.name) else {
      throw .invalidArgument(
        "the name of a \(Entry.kind) has 1 to 128 letters, digits, '_', '-' and '.', got "
          + "\"\(entry.name)\"")
    }
    let isNew = entries.withLock { entries in
      guard entries[entry.name] == nil else { return false }
      entries[entry.name] = entry
      return true
    }
    guard isNew else {
      throw .invalidArgument("a \(Entry.kind) \"\(entry.name)\" is registered already")
    }
  }

  /// Returns the kind called `name`.
  ///
  /// - Throws: `unknownName` with the nearest name there is.
  public func entry(named name: String) throws(CNNError) -> Entry {
    if let entry = entries.withLock({ $0[name] }) { return entry }
    throw .unknownName(Entry.kind, name, valid: names)
  }

  /// The names of all kinds, sorted.
  public var names: [String] { entries.withLock { $0.keys.sorted() } }

  private func isName(_ name: String) -> Bool {
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
}
