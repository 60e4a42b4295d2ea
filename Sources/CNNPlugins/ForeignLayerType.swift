import CCNN
import CNNLayerKit

extension LayerType {
  /// Makes a kind of layer of a description in C.
  ///
  /// - Throws: `invalidArgument` or `unsupported` for a description that makes no sense; the message
  ///   names the type as far as it is known.
  package init(_ foreign: UnsafePointer<cnn_layer_type>?) throws(CNNError) {
    try self.init(try copy(foreign))
  }

  init(_ foreign: cnn_layer_type) throws(CNNError) {
    let name = try text(foreign.id, "the id of a cnn_layer_type")
    do throws(CNNError) {
      try self.init(foreign, named: name)
    } catch {
      throw error.prefixed(by: "layer type \"\(name)\"")
    }
  }

  private init(_ foreign: cnn_layer_type, named name: String) throws(CNNError) {
    try checkForeignName(name)
    guard foreign.create != nil else { throw .invalidArgument("create is NULL, and must be there") }
    guard foreign.forward != nil else {
      throw .invalidArgument("forward is NULL, and must be there")
    }
    let (least, most) = (foreign.minimum_inputs, foreign.maximum_inputs)
    let isGiven = least != 0 || most != 0
    guard !isGiven || least >= 1 && least <= most && Int(most) <= LayerType.maximumInputs else {
      throw .invalidArgument(
        "the number of inputs is from \(least) to \(most), and must be within 1 to "
          + "\(LayerType.maximumInputs)")
    }
    let specifications = try attributeSpecifications(
      foreign.attributes, count: foreign.attribute_count, reserved: ["name", "type", "inputs"])
    let functions = ForeignFunctions(foreign)
    self.init(
      name, version: Int(foreign.version),
      summary: try optionalText(foreign.summary, "the summary"),
      inputCount: isGiven ? Int(least)...Int(most) : 1...1, attributes: specifications
    ) { (attributes, inputs) throws(CNNError) in
      try ForeignLayer(
        functions.value, named: name, specifications: specifications, attributes: attributes,
        inputs: inputs)
    }
  }
}

/// The functions of a type, and its user pointer.
///
/// Safety: never changed; the other side promises that its functions may be called from any thread.
struct ForeignFunctions<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}

/// Checks that a foreign type cannot be taken for one that the library brings along.
///
/// - Throws: `invalidArgument` unless there is a dot in the name.
func checkForeignName(_ name: String) throws(CNNError) {
  guard name.contains(".") else {
    throw .invalidArgument(
      "the name of a type that is not built in has a reversed domain in front, as in "
        + "\"org.example.\(name)\"")
  }
}
