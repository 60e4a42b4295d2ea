internal import CCNN

/// A Swift layer type behind the `user` pointer of a `cnn_layer_type`.
final class PluginLayerType: Sendable {
  let type: LayerType
  init(_ type: LayerType) { self.type = type }
}

/// A Swift layer behind the pointer that `create` gives, and the functions of a `cnn_layer_type`.
final class PluginLayer: Sendable {
  private let layer: any Layer
  private let inputs: [Shape]

  private init(_ layer: any Layer, _ inputs: [Shape]) {
    self.layer = layer
    self.inputs = inputs
  }

  private static func layer(_ pointer: UnsafeMutableRawPointer?) -> PluginLayer? {
    pointer.map { Unmanaged<PluginLayer>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Runs `body`; tells the host of an error.
  private static func status(
    _ host: UnsafePointer<cnn_host>?, _ body: () throws(CNNError) -> Void
  ) -> Int32 {
    do throws(CNNError) {
      try body()
      return Int32(CNN_OK)
    } catch {
      let code = error.code.rawValue
      return error.message.withCString { host?.pointee.fail?(code, $0) } ?? code
    }
  }

  // MARK: Making

  static func create(
    _ builder: UnsafePointer<cnn_layer_builder>?, _ user: UnsafeMutableRawPointer?,
    _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> Int32 {
    guard let builder, let user, let out else { return Int32(CNN_INVALID_ARGUMENT) }
    let type = Unmanaged<PluginLayerType>.fromOpaque(user).takeUnretainedValue().type
    return status(builder.pointee.host) { () throws(CNNError) in
      let inputs = try shapes(builder.pointee.inputs, builder.pointee.input_count)
      let layer = try type.make(
        attributes: values(type, builder.pointee), inputs: inputs)
      try declare(layer, inputCount: inputs.count, to: builder)
      out.pointee = Unmanaged.passRetained(PluginLayer(layer, inputs)).toOpaque()
    }
  }

  static func destroy(_ pointer: UnsafeMutableRawPointer?) {
    if let pointer { Unmanaged<PluginLayer>.fromOpaque(pointer).release() }
  }

  private static func shapes(
    _ pointer: UnsafePointer<cnn_shape>?, _ count: Int64
  ) throws(CNNError) -> [Shape] {
    guard let pointer else { return [] }
    var result: [Shape] = []
    for index in 0..<Int(count) {
      var foreign = pointer[index]
      let sizes = withUnsafeBytes(of: &foreign.sizes) { bytes in
        bytes.bindMemory(to: Int64.self).prefix(Int(foreign.rank)).map { Int($0) }
      }
      result.append(try Shape(sizes))
    }
    return result
  }

  /// The attributes as a graph would write them.
  private static func values(
    _ type: LayerType, _ builder: cnn_layer_builder
  ) -> [String: AttributeValue] {
    var values: [String: AttributeValue] = [:]
    for (index, attribute) in type.attributes.enumerated() where index < builder.attribute_count {
      guard let value = builder.attributes?[index]?.pointee else { continue }
      values[attribute.name] = self.value(attribute.kind, value)
    }
    return values
  }

  private static func value(
    _ kind: AttributeSpecification.Kind, _ value: cnn_attribute_value
  ) -> AttributeValue {
    if value.is_null != 0 { return .null }
    let numbers = (0..<Int(value.integer_count)).map { index in
      AttributeValue.integer(Int(value.integers?[index] ?? 0))
    }
    switch kind {
    case .integer: return .integer(Int(value.integer))
    case .number: return .number(value.number)
    case .boolean: return .boolean(value.integer != 0)
    case .string, .choice, .any: return .string(value.text.map { String(cString: $0) } ?? "")
    case .pair, .integers: return .list(numbers)
    case .padding:
      if let text = value.text { return .string(String(cString: text)) }
      return .list([.list(Array(numbers.prefix(2))), .list(Array(numbers.dropFirst(2)))])
    }
  }

  // MARK: Calls

  static func workspace(
    _ pointer: UnsafeMutableRawPointer?, _ request: UnsafePointer<cnn_workspace_request>?,
    _ out: UnsafeMutablePointer<cnn_workspace>?
  ) -> Int32 {
    guard let own = layer(pointer), let request, let out else {
      return Int32(CNN_INVALID_ARGUMENT)
    }
    return status(request.pointee.host) { () throws(CNNError) in
      let workspace = try own.layer.workspace(
        batch: Int(request.pointee.batch),
        mode: request.pointee.training == 0 ? .inference : .training,
        concurrency: Int(request.pointee.concurrency))
      out.pointee.cache = Int64(workspace.cache)
      out.pointee.forward_scratch = Int64(workspace.forwardScratch)
      out.pointee.backward_scratch = Int64(workspace.backwardScratch)
    }
  }

  static func prepare(
    _ pointer: UnsafeMutableRawPointer?, _ call: UnsafePointer<cnn_prepare_call>?
  ) -> Int32 {
    guard let own = layer(pointer), let call = call?.pointee else {
      return Int32(CNN_INVALID_ARGUMENT)
    }
    return status(call.host) { () throws(CNNError) in
      let layer = own.layer
      let services = LayerServices(concurrency: call.concurrency)
      try withTensorLists(count: layer.parameters.count + layer.states.count) {
        (lists) throws(CNNError) in
        try layer.prepare(
          PrepareCall(
            parameters: lists.list(call.parameters, layer.parameters),
            states: lists.list(call.states, layer.states),
            prepared: buffer(call.prepared, layer.preparedCount), services: services))
      }
    }
  }

  static func forward(
    _ pointer: UnsafeMutableRawPointer?, _ call: UnsafePointer<cnn_forward_call>?
  ) -> Int32 {
    guard let own = layer(pointer), let call = call?.pointee else {
      return Int32(CNN_INVALID_ARGUMENT)
    }
    return status(call.host) { () throws(CNNError) in
      let layer = own.layer
      let mode: ExecutionMode = call.training == 0 ? .inference : .training
      let batch = Int(call.batch)
      let services = LayerServices(concurrency: call.concurrency)
      let workspace = try layer.workspace(
        batch: batch, mode: mode, concurrency: services.concurrency)
      try withTensorLists(count: own.tensorCount) { (lists) throws(CNNError) in
        try layer.forward(
          ForwardCall(
            batch: batch, mode: mode, inputs: lists.list(call.inputs, own.inputs, batch),
            outputs: lists.list(call.outputs, layer.outputs.map(\.shape), batch),
            parameters: lists.list(call.parameters, layer.parameters),
            states: lists.list(call.states, layer.states),
            prepared: buffer(UnsafeMutablePointer(mutating: call.prepared), layer.preparedCount),
            cache: buffer(call.cache, workspace.cache),
            scratch: buffer(call.scratch, workspace.forwardScratch),
            random: RandomKey(call.random), services: services))
      }
    }
  }

  static func backward(
    _ pointer: UnsafeMutableRawPointer?, _ call: UnsafePointer<cnn_backward_call>?
  ) -> Int32 {
    guard let own = layer(pointer), let call = call?.pointee else {
      return Int32(CNN_INVALID_ARGUMENT)
    }
    return status(call.host) { () throws(CNNError) in
      let layer = own.layer
      let batch = Int(call.batch)
      let outputs = layer.outputs.map(\.shape)
      let services = LayerServices(concurrency: call.concurrency)
      let workspace = try layer.workspace(
        batch: batch, mode: .training, concurrency: services.concurrency)
      try withTensorLists(count: 2 * own.tensorCount) { (lists) throws(CNNError) in
        try layer.backward(
          BackwardCall(
            batch: batch, inputs: lists.list(call.inputs, own.inputs, batch),
            outputs: lists.list(call.outputs, outputs, batch),
            outputGradients: lists.list(call.output_gradients, outputs, batch),
            inputGradients: lists.list(call.input_gradients, own.inputs, batch),
            parameters: lists.list(call.parameters, layer.parameters),
            parameterGradients: lists.list(call.parameter_gradients, layer.parameters),
            states: lists.list(call.states, layer.states),
            cache: buffer(UnsafeMutablePointer(mutating: call.cache), workspace.cache),
            scratch: buffer(call.scratch, workspace.backwardScratch),
            random: RandomKey(call.random), services: services))
      }
    }
  }

  /// How many tensors a forward call has; a backward call has at most twice as many.
  private var tensorCount: Int {
    inputs.count + layer.outputs.count + layer.parameters.count + layer.states.count
  }
}
