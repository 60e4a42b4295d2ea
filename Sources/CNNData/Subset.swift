public import CNNImaging
public import CNNLayerKit

/// Some samples of another data set, in an order of their own.
///
/// Nothing is copied but the indices. A sample is augmented as it would be in the whole data set.
public final class Subset: Dataset {
  /// The data set that the samples are taken from.
  public let base: any Dataset
  /// The number of samples.
  public let count: Int
  /// The shape of one input, that of the base.
  public let sampleShape: Shape
  /// The targets, those of the base.
  public let targets: [DatasetTarget]
  /// How pictures become inputs, as in the base.
  public var preprocessing: Preprocessing? { base.preprocessing }
  /// The weights that the samples have in the base.
  public var sampleWeights: [Double]? {
    base.sampleWeights.map { weights in
      indices.elements.map { $0 < weights.count ? weights[$0] : 0 }
    }
  }
  /// The share of the base's number that the samples have in its weights, at least 1.
  public var samplesPerEpoch: Int? {
    guard let whole = base.samplesPerEpoch else { return nil }
    guard let weights = base.sampleWeights, let own = sampleWeights else {
      let share = Double(count) / Double(max(1, base.count))
      return max(1, Int(exactly: (Double(whole) * share).rounded()) ?? whole)
    }
    let share = own.reduce(0, +) / weights.reduce(0, +)
    return max(1, Int(exactly: (Double(whole) * share).rounded()) ?? whole)
  }
  private let indices: BudgetedBuffer<Int>

  /// Creates a data set of the samples of `base` with these indices.
  ///
  /// - Throws: `invalidArgument` for an index that `base` does not have, `outOfMemory`.
  public convenience init(
    _ base: any Dataset, indices: some Collection<Int>
  ) throws(CNNError) {
    let buffer = try BudgetedBuffer<Int>(count: indices.count, for: "the indices of a subset")
    for (position, index) in indices.enumerated() {
      guard index >= 0, index < base.count else {
        throw .invalidArgument(
          "a subset asks for sample \(index) of a data set that has \(base.count), counted from 0")
      }
      buffer.pointer[position] = index
    }
    self.init(base, checked: buffer)
  }

  private init(_ base: any Dataset, checked indices: BudgetedBuffer<Int>) {
    self.base = base
    self.indices = indices
    count = indices.count
    sampleShape = base.sampleShape
    targets = base.targets
  }

  /// The same indices into another data set of the same number of samples.
  func rebased(on other: any Dataset) -> Subset {
    Subset(other, checked: indices)
  }

  /// Returns the index in `base` of sample `index`.
  ///
  /// - Throws: `invalidArgument` for an index that does not exist.
  public func baseIndex(of index: Int) throws(CNNError) -> Int {
    try checkIndex(index)
    return indices.pointer[index]
  }

  /// Reads the sample from the base.
  public func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try base.read(try baseIndex(of: index), into: output, augmentation: augmentation)
  }

  /// Returns the label that the sample has in the base.
  public func label(of index: Int, target: Int) throws(CNNError) -> Int {
    try base.label(of: try baseIndex(of: index), target: target)
  }

  /// Reads the numbers that the sample has in the base.
  public func readValues(
    of index: Int, target: Int, into output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    try base.readValues(of: try baseIndex(of: index), target: target, into: output)
  }

  /// The sources of the base.
  public var sourceNames: [String] { base.sourceNames }

  /// Returns the source that the sample has in the base.
  public func source(of index: Int) throws(CNNError) -> Int {
    try base.source(of: try baseIndex(of: index))
  }

  /// Checks as the base does.
  public func check(_ augmentation: Augmentation) throws(CNNError) {
    try base.check(augmentation)
  }
}

extension Dataset {
  /// Returns the first and the remaining samples.
  ///
  /// - Throws: `invalidArgument` if `count` is negative or above the number of samples.
  public func split(first count: Int) throws(CNNError) -> (first: Subset, rest: Subset) {
    try checkPart(count)
    return (
      try Subset(self, indices: 0..<count), try Subset(self, indices: count..<self.count)
    )
  }

  /// Returns two parts without a sample in common, drawn at random.
  ///
  /// Both keep the order of the whole. The same seed gives the same parts on every machine.
  /// - Parameters:
  ///   - count: The number of samples in the first part.
  ///   - seed: What the draw depends on.
  /// - Throws: `invalidArgument` if `count` is negative or above the number of samples,
  ///   `outOfMemory`.
  public func randomSplit(
    first count: Int, seed: UInt64
  ) throws(CNNError) -> (first: Subset, rest: Subset) {
    try checkPart(count)
    let order = try BudgetedBuffer<Int>(count: self.count, for: "the order of a random split")
    defer { extendLifetime(order) }
    for i in 0..<self.count { order.pointer[i] = i }
    var random = SampleRandom(seed: seed, epoch: 0, index: 0, purpose: .split)
    random.shuffle(order.elements)
    return (
      try Subset(self, indices: order.elements[0..<count].sorted()),
      try Subset(self, indices: order.elements[count...].sorted())
    )
  }

  /// Returns two parts without a sample in common, each with the classes in the same shares.
  ///
  /// From each class the same share goes to the first part, rounded to the nearest number, chosen
  /// at random from the seed. Both parts keep the order of the whole.
  /// - Parameters:
  ///   - fraction: The share of the first part, from 0 to 1.
  ///   - seed: What the draw depends on.
  /// - Throws: `invalidArgument` for another fraction or a data set without classes, `outOfMemory`.
  public func stratifiedSplit(
    first fraction: Double, seed: UInt64
  ) throws(CNNError) -> (first: Subset, rest: Subset) {
    guard fraction >= 0, fraction <= 1 else {
      throw .invalidArgument("the fraction of a split is \(fraction), and must be from 0 to 1")
    }
    var members: [Int: [Int]] = [:]
    for index in 0..<count { members[try label(at: index), default: []].append(index) }
    var first: [Int] = []
    var rest: [Int] = []
    for (label, indices) in members.sorted(by: { $0.key < $1.key }) {
      var shuffled = indices
      var random = SampleRandom(seed: seed, epoch: 0, index: label, purpose: .split)
      shuffled.withUnsafeMutableBufferPointer { random.shuffle($0) }
      let size = Int((fraction * Double(indices.count)).rounded())
      first += shuffled[..<size]
      rest += shuffled[size...]
    }
    return (
      try Subset(self, indices: first.sorted()), try Subset(self, indices: rest.sorted())
    )
  }

  private func checkPart(_ count: Int) throws(CNNError) {
    guard count >= 0, count <= self.count else {
      throw .invalidArgument(
        "a part of \(count) samples was asked of a data set that has \(self.count)")
    }
  }
}
