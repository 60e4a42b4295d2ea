import CNNLayerKit

/// One layer to look at: attributes, and the shapes of its inputs.
struct LayerCase: Sendable, CustomStringConvertible {
  let type: LayerType
  let attributes: [String: AttributeValue]
  let inputs: [Shape]

  var description: String {
    let shapes = inputs.map(\.description).joined(separator: ", ")
    return attributes.isEmpty
      ? "input \(shapes)" : "input \(shapes), attributes \(AttributeValue.object(attributes))"
  }

  func make() throws(CNNError) -> any Layer {
    try type.make(attributes: attributes, inputs: inputs)
  }
}

/// Finds layers of a type that can be made.
struct CaseFinder {
  let type: LayerType
  let request: CheckRequest

  /// Shapes that most layers can do something with, odd ones among them.
  private static let shapes: [[Int]] = [
    [7, 5, 3], [8, 8, 4], [12], [1, 1, 1], [6, 5], [5, 4, 3, 2], [],
  ]
  /// The most cases that are looked at.
  private static let most = 8

  /// The cases: of several shapes with defaults, then with other words and truth values, then with more
  /// inputs.
  ///
  /// - Parameter isLarge: Whether samples are to have many numbers.
  /// - Throws: A finding if no layer can be made.
  func cases(isLarge: Bool = false) throws -> [LayerCase] {
    if !request.inputs.isEmpty {
      switch firstThatWorks(request.inputs) {
      case .success(let found): return isLarge ? [] : [found] + otherWords(found)
      case .failure(let error): throw Finding(error.message)
      }
    }
    let shapes = isLarge ? [[61, 47, 8], [20000]] : CaseFinder.shapes
    var (cases, lastError) = ([LayerCase](), "no shape was tried")
    let least = type.inputCount.lowerBound
    for sizes in shapes {
      guard let shape = try? Shape(sizes) else { continue }
      for inputs in arrangements(shape, count: least) {
        switch firstThatWorks(inputs) {
        case .success(let found): cases.append(found)
        case .failure(let error): lastError = error.message
        }
      }
      if isLarge, !cases.isEmpty { return cases }
    }
    guard let first = cases.first else {
      if isLarge { return [] }
      throw Finding(
        "no layer could be made, with any of some shapes and values of attributes; give --inputs and "
          + "--attributes that work. The last attempt: \(lastError)")
    }
    let others = moreInputs(first) + otherWords(first)
    return Array(
      (cases.prefix(max(3, CaseFinder.most - others.count)) + others)
        .prefix(CaseFinder.most))
  }

  /// Inputs of one shape, or a second one that is a number for each channel.
  private func arrangements(_ shape: Shape, count: Int) -> [[Shape]] {
    let same = Array(repeating: shape, count: count)
    guard count == 2, shape.rank > 1, let channels = try? Shape([shape.sizes[shape.rank - 1]])
    else { return [same] }
    return [same, [shape, channels]]
  }

  /// Values for the attributes that have to be given, beside those that were given.
  ///
  /// - Parameter number: Which of several values.
  func attributes(
    number: Int, inputs: [Shape], extra: AttributeSpecification? = nil
  ) -> [String: AttributeValue] {
    var attributes = request.attributes
    for attribute in type.attributes where attributes[attribute.name] == nil {
      guard attribute.defaultValue == nil || attribute == extra else { continue }
      attributes[attribute.name] = AttributeGuess.value(attribute, number: number, inputs: inputs)
    }
    return attributes
  }

  /// The first values of attributes with which a layer can be made.
  private func firstThatWorks(_ inputs: [Shape]) -> Result<LayerCase, CNNError> {
    let given = request.attributes
    let isComplete = type.attributes.allSatisfy { $0.defaultValue != nil || given[$0.name] != nil }
    let optional = type.attributes.filter { $0.defaultValue == .null && given[$0.name] == nil }
    var error = CNNError(.invalidArgument, "nothing was tried")
    for extra in [nil] + optional.map(Optional.some) {
      for number in 0..<AttributeGuess.count {
        let candidate = LayerCase(
          type: type, attributes: attributes(number: number, inputs: inputs, extra: extra),
          inputs: inputs)
        do throws(CNNError) {
          _ = try candidate.make()
          return .success(candidate)
        } catch let problem {
          error = problem
        }
        if isComplete && extra == nil { break }
      }
    }
    return .failure(error)
  }

  private func moreInputs(_ first: LayerCase) -> [LayerCase] {
    let least = type.inputCount.lowerBound
    return [least + 1, least + 2].filter(type.inputCount.contains).compactMap { count in
      let inputs = Array(repeating: first.inputs[0], count: count)
      return working(first.attributes, inputs)
    }
  }

  /// The first case with each of the words and truth values that are not the default.
  private func otherWords(_ first: LayerCase) -> [LayerCase] {
    var cases: [LayerCase] = []
    for attribute in type.attributes where request.attributes[attribute.name] == nil {
      let values: [AttributeValue]
      switch attribute.kind {
      case .boolean: values = [true, false]
      case .choice(let words): values = words.map(AttributeValue.string)
      default: continue
      }
      for value in values where value != attribute.defaultValue {
        let attributes = first.attributes.merging([attribute.name: value]) { $1 }
        if let found = working(attributes, first.inputs) { cases.append(found) }
      }
    }
    return cases
  }

  private func working(
    _ attributes: [String: AttributeValue], _ inputs: [Shape]
  ) -> LayerCase? {
    let candidate = LayerCase(type: type, attributes: attributes, inputs: inputs)
    return (try? candidate.make()) == nil ? nil : candidate
  }
}

extension CheckContext {
  /// The layer type that is looked at.
  func layerType() throws -> LayerType { try LayerRegistry.shared.type(named: type) }

  /// The layers that are looked at.
  func layerCases() throws -> [LayerCase] {
    try CaseFinder(type: layerType(), request: request).cases()
  }

  /// The layers that are looked at, if they can be trained through.
  ///
  /// - Throws: Why there are none.
  func differentiableCases() throws -> [LayerCase] {
    let cases = try layerCases().filter { try $0.make().isDifferentiable }
    guard !cases.isEmpty else { throw Skip("the layer has no backward") }
    return cases
  }

  /// The same with samples of many numbers; none if such layers cannot be made.
  func largeCases() throws -> [LayerCase] {
    try CaseFinder(type: layerType(), request: request).cases(isLarge: true)
  }
}
