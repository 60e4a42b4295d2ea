import CNNLayerKit
import CNNPlugins
import Glibc

/// The plugins that the environment names.
enum PluginFiles {
  /// The variable, which the library itself never reads.
  static let variable = "CNN_PLUGIN_PATH"

  /// Loads every plugin that the environment names, in order; those of a folder sorted by name.
  ///
  /// - Throws: What loading one of them throws, naming the variable.
  static func loadFromEnvironment() throws(CNNError) {
    guard let value = getenv(variable).map({ String(cString: $0) }) else { return }
    for entry in value.split(separator: ":").map(String.init) {
      do throws(CNNError) {
        for path in try files(at: entry) { try Plugin.load(path: path) }
      } catch {
        throw error.prefixed(by: variable)
      }
    }
  }

  /// The shared objects of a folder, or the file itself.
  private static func files(at place: String) throws(CNNError) -> [String] {
    guard let folder = opendir(place) else {
      // A file, or nothing: loading it says which.
      return [place]
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
          String(cString: $0)
        }
      }
      if name.hasSuffix(".so") { names.append(name) }
    }
    return names.sorted().map { place + "/" + $0 }
  }
}
