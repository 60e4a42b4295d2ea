import CNNLayerKit

/// How often samples of a mixture are drawn.
struct MixtureWeights {
  private let sources: [MixtureDataset.Source]
  /// How many samples each source has of each class.
  private let counts: [[Int]]

  init(sources: [MixtureDataset.Source], counts: [[Int]]) {
    self.sources = sources
    self.counts = counts
  }

  /// The number of samples of an epoch where nothing else says it: nil for as many as there are.
  var usualEpoch: Int? {
    guard sources.contains(where: { $0.repetitions != 1 }) else { return nil }
    let sum = zip(sources, counts).reduce(0.0) { sum, source in
      sum + source.0.repetitions * Double(source.1.reduce(0, +))
    }
    return Int(exactly: sum.rounded()).map { max(1, $0) }
  }

  /// The weight of a sample by its source and class; nil if all are equally frequent.
  ///
  /// - Throws: `invalidArgument` for weights of sources or classes that do not fit each other.
  func weights(
    classNames: [String], classWeights: [String: Double]?
  ) throws(CNNError) -> [[Double]]? {
    let base = try sourceWeights()
    guard base != nil || classWeights != nil else { return nil }
    let perSample = base ?? [Double](repeating: 1, count: sources.count)
    var result = perSample.map { [Double](repeating: $0, count: classNames.count) }
    guard let classWeights else { return result }
    let shares = try checked(classWeights, classNames)
    for label in classNames.indices {
      let mass = sources.indices.reduce(0.0) { $0 + Double(counts[$1][label]) * perSample[$1] }
      for source in sources.indices {
        result[source][label] *= mass > 0 ? shares[label] / mass : 0
      }
    }
    return result
  }

  /// The weight of a sample of each source.
  private func sourceWeights() throws(CNNError) -> [Double]? {
    let given = sources.compactMap(\.weight)
    if given.isEmpty {
      let repetitions = sources.map(\.repetitions)
      return repetitions.contains { $0 != 1 } ? repetitions : nil
    }
    guard given.count == sources.count else {
      let other = sources.first { $0.weight == nil }
      throw .invalidArgument(
        "source \"\(other?.name ?? "")\" has no weight, and others have one; give one to all "
          + "sources or to none")
    }
    if let other = sources.first(where: { $0.repetitions != 1 }) {
      throw .invalidArgument(
        "source \"\(other.name)\" has both a weight and \"repeat\"; leave one of them out")
    }
    return zip(sources.indices, given).map { index, weight in
      weight / Double(max(1, counts[index].reduce(0, +)))
    }
  }

  /// The weights of all classes, in label order.
  private func checked(
    _ weights: [String: Double], _ classNames: [String]
  ) throws(CNNError) -> [Double] {
    for name in weights.keys.sorted() where !classNames.contains(name) {
      throw CNNError.unknownName("class", name, valid: classNames).prefixed(by: "class_weights")
    }
    var shares: [Double] = []
    for (label, name) in classNames.enumerated() {
      guard let weight = weights[name] else {
        throw .invalidArgument("class_weights says nothing of class \"\(name)\"")
      }
      guard weight >= 0, weight <= 1e9 else {
        throw .invalidArgument(
          "class_weights: \"\(name)\" is \(weight), and must be from 0 to 1e9")
      }
      guard weight == 0 || counts.contains(where: { $0[label] > 0 }) else {
        throw .invalidArgument(
          "class_weights: class \"\(name)\" has the weight \(weight), and no source has a sample of it"
        )
      }
      shares.append(weight)
    }
    guard shares.contains(where: { $0 > 0 }) else {
      throw .invalidArgument("class_weights: the weights of all classes are 0")
    }
    return shares
  }

  /// The share of an epoch that each source has.
  func shares(_ weights: [[Double]]?) -> [Double] {
    let masses = sources.indices.map { source in
      counts[source].indices.reduce(0.0) { sum, label in
        sum + Double(counts[source][label]) * (weights?[source][label] ?? 1)
      }
    }
    let total = masses.reduce(0, +)
    return masses.map { total > 0 ? $0 / total : 0 }
  }
}
