public import CNNGraph
public import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Model {
  /// Loads one of the models that come with the library.
  ///
  /// `pets` says whether a photo shows a cat, a dog, or neither. A model `NAME` is the file
  /// `NAME.cnn`, and is looked for in the folders of `PretrainedModels.folders()`, in their order.
  ///
  /// ```swift
  /// let recognizer = try Recognizer(try Model.pretrained("pets"))
  /// ```
  /// - Parameter name: The model's name: letters, digits, `-`, `_` and `.`, and no dot in front.
  /// - Throws: `invalidArgument` for what cannot be a name, `inputOutput` if there is no such file,
  ///   with all places that were looked at; otherwise what loading a model throws.
  public static func pretrained(_ name: String = PretrainedModels.defaultName) throws(CNNError)
    -> Model
  {
    try load(path: try PretrainedModels.path(of: name))
  }
}

/// Where the models are that come with the library.
public enum PretrainedModels {
  /// The name of the model that is used where none is named.
  public static let defaultName = "pets"

  /// The environment variable with folders to look into first, separated by colons.
  public static let searchPathVariable = "CNN_MODEL_PATH"

  /// Returns the folders in which models are looked for, in order.
  ///
  /// 1. those that the environment variable `CNN_MODEL_PATH` names, separated by colons;
  /// 2. with D for the folder of the file that holds this code (the program or the shared library,
  ///    behind symbolic links): `D/models`, `D/../share/cnn/models` and `D/../../share/cnn/models`;
  /// 3. if that file was built in a checkout of the project (D lies below a folder `.build`): the
  ///    folder `models` beside `.build`.
  ///
  /// The current folder is not among them, so that a file that happens to lie there is never taken.
  public static func folders() -> [String] {
    var folders: [String] = []
    if let value = getenv(searchPathVariable) {
      folders = String(cString: value).split(separator: ":").map(String.init)
    }
    guard let file = ProgramFile.path, let slash = file.lastIndex(of: "/") else { return folders }
    let folder = file[..<slash]
    folders.append("\(folder)/models")
    // Lexically, since the path has no symbolic links any more.
    var above = folder
    for _ in 0..<2 {
      guard let slash = above.lastIndex(of: "/") else { break }
      above = above[..<slash]
      folders.append("\(above)/share/cnn/models")
    }
    if let root = checkout(around: folder) { folders.append("\(root)/models") }
    return folders
  }

  /// Returns the file of a model.
  ///
  /// - Throws: `invalidArgument` for what cannot be a name, `inputOutput` if the file is in none of
  ///   the folders.
  public static func path(of name: String) throws(CNNError) -> String {
    let isPlain = name.utf8.allSatisfy { byte in
      UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
        || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-_.".utf8.contains(byte)
    }
    guard isPlain, !name.isEmpty, !name.hasPrefix("."), name.utf8.count <= 100 else {
      throw .invalidArgument(
        "\"\(name)\" is no name of a pretrained model: names have letters, digits, \"-\", \"_\" and "
          + "\".\"; to load a file, use the function that takes a path")
    }
    let places = folders().map { "\($0)/\(name).cnn" }
    if let found = places.first(where: { access($0, F_OK) == 0 }) { return found }
    throw CNNError(
      .inputOutput,
      "there is no pretrained model \"\(name)\": \(name).cnn is in none of the places where it "
        + "could be; set \(searchPathVariable) to the folder that has it. Looked at: "
        + (places.isEmpty ? "nothing" : places.joined(separator: ", ")))
  }

  /// The folder around the nearest `.build` above `folder`, or nil if there is none.
  private static func checkout(around folder: Substring) -> Substring? {
    var part = folder
    while let slash = part.lastIndex(of: "/") {
      if part[slash...] == "/.build" { return part[..<slash] }
      part = part[..<slash]
    }
    return nil
  }
}

/// The file from which this code was loaded: the program, or the shared library.
private enum ProgramFile {
  /// Its path without symbolic links, or nil if the system does not tell.
  static let path: String? = {
    let marker: @convention(c) () -> Void = {}
    let address = unsafeBitCast(marker, to: UInt.self)
    #if os(Linux)
      // Of the main program, `dladdr` knows only what it was called by, which anybody may choose.
      return mappedFile(at: address)
    #else
      var info = Dl_info()
      guard let pointer = UnsafeRawPointer(bitPattern: address), dladdr(pointer, &info) != 0,
        let name = info.dli_fname, let real = realpath(name, nil)
      else { return nil }
      defer { free(real) }
      return String(cString: real)
    #endif
  }()

  #if os(Linux)
    /// The file that the kernel has mapped where `address` is.
    private static func mappedFile(at address: UInt) -> String? {
      guard let file = fopen("/proc/self/maps", "re") else { return nil }
      defer { fclose(file) }
      var line: UnsafeMutablePointer<CChar>?
      var capacity = 0
      defer { free(line) }
      while getline(&line, &capacity, file) > 0, let text = line.map({ String(cString: $0) }) {
        // from-to permissions offset device inode path
        let fields = text.dropLast().split(separator: " ", maxSplits: 5)
        let bounds = fields.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
        guard bounds.count == 2, bounds[0] <= address, address < bounds[1] else { continue }
        guard fields.count == 6 else { return nil }
        let path = fields[5].drop { $0 == " " }
        return path.hasPrefix("/") ? String(path) : nil
      }
      return nil
    }
  #endif
}
