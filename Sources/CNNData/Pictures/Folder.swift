import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is in the file system, behind symbolic links.
package enum Folder {
  package enum Kind {
    case file
    case folder
    case other
  }

  package struct Contents {
    /// Names of folders, sorted.
    package internal(set) var folders: [String] = []
    /// Names of files, sorted.
    package internal(set) var files: [String] = []

    /// The names of those files that end as PNG and JPEG files do.
    package var pictures: [String] { files.filter(Folder.isPicture) }

    /// The same with names in the order of their bytes.
    func sorted() -> Contents {
      func isBefore(_ a: String, _ b: String) -> Bool {
        a.utf8.lexicographicallyPrecedes(b.utf8)
      }
      return Contents(folders: folders.sorted(by: isBefore), files: files.sorted(by: isBefore))
    }
  }

  /// Whether a file's name ends as those of PNG and JPEG files do.
  static func isPicture(_ name: String) -> Bool {
    let lowercased = name.lowercased()
    return [".jpg", ".jpeg", ".png"].contains { lowercased.hasSuffix($0) }
  }

  /// What `path` is, or nil if there is nothing that can be seen.
  package static func kind(of path: String) -> Kind? {
    var status = stat()
    guard !path.utf8.contains(0), stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// Lists a folder without hidden entries.
  ///
  /// - Throws: `inputOutput` with the system's reason.
  package static func contents(of path: String) throws(CNNError) -> Contents {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw .invalidArgument("the path of the folder is empty or contains a zero byte")
    }
    guard let folder = opendir(path) else {
      let reason = String(cString: strerror(errno))
      throw CNNError(.inputOutput, "cannot open the folder \"\(path)\": \(reason)")
    }
    defer { closedir(folder) }
    var contents = Contents()
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { bytes in
        String(validatingCString: UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self))
      }
      guard let name else {
        throw CNNError(
          .inputOutput, "the folder \"\(path)\" holds a name that is not UTF-8; rename that file")
      }
      if name.hasPrefix(".") { continue }
      switch kind(of: "\(path)/\(name)") {
      case .file: contents.files.append(name)
      case .folder: contents.folders.append(name)
      default: continue
      }
    }
    return contents.sorted()
  }
}

extension Folder {
  /// The folder that a file is in.
  static func containing(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
