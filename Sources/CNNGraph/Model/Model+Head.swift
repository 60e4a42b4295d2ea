import CNNLayerKit

extension Model {
  /// Returns a copy of the model for other classes: its last layer with parameters is new, and
  /// everything before it as it was.
  ///
  /// The layer is the last one before the first output whose attribute sets how many numbers come
  /// out, such as a linear layer or a convolution before a global average; its parameters, and those
  /// of layers behind it, get first values from `seed`. Preprocessing and other
  /// metadata stay, except for what was measured of the old classes.
  ///
  /// - Parameters:
  ///   - classes: The names of the new classes, in the order of the outputs; at least one, each
  ///     different.
  ///   - layer: The name of the layer to replace, or nil to find it.
  ///   - seed: Decides the first values of the new layer's parameters.
  ///   - registry: Where layer types are looked up.
  /// - Throws: `invalidArgument` for class names that are missing, empty or the same, `unknownName`
  ///   for a layer that does not exist, `unsupported` if no layer, or not the one named, sets the
  ///   number of outputs, `busy` while the model is trained, `outOfMemory`.
  public func replacingHead(
    classes: [String], layer: String? = nil, seed: UInt64 = 0, registry: LayerRegistry = .shared
  ) throws(CNNError) -> Model {
    var seen: Set<String> = []
    for (index, name) in classes.enumerated() {
      guard !name.isEmpty else { throw .invalidArgument("\"classes\": name \(index) is empty") }
      guard seen.insert(name).inserted else {
        throw .invalidArgument("\"classes\" names \"\(name)\" twice; each class has its own name")
      }
    }
    let model = try replacingHead(
      classCount: classes.count, layer: layer, seed: seed, registry: registry)
    model.classNames = classes
    return model
  }

  /// Returns a copy of the model for `classCount` classes without names; see
  /// `replacingHead(classes:layer:seed:registry:)`.
  public func replacingHead(
    classCount: Int, layer: String? = nil, seed: UInt64 = 0, registry: LayerRegistry = .shared
  ) throws(CNNError) -> Model {
    guard classCount >= 1, classCount <= Model.maximumClassCount else {
      throw .invalidArgument(
        "\"classes\": a model has from 1 to \(Model.maximumClassCount) classes, got \(classCount)")
    }
    let finder = HeadFinder(network: network, registry: registry)
    let (network, node) = try finder.replace(classes: classCount, layer: layer)
    let model = try Model(network: network)
    model.initialize(seed: seed)
    try access.beginReading()
    defer { access.endReading() }
    copyNumbers(to: model, except: network.nodes(dependingOn: node))
    model.metadata = metadata.filter { !Model.keysOfClasses.contains($0.key) }
    return model
  }

  /// Returns a copy with parameters of its own.
  ///
  /// - Throws: `busy` while the model is trained, `outOfMemory`.
  package func copy() throws(CNNError) -> Model {
    let model = try Model(network: network)
    try model.copyNumbers(from: self)
    model.classNames = classNames
    model.metadata = metadata
    return model
  }

  /// The most classes that a head may have.
  static let maximumClassCount = 1 << 20

  /// Keys of `metadata` with what was measured of a model's own classes, which says nothing of
  /// others.
  package static let keysOfClasses: Set<String> = [recognitionKey]

  /// Copies what has the same name and shape in the other model, except for some of its nodes.
  func copyNumbers(to model: Model, except new: Set<Int>) {
    func copy(
      _ old: [ParameterSlot], _ from: FloatBuffer, _ all: [ParameterSlot], _ to: FloatBuffer
    ) {
      let sources = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      for target in all where !new.contains(target.node) {
        guard let source = sources[target.name],
          source.declaration.shape == target.declaration.shape
        else { continue }
        _ = model.memory(of: target, in: to).update(fromContentsOf: memory(of: source, in: from))
      }
    }
    copy(parameters, parameterMemory, model.parameters, model.parameterMemory)
    copy(states, stateMemory, model.states, model.stateMemory)
  }
}

extension Network {
  /// The node and all that take, over any number of steps, what it computes.
  package func nodes(dependingOn node: Int) -> Set<Int> {
    nodes[node].outputs.reduce(into: [node]) { $0.formUnion(nodes(dependingOnTensor: $1)) }
  }

  /// The nodes that take, over any number of steps, a tensor.
  func nodes(dependingOnTensor tensor: Int) -> Set<Int> {
    var tensors: Set<Int> = [tensor]
    var result: Set<Int> = []
    for (index, other) in nodes.enumerated() where !tensors.isDisjoint(with: other.inputs) {
      tensors.formUnion(other.outputs)
      result.insert(index)
    }
    return result
  }
}
