internal import CCNN

extension PluginLayer {
  /// Tells the host what a layer is.
  ///
  /// - Throws: `layerFailed` if the host refuses it; the host knows why.
  static func declare(
    _ layer: any Layer, inputCount: Int, to builder: UnsafePointer<cnn_layer_builder>
  ) throws(CNNError) {
    for output in layer.outputs {
      var shape = cnn_shape(output.shape)
      let flags = output.isDifferentiable ? 0 : Int32(CNN_OUTPUT_NOT_DIFFERENTIABLE)
      try check(
        output.name.withCString { builder.pointee.add_output?(builder, $0, &shape, flags) })
    }
    for parameter in layer.parameters {
      try check(parameter.withForeign { builder.pointee.add_parameter?(builder, $0) })
    }
    for state in layer.states {
      try check(state.withForeign { builder.pointee.add_state?(builder, $0) })
    }
    func set(_ property: Int, _ value: Int) throws(CNNError) {
      try check(builder.pointee.set?(builder, Int32(property), Int64(value)))
    }
    try set(CNN_LAYER_BACKWARD_READS, layer.backwardReads.rawValue)
    try set(CNN_LAYER_IN_PLACE, layer.supportsInPlace ? 1 : 0)
    try set(CNN_LAYER_IDENTITY_IN_INFERENCE, layer.isIdentityInInference ? 1 : 0)
    try set(CNN_LAYER_PREPARED_COUNT, layer.preparedCount)
    try set(CNN_LAYER_OPERATION_COUNT, max(0, layer.operationCount))
    try set(CNN_LAYER_NOT_DIFFERENTIABLE, layer.isDifferentiable ? 0 : 1)
    for index in 0..<inputCount where !layer.isDifferentiable(input: index) {
      try set(CNN_LAYER_INPUT_NOT_DIFFERENTIABLE, index)
    }
    switch layer.elementaryFunction {
    case .rectifier?: try set(CNN_LAYER_FUNCTION, CNN_FUNCTION_RECTIFIER)
    case .sigmoid?: try set(CNN_LAYER_FUNCTION, CNN_FUNCTION_SIGMOID)
    case .softmax?: try set(CNN_LAYER_FUNCTION, CNN_FUNCTION_SOFTMAX)
    case .leakyRectifier?, nil: break
    }
  }

  private static func check(_ status: Int32?) throws(CNNError) {
    guard status == Int32(CNN_OK) else {
      throw CNNError(.layerFailed, "the host refused a declaration of the layer")
    }
  }
}

extension ParameterDeclaration {
  /// Runs `body` with the declaration in C.
  fileprivate func withForeign(_ body: (UnsafePointer<cnn_parameter>) -> Int32?) -> Int32? {
    var foreign = cnn_parameter()
    foreign.header = pluginHeader(of: cnn_parameter.self)
    foreign.shape = cnn_shape(shape)
    foreign.decays = decays ? 1 : 0
    foreign.fan_in = Int64(fanIn)
    foreign.fan_out = Int64(fanOut)
    let (kind, value): (Int, Double) =
      switch initializer {
      case .zeros: (CNN_INIT_ZEROS, 0)
      case .constant(let value): (CNN_INIT_CONSTANT, value)
      case .normal(let deviation): (CNN_INIT_NORMAL, deviation)
      case .uniform(let bound): (CNN_INIT_UNIFORM, bound)
      case .he: (CNN_INIT_HE, 0)
      case .xavier: (CNN_INIT_XAVIER, 0)
      }
    foreign.initializer = Int32(kind)
    foreign.initializer_value = value
    let axes = (fileAxes ?? []).map { Int32(clamping: $0) }
    return name.withCString { name in
      foreign.name = name
      return axes.withUnsafeBufferPointer { axes in
        foreign.file_axes = axes.isEmpty ? nil : axes.baseAddress
        return body(&foreign)
      }
    }
  }
}

extension cnn_shape {
  fileprivate init(_ shape: Shape) {
    self.init()
    rank = Int64(shape.rank)
    withUnsafeMutableBytes(of: &sizes) { bytes in
      let field = bytes.bindMemory(to: Int64.self)
      for (axis, size) in shape.sizes.enumerated() where axis < field.count {
        field[axis] = Int64(size)
      }
    }
  }
}
