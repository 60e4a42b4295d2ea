import CNNFormats
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit
import Glibc

/// The trained model that a command works with where the user need not name one.
enum DefaultModel {
  /// The environment variable that names the model for commands to which none is given.
  static let variable = "CNN_MODEL"

  /// What `--model` says about being left out.
  static let help = """
    Left out, it is what the environment variable CNN_MODEL says, or else "pets", which tells cats, \
    dogs and neither.
    """

  /// Loads the model that the user named, or else the environment, or else the one that comes with
  /// the program.
  ///
  /// - Parameter argument: A file, or the name of a pretrained model; nil if nothing was named.
  /// - Throws: What loading throws.
  static func open(_ argument: String?) throws(CNNError) -> Model {
    if let argument { return try named(argument) }
    if let value = getenv(variable).map({ String(cString: $0) }), !value.isEmpty {
      do throws(CNNError) {
        return try named(value)
      } catch {
        throw error.prefixed(by: variable)
      }
    }
    return try Model.pretrained()
  }

  /// A file of that name comes first; a word that could not be one is a pretrained model's name.
  private static func named(_ argument: String) throws(CNNError) -> Model {
    if fileExists(argument) || argument.contains("/") || argument.hasSuffix(".cnn") {
      return try Model.load(path: argument)
    }
    return try Model.pretrained(argument)
  }

  /// Whether an argument that may be a picture is a model: its name ends as models' names do, or its
  /// contents begin as theirs, with the length of a description and a brace.
  static func isModelFile(_ path: String) -> Bool {
    if path.hasSuffix(".cnn") || path.hasSuffix(".safetensors") { return true }
    guard let file = try? InputFile(path: path), file.size > 16,
      let start = try? ByteBuffer(uninitializedCount: 9, for: "the beginning of a file"),
      (try? file.read(at: 0, into: start.mutableBytes)) != nil
    else { return false }
    return start.withUnsafeBytes { bytes in
      let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return bytes[8] == UInt8(ascii: "{") && length < UInt64(file.size)
        && Image.FileFormat(signatureOf: bytes) == nil
    }
  }
}
