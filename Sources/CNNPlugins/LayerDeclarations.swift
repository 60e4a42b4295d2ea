import CCNN
import CNNLayerKit

/// What a foreign layer says of itself while it is made.
struct LayerDeclarations: Sendable {
  var outputs: [OutputDeclaration] = []
  var parameters: [ParameterDeclaration] = []
  var states: [ParameterDeclaration] = []
  var backwardReads: BackwardReads = [.inputs, .outputs]
  var supportsInPlace = false
  var isIdentityInInference = false
  var isDifferentiable = true
  var preparedCount = 0
  var operationCount = 0
  var inputsWithoutGradient: Set<Int> = []
  var function: ElementaryFunction?

  fileprivate mutating func set(
    _ property: Int32, _ value: Int64, inputCount: Int
  ) throws(CNNError) {
    func flag() throws(CNNError) -> Bool {
      guard value == 0 || value == 1 else { throw unfit(property, value, "0 or 1") }
      return value == 1
    }
    func count(_ limit: Int) throws(CNNError) -> Int {
      guard let count = Int(exactly: value), (0...limit).contains(count) else {
        throw unfit(property, value, "from 0 to \(limit)")
      }
      return count
    }
    switch Int(property) {
    case CNN_LAYER_BACKWARD_READS:
      backwardReads = BackwardReads(rawValue: try count(CNN_READS_INPUTS + CNN_READS_OUTPUTS))
    case CNN_LAYER_IN_PLACE: supportsInPlace = try flag()
    case CNN_LAYER_IDENTITY_IN_INFERENCE: isIdentityInInference = try flag()
    case CNN_LAYER_PREPARED_COUNT: preparedCount = try count(Shape.maximumCount)
    case CNN_LAYER_OPERATION_COUNT: operationCount = try count(Int.max)
    case CNN_LAYER_INPUT_NOT_DIFFERENTIABLE:
      inputsWithoutGradient.insert(try count(inputCount - 1))
    case CNN_LAYER_NOT_DIFFERENTIABLE: isDifferentiable = try !flag()
    case CNN_LAYER_FUNCTION:
      let functions: [ElementaryFunction?] = [nil, .rectifier, .sigmoid, .softmax]
      function = functions[try count(functions.count - 1)]
    default: throw LayerDeclarations.unknown(property)
    }
  }

  /// The properties that this library knows.
  fileprivate static let properties = CNN_LAYER_BACKWARD_READS...CNN_LAYER_FUNCTION

  fileprivate static func unknown(_ property: Int32) -> CNNError {
    CNNError(
      .unsupported, "set: this library does not know the property \(property) of a layer")
  }

  private func unfit(_ property: Int32, _ value: Int64, _ expected: String) -> CNNError {
    .invalidArgument("set: property \(property) is \(value), and must be \(expected)")
  }

  /// Checks what no single declaration shows.
  fileprivate func check(inputs: [Shape]) throws(CNNError) {
    guard let first = outputs.first else {
      throw CNNError(.layerFailed, "create declared no output: call add_output at least once")
    }
    var names: Set<String> = []
    for name in (parameters + states).map(\.name) where !names.insert(name).inserted {
      throw .invalidArgument("two parameters or states are called \"\(name)\"")
    }
    names = []
    for name in outputs.map(\.name) where !names.insert(name).inserted {
      throw .invalidArgument("two outputs are called \"\(name)\"")
    }
    let fits = inputs.first?.count == first.shape.count
    guard fits || !supportsInPlace && !isIdentityInInference else {
      throw .shapeMismatch(
        "a layer in place or without effect has as many numbers in its first output as in its first "
          + "input, and these are \(first.shape) and \(inputs.first?.description ?? "none")")
    }
    guard function == nil || inputs.count == 1 && outputs.count == 1 && fits else {
      throw .shapeMismatch(
        "a layer with a CNN_LAYER_FUNCTION has one input and one output of the same shape")
    }
  }
}

/// Receives the declarations of one `create`; the `cnn_layer_builder` points here.
final class LayerBuilder {
  private var declarations = LayerDeclarations()
  private let inputs: [Shape]
  /// The first thing that was declared wrongly: it counts even if `create` carries on.
  private var failure: CNNError?

  init(inputs: [Shape]) { self.inputs = inputs }

  /// What was declared.
  ///
  /// - Throws: The first wrong declaration.
  func result() throws(CNNError) -> LayerDeclarations {
    if let failure { throw failure }
    try declarations.check(inputs: inputs)
    return declarations
  }

  /// Runs a declaration; an error is kept and becomes the status.
  private func declare(
    _ body: (inout LayerDeclarations) throws(CNNError) -> Void
  ) -> Int32 {
    do throws(CNNError) {
      try body(&declarations)
      return Int32(CNN_OK)
    } catch {
      if failure == nil { failure = error }
      return report(error)
    }
  }

  /// Leaves the message of an error for the other side, and returns its status.
  private func report(_ error: CNNError) -> Int32 {
    error.message.withCString { Failure.set($0) }
    return error.code.rawValue
  }

  /// The builder behind a pointer that the other side hands back.
  private static func builder(
    _ pointer: UnsafePointer<cnn_layer_builder>?
  ) -> LayerBuilder? {
    guard let context = pointer?.pointee.context else { return nil }
    return Unmanaged<LayerBuilder>.fromOpaque(context).takeUnretainedValue()
  }

  /// Runs `body` with the struct that stands for this builder.
  func withStruct<Result>(
    attributes: UnsafePointer<UnsafePointer<cnn_attribute_value>?>?, attributeCount: Int64,
    _ body: (UnsafePointer<cnn_layer_builder>) -> Result
  ) -> Result {
    let shapes = inputs.map { cnn_shape($0) }
    return shapes.withUnsafeBufferPointer { shapes in
      var foreign = cnn_layer_builder()
      foreign.header = header(of: cnn_layer_builder.self)
      foreign.host = Host.table
      foreign.context = Unmanaged.passUnretained(self).toOpaque()
      foreign.input_count = Int64(shapes.count)
      foreign.inputs = shapes.baseAddress
      foreign.attribute_count = attributeCount
      foreign.attributes = attributes
      foreign.add_output = { builder, name, shape, flags in
        LayerBuilder.builder(builder)?.addOutput(name, shape, flags)
          ?? Int32(CNN_INVALID_ARGUMENT)
      }
      foreign.add_parameter = { builder, parameter in
        LayerBuilder.builder(builder)?.declare { (declarations) throws(CNNError) in
          declarations.parameters.append(try ParameterDeclaration(parameter, "a parameter"))
        } ?? Int32(CNN_INVALID_ARGUMENT)
      }
      foreign.add_state = { builder, state in
        LayerBuilder.builder(builder)?.declare { (declarations) throws(CNNError) in
          declarations.states.append(try ParameterDeclaration(state, "a state"))
        } ?? Int32(CNN_INVALID_ARGUMENT)
      }
      foreign.set = { builder, property, value in
        guard let builder = LayerBuilder.builder(builder) else {
          return Int32(CNN_INVALID_ARGUMENT)
        }
        // Asking for a property that this library does not know is no mistake.
        guard LayerDeclarations.properties.contains(Int(property)) else {
          return builder.report(LayerDeclarations.unknown(property))
        }
        return builder.declare { (declarations) throws(CNNError) in
          try declarations.set(property, value, inputCount: builder.inputs.count)
        }
      }
      return withExtendedLifetime(self) { withUnsafePointer(to: foreign, body) }
    }
  }

  private func addOutput(
    _ name: UnsafePointer<CChar>?, _ foreign: UnsafePointer<cnn_shape>?, _ flags: Int32
  ) -> Int32 {
    declare { (declarations) throws(CNNError) in
      let name = name == nil ? "output" : try text(name, "add_output: the name")
      try checkMemberName(name, "add_output: the name of an output", allowsDots: false)
      guard flags & ~Int32(CNN_OUTPUT_NOT_DIFFERENTIABLE) == 0 else {
        throw .invalidArgument("add_output: the flags \(flags) of \"\(name)\" are unknown")
      }
      declarations.outputs.append(
        OutputDeclaration(
          name, shape: try shape(foreign, "output \"\(name)\""), isDifferentiable: flags == 0))
    }
  }
}

extension ParameterDeclaration {
  /// Reads the declaration of a parameter or state.
  fileprivate init(
    _ pointer: UnsafePointer<cnn_parameter>?, _ what: String
  ) throws(CNNError) {
    var foreign = try copy(pointer, what)
    let name = try text(foreign.name, "the name of \(what)")
    try checkMemberName(name, "the name of \(what)", allowsDots: true)
    let own = try withCopy(of: &foreign.shape) { (pointer) throws(CNNError) in
      try CNNPlugins.shape(pointer, "\(what) \"\(name)\"")
    }
    do throws(CNNError) {
      self.init(
        name, shape: own, initializer: try Initializer(foreign),
        fanIn: try fan(foreign.fan_in, "fan_in"), fanOut: try fan(foreign.fan_out, "fan_out"),
        decays: foreign.decays != 0, fileAxes: try axes(foreign.file_axes, rank: own.rank))
    } catch {
      throw error.prefixed(by: "\(what) \"\(name)\"")
    }
  }
}

/// Checks the name of an output, parameter or state: others refer to it behind the layer's name.
private func checkMemberName(
  _ name: String, _ what: String, allowsDots: Bool
) throws(CNNError) {
  guard LayerRegistry.isName(name), allowsDots || !name.contains(".") else {
    throw .invalidArgument(
      "\(what) has 1 to 128 letters, digits, '_'\(allowsDots ? ", '.'" : "") and '-', got "
        + "\"\(name.prefix(200))\"")
  }
}

private func withCopy<Value, Result>(
  of value: inout Value, _ body: (UnsafePointer<Value>) throws(CNNError) -> Result
) throws(CNNError) -> Result {
  try withUnsafePointer(to: &value) { pointer in
    Swift.Result { () throws(CNNError) in try body(pointer) }
  }.get()
}

private func fan(_ value: Int64, _ name: String) throws(CNNError) -> Int {
  guard value >= 0, let fan = Int(exactly: value), fan <= Shape.maximumCount else {
    throw .invalidArgument("\(name) is \(value), and must be from 0 to \(Shape.maximumCount)")
  }
  return max(1, fan)
}

private func axes(
  _ pointer: UnsafePointer<Int32>?, rank: Int
) throws(CNNError) -> [Int]? {
  guard let pointer else { return nil }
  let given = (0..<rank).map { Int(pointer[$0]) }
  guard given.sorted() == Array(0..<rank) else {
    throw .invalidArgument("file_axes are \(given), and must name each of \(rank) axes once")
  }
  return given
}

extension Initializer {
  fileprivate init(_ foreign: cnn_parameter) throws(CNNError) {
    let value = foreign.initializer_value
    let limit = 1e6
    guard value.isFinite, abs(value) <= limit else {
      throw .invalidArgument("initializer_value is \(value), and must be from -1e6 to 1e6")
    }
    func size() throws(CNNError) -> Double {
      guard value >= 0 else {
        throw .invalidArgument("initializer_value is \(value), and must not be negative")
      }
      return value
    }
    switch Int(foreign.initializer) {
    case CNN_INIT_ZEROS: self = .zeros
    case CNN_INIT_CONSTANT: self = .constant(value)
    case CNN_INIT_NORMAL: self = .normal(standardDeviation: try size())
    case CNN_INIT_UNIFORM: self = .uniform(bound: try size())
    case CNN_INIT_HE: self = .he
    case CNN_INIT_XAVIER: self = .xavier
    default:
      throw .invalidArgument(
        "the initializer is \(foreign.initializer), and must be one of CNN_INIT_ZEROS (0) to "
          + "CNN_INIT_XAVIER (5)")
    }
  }
}
