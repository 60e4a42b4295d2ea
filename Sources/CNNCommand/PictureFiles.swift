import CNNData
import CNNLayerKit
import Glibc

/// The picture files that arguments name.
enum PictureFiles {
  /// What an argument stands for: a file to be read, or the reason why there is none.
  enum Entry {
    case file(String)
    case failure(String, CNNError)
  }

  /// Returns the files in the order of the arguments, those of a folder sorted by name, the files of a
  /// folder before those of the folders in it.
  ///
  /// Of folders, only files whose names end in `.png`, `.jpg` or `.jpeg` count, in any case, and no
  /// hidden ones. A folder without any is a failure.
  ///
  /// - Parameters:
  ///   - arguments: Files and folders.
  ///   - isRecursive: Whether folders in folders are followed; each is listed once, even if symbolic
  ///     links lead there again.
  static func list(_ arguments: [String], isRecursive: Bool) -> [Entry] {
    arguments.flatMap { argument -> [Entry] in
      guard Folder.kind(of: argument) == .folder else { return [.file(argument)] }
      var seen: Set<String> = []
      let entries = list(folder: argument, isRecursive: isRecursive, seen: &seen)
      guard entries.isEmpty else { return entries }
      let hint = isRecursive ? "" : "; --recursive also looks into its folders"
      return [
        .failure(
          argument,
          CNNError(
            .inputOutput,
            "the folder \"\(argument)\" holds no files that end in .png, .jpg or .jpeg\(hint)"))
      ]
    }
  }

  private static func list(
    folder: String, isRecursive: Bool, seen: inout Set<String>
  ) -> [Entry] {
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    if let real = realpath(folder, nil) {
      defer { free(real) }
      guard seen.insert(String(cString: real)).inserted else { return [] }
    }
    do throws(CNNError) {
      let contents = try Folder.contents(of: folder)
      var entries = contents.pictures.map { Entry.file(prefix + $0) }
      guard isRecursive else { return entries }
      for name in contents.folders {
        entries += list(folder: prefix + name, isRecursive: true, seen: &seen)
      }
      return entries
    } catch {
      return [.failure(folder, error)]
    }
  }
}
