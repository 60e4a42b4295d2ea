import CNNGraph
import CNNLayerKit

/// Numbers of other programs for a model that exists: a PyTorch state dict saved as safetensors,
/// say.
public enum WeightFile {
  /// What became of the names on both sides.
  public struct Report: Sendable, Hashable {
    /// Parameters and states that were loaded, in the order of the model's nodes.
    public let loaded: [String]
    /// Parameters and states of the model that the file does not have; they kept their values.
    public let missing: [String]
    /// Tensors of the file that the model does not have.
    public let unexpected: [String]
  }

  /// The last part of names that are ignored in files: PyTorch counts the batches that a batch norm
  /// has seen, and nothing uses the count.
  public static let ignoredSuffixes = [".num_batches_tracked"]

  /// Sets parameters and states of a model from a safetensors file with tensors of the same names.
  ///
  /// Either everything is set or nothing. The shapes must be those of the field, as PyTorch's are:
  /// `[out, in, height, width]` for convolutions, `[out, in]` for linear layers.
  /// - Parameters:
  ///   - path: The file.
  ///   - model: The model.
  ///   - strict: Whether both sides must have the same names. Without it what only one side has is
  ///     left alone and reported.
  /// - Throws: `inputOutput`, `malformedData`, `shapeMismatch` for a tensor of another shape (with
  ///   or without `strict`), `unknownName` if names are missing or left over under `strict` or not
  ///   one name fits, `busy` while the model is being trained.
  @discardableResult
  public static func load(
    _ path: String, into model: Model, strict: Bool = true
  ) throws(CNNError) -> Report {
    let file = try SafetensorsFile(path: path)
    do throws(CNNError) {
      return try file.withUnsafeBytes { bytes throws(CNNError) in
        try load(file.header, bytes, into: model, strict: strict)
      }
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }

  private static func load(
    _ header: SafetensorsHeader, _ bytes: UnsafeRawBufferPointer, into model: Model, strict: Bool
  ) throws(CNNError) -> Report {
    let matching = WeightMatching(model.network, header, ignoring: ignoredSuffixes)
    try matching.requireShapes()
    try matching.requireReadable()
    if strict { try matching.requireSameNames() }
    guard !matching.common.isEmpty else {
      throw CNNError(
        .unknownName,
        "no tensor of the file has the name of a parameter of the model; the file has "
          + "\(matching.list(matching.unexpected)), the model \(matching.list(matching.missing))")
    }
    let common = Set(matching.common)
    // Nothing can go wrong within but memory for one tensor; take it before anything is changed.
    let largest = model.largestSlotCount
    let buffer = try FloatBuffer(count: largest, for: "the largest tensor of the model")
    try model.withWriteAccess { () throws(CNNError) in
      try model.forEachSlot { slot, memory throws(CNNError) in
        guard common.contains(slot.name), let tensor = header.tensor(named: slot.name) else {
          return
        }
        let room = UnsafeMutableBufferPointer(rebasing: buffer.elements[0..<slot.count])
        try tensor.read(from: bytes, into: room)
        slot.copyFromFileLayout(UnsafeBufferPointer(room), memory)
      }
    }
    return Report(
      loaded: matching.common, missing: matching.missing, unexpected: matching.unexpected)
  }
}

/// Compares what a network needs with what a file has.
struct WeightMatching {
  private let expected: [(name: String, shape: [Int])]
  private let header: SafetensorsHeader
  /// Names on both sides, in the order of the network.
  let common: [String]
  /// Names that only the network has.
  let missing: [String]
  /// Names that only the file has, but for the ignored ones.
  let unexpected: [String]

  init(_ network: Network, _ header: SafetensorsHeader, ignoring suffixes: [String]) {
    self.header = header
    expected = network.nodes.flatMap { node in
      (node.layer.parameters + node.layer.states).map { declaration in
        ("\(node.name).\(declaration.name)", declaration.fileShape)
      }
    }
    let names = expected.map(\.name)
    common = names.filter { header.tensor(named: $0) != nil }
    missing = names.filter { header.tensor(named: $0) == nil }
    let known = Set(names)
    unexpected = header.tensors.map(\.name).filter { name in
      !known.contains(name) && !suffixes.contains { name.hasSuffix($0) }
    }
  }

  /// Throws unless the file is the network's own: all names, no others, all shapes.
  func requireComplete() throws(CNNError) {
    do throws(CNNError) {
      try requireSameNames()
      try requireShapes()
    } catch {
      throw .malformedData("the tensors do not fit the graph: \(error.message)")
    }
  }

  func requireSameNames() throws(CNNError) {
    var problems: [String] = []
    if !missing.isEmpty { problems.append("the file lacks \(list(missing))") }
    if !unexpected.isEmpty { problems.append("the model has no \(list(unexpected))") }
    guard problems.isEmpty else {
      throw CNNError(.unknownName, problems.joined(separator: ", and "))
    }
  }

  func requireShapes() throws(CNNError) {
    for (name, shape) in expected {
      guard let tensor = header.tensor(named: name) else { continue }
      guard tensor.shape == shape else {
        throw .shapeMismatch(
          "tensor \"\(name)\" has the shape \(tensor.shape) in the file; the model expects \(shape)"
        )
      }
    }
  }

  func requireReadable() throws(CNNError) {
    for name in common {
      guard let tensor = header.tensor(named: name), !tensor.element.isConvertible else { continue }
      throw CNNError(
        .unsupported,
        "tensor \"\(name)\" is stored as \(tensor.element.rawValue); convert the file to F32")
    }
  }

  /// Names in words, the first few of them.
  func list(_ names: [String]) -> String {
    let shown = names.prefix(5).map { "\"\($0)\"" }.joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown.isEmpty ? "none" : shown
  }
}

extension SafetensorsElement {
  /// Whether `convert` can read it.
  var isConvertible: Bool { self != .float8e4m3 && self != .float8e5m2 }
}

extension ParameterDeclaration {
  /// The shape in files: that of the field, as in `[out, in, height, width]`.
  fileprivate var fileShape: [Int] {
    // A layer that lists no valid order of axes is refused when its model is made.
    guard let fileAxes, fileAxes.allSatisfy(shape.sizes.indices.contains) else {
      return shape.sizes
    }
    return fileAxes.map { shape.sizes[$0] }
  }
}
