/// Where a kind of layer, loss or optimizer comes from.
public enum TypeOrigin: Hashable, Sendable, CustomStringConvertible {
  /// The library itself.
  case builtIn
  /// The program, which registered it.
  case program
  /// A plugin.
  case plugin(id: String, version: String)

  /// The origin in words.
  public var description: String {
    switch self {
    case .builtIn: "built in"
    case .program: "this program"
    case .plugin(let id, let version): "plugin \(id) \(version)"
    }
  }
}
