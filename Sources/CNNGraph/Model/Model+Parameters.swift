import CNNKernels
import CNNLayerKit

extension Model {
  /// Returns a copy of a parameter or state in the field's layout, as files have it.
  ///
  /// - Parameter name: The full name, as in `conv1.weight`; the shape is the slot's `fileShape`.
  /// - Throws: `unknownName`, or `busy` while the model is being trained.
  public func values(of name: String) throws(CNNError) -> [Float] {
    let (slot, buffer) = try find(name)
    try access.beginReading()
    defer { access.endReading() }
    let memory = self.memory(of: slot, in: buffer)
    // The slot's memory exists already, so a second array of that size is not a caller's whim.
    var values = [Float](repeating: 0, count: slot.count)
    forEachFilePosition(of: slot) { values[$1] = memory[$0] }
    return values
  }

  /// Sets a parameter or state from numbers in the field's layout.
  ///
  /// - Throws: `unknownName`, `shapeMismatch` if the count differs, or `busy` while somebody else
  ///   trains the model.
  public func setValues(of name: String, to values: UnsafeBufferPointer<Float>) throws(CNNError) {
    let (slot, buffer) = try find(name)
    guard values.count == slot.count else {
      throw .shapeMismatch(
        "\"\(name)\" has \(slot.count) numbers of shape \(slot.fileShape), got \(values.count)")
    }
    try access.beginWriting()
    defer { access.endWriting() }
    let memory = self.memory(of: slot, in: buffer)
    forEachFilePosition(of: slot) { memory[$0] = values[$1] }
  }

  /// Sets a parameter or state from numbers in the field's layout.
  public func setValues(of name: String, to values: [Float]) throws(CNNError) {
    var failure: CNNError?
    values.withUnsafeBufferPointer { buffer in
      do throws(CNNError) { try setValues(of: name, to: buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// The numbers of a parameter or state where the model keeps them, in the layout of memory.
  ///
  /// Valid as long as the model. Nothing guards them: call `noteParametersChanged` after writing,
  /// and do not write while another thread uses the model.
  public func memory(of name: String) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    let (slot, buffer) = try find(name)
    return memory(of: slot, in: buffer)
  }

  /// Tells the model that somebody wrote into memory that `memory(of:)` returned.
  public func noteParametersChanged() throws(CNNError) {
    try access.beginWriting()
    access.endWriting()
  }

  /// Gives every parameter and state its first value.
  ///
  /// The same seed gives the same values, whatever else the graph holds before a layer of the same
  /// position.
  func initialize(seed: UInt64) {
    for (index, slot) in parameters.enumerated() {
      ParameterInitialization.fill(
        memory(of: slot, in: parameterMemory), slot.declaration,
        key: RandomKey(seed: seed, node: ParameterInitialization.stream | UInt32(index)))
    }
    for slot in states {
      ParameterInitialization.fill(
        memory(of: slot, in: stateMemory), slot.declaration, key: RandomKey(seed: seed))
    }
  }

  private func find(_ name: String) throws(CNNError) -> (ParameterSlot, FloatBuffer) {
    if let slot = parameters.first(where: { $0.name == name }) { return (slot, parameterMemory) }
    if let slot = states.first(where: { $0.name == name }) { return (slot, stateMemory) }
    throw .unknownName("parameter", name, valid: (parameters + states).map(\.name))
  }
}

/// First values of parameters.
enum ParameterInitialization {
  /// Sets the random numbers of initialisation apart from those of layers, which are numbered from
  /// 0 by node.
  static let stream: UInt32 = 0x8000_0000

  static func fill(
    _ memory: UnsafeMutableBufferPointer<Float>, _ declaration: ParameterDeclaration, key: RandomKey
  ) {
    let fanIn = Double(max(1, declaration.fanIn))
    let fanOut = Double(max(1, declaration.fanOut))
    switch declaration.initializer {
    case .zeros: memory.update(repeating: 0)
    case .constant(let value): memory.update(repeating: Float(value))
    case .normal(let deviation): fillNormal(memory, Float(deviation), key)
    case .he: fillNormal(memory, Float((2 / fanIn).squareRoot()), key)
    case .uniform(let bound): fillUniform(memory, Float(bound), key)
    case .xavier: fillUniform(memory, Float((6 / (fanIn + fanOut)).squareRoot()), key)
    }
  }

  private static func fillNormal(
    _ memory: UnsafeMutableBufferPointer<Float>, _ deviation: Float, _ key: RandomKey
  ) {
    HostServices.functions.fillNormal(memory, key, 0)
    for index in memory.indices { memory[index] *= deviation }
  }

  private static func fillUniform(
    _ memory: UnsafeMutableBufferPointer<Float>, _ bound: Float, _ key: RandomKey
  ) {
    HostServices.functions.fillUniform(memory, key, 0)
    for index in memory.indices { memory[index] = (2 * memory[index] - 1) * bound }
  }
}
