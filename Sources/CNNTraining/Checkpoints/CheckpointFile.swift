import CNNFormats
import CNNGraph
import CNNLayerKit

/// The names of what is in a checkpoint, which is a safetensors file.
///
/// Nothing in it depends on time, threads or the place of the file, so that the same training gives
/// the same bytes. Numbers are in the layout of memory.
enum CheckpointFile {
  /// Keys and values of the metadata.
  static let formatKey = "format"
  static let format = "cnn-checkpoint"
  static let versionKey = "format_version"
  static let version = "1"
  static let graphKey = "graph"
  static let trainingKey = "training"
  static let runKey = "run"

  static let stepLosses = "history.steps"

  static func parameter(_ slot: ParameterSlot) -> String { "parameters." + slot.name }
  static func state(_ slot: ParameterSlot) -> String { "states." + slot.name }
  static func optimizer(_ state: String, _ slot: ParameterSlot) -> String {
    "optimizer.\(state).\(slot.name)"
  }
  static func best(_ name: String) -> String { "best." + name }
  static func average(_ name: String) -> String { "average." + name }
}

/// Reads a checkpoint in two passes: first everything is checked, then everything is taken over.
struct CheckpointReader {
  let file: SafetensorsFile
  let path: String
  private var pending: [(name: String, destination: UnsafeMutableBufferPointer<Float>)] = []

  /// Reads a file and checks that it is a checkpoint of `model`'s graph.
  ///
  /// - Throws: `inputOutput`, `malformedData`, or `shapeMismatch` for another graph.
  init(path: String, model: Model) throws(CNNError) {
    self.path = path
    file = try SafetensorsFile(path: path)
    guard file.metadata[CheckpointFile.formatKey] == CheckpointFile.format else {
      throw .malformedData("\"\(path)\" is no checkpoint of a training")
    }
    let version = file.metadata[CheckpointFile.versionKey] ?? "?"
    guard version == CheckpointFile.version else {
      throw .malformedData(
        "\"\(path)\" is a checkpoint of version \(version), this library reads version "
          + CheckpointFile.version)
    }
    guard file.metadata[CheckpointFile.graphKey] == model.network.graph.json else {
      throw .shapeMismatch("\"\(path)\" is a checkpoint of a network with another graph")
    }
  }

  /// The members of a JSON object in the metadata.
  ///
  /// - Throws: `malformedData` if there is none.
  func members(_ key: String) throws(CNNError) -> [String: AttributeValue] {
    guard let text = file.metadata[key] else {
      throw .malformedData("\"\(path)\" lacks \"\(key)\"")
    }
    return try JSONText.parseObject(text, "\"\(key)\" of \"\(path)\"")
  }

  /// Notes that a tensor belongs into `destination`.
  ///
  /// - Throws: `malformedData` if there is no such tensor of that size.
  mutating func expect(
    _ name: String, in destination: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    guard let tensor = file.header.tensor(named: name), tensor.element == .float32,
      tensor.count == destination.count
    else {
      throw .malformedData(
        "\"\(path)\" has no tensor \"\(name)\" of \(destination.count) 32-bit numbers")
    }
    pending.append((name, destination))
  }

  /// Reads everything that was expected.
  func commit() throws(CNNError) {
    for (name, destination) in pending { try file.read(name, into: destination) }
  }

  /// Numbers of 64 bits that were written as bytes.
  func doubles(_ name: String) throws(CNNError) -> [Double] {
    guard file.header.tensor(named: name) != nil else {
      throw .malformedData("\"\(path)\" has no tensor \"\(name)\"")
    }
    return try file.integers(of: name).map { Double(bitPattern: UInt64(bitPattern: $0)) }
  }
}

/// Whether two values are the same in JSON, where numbers without a fraction are integers.
func areSame(_ a: AttributeValue?, _ b: AttributeValue?) -> Bool {
  JSONText.write((a ?? .null).normalized) == JSONText.write((b ?? .null).normalized)
}

extension AttributeValue {
  fileprivate var normalized: AttributeValue {
    switch self {
    case .number(let value): Int(exactly: value).map { .integer($0) } ?? self
    case .list(let items): .list(items.map(\.normalized))
    case .object(let members): .object(members.mapValues(\.normalized))
    default: self
    }
  }
}

extension SafetensorsWriter {
  /// Adds the numbers of a parameter or state, or what belongs to one.
  mutating func add(
    _ name: String, _ slot: ParameterSlot, _ numbers: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    try add(name, shape: slot.declaration.shape.sizes, floats: UnsafeBufferPointer(numbers))
  }

  /// Adds numbers of 64 bits, exactly.
  mutating func add(_ name: String, doubles: [Double]) throws(CNNError) {
    try add(name, doubles.map { Int64(bitPattern: $0.bitPattern) })
  }
}
