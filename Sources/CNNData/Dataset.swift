public import CNNImaging
public import CNNLayerKit

/// What a data set offers to learn for each of its samples: one head of the network.
public struct DatasetTarget: Sendable, Hashable {
  /// What the target is made of.
  public enum Kind: Sendable, Hashable {
    /// One class of several: an index into these names, which are in index order.
    case classes([String])
    /// Numbers of this shape.
    case values(Shape)
  }

  /// The name, by which a head of a network is matched with its target.
  public let name: String
  /// Classes or numbers.
  public let kind: Kind

  /// The name that a single target has.
  public static let defaultName = "label"

  /// Creates a description of a target.
  public init(name: String = DatasetTarget.defaultName, kind: Kind) {
    self.name = name
    self.kind = kind
  }

  /// The class names, or an empty array for a target of numbers.
  public var classNames: [String] {
    if case .classes(let names) = kind { return names }
    return []
  }
}

/// Numbered samples, each an input tensor with its targets.
///
/// Every method may be called from any number of threads at once: a `BatchLoader` does so. A data
/// set is immutable, and reading a sample twice with the same arguments gives the same bits.
public protocol Dataset: Sendable {
  /// The number of samples.
  var count: Int { get }

  /// The shape of one input; `[height, width, channels]` for an image.
  var sampleShape: Shape { get }

  /// The targets of each sample, in the order in which their indices count.
  var targets: [DatasetTarget] { get }

  /// How pictures become inputs, to be saved with a model that learns from them; nil for data that
  /// is no pictures.
  var preprocessing: Preprocessing? { get }

  /// Writes the input of sample `index`.
  ///
  /// - Parameters:
  ///   - index: From 0 up to, but not including, `count`.
  ///   - output: Room for exactly `sampleShape.count` numbers.
  ///   - augmentation: The random change to apply, or nil for none.
  /// - Throws: `invalidArgument` for an index or a size that does not fit, and what reading and
  ///   decoding the sample's file throws.
  func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>,
    augmentation: AugmentationDraw?
  ) throws(CNNError)

  /// Returns the class of sample `index` for a target that is made of classes.
  ///
  /// - Throws: `invalidArgument` for an index that does not exist or a target made of numbers.
  func label(of index: Int, target: Int) throws(CNNError) -> Int

  /// Writes the numbers of sample `index` for a target that is made of numbers.
  ///
  /// - Parameter output: Room for exactly as many numbers as the target's shape has.
  /// - Throws: `invalidArgument` for an index that does not exist, a target made of classes or a
  ///   size that does not fit.
  func readValues(
    of index: Int, target: Int, into output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError)

  /// How often each sample is drawn, relative to the others; nil if all are equally frequent.
  ///
  /// One weight for each sample, finite and at least 0, not all of them 0. Only a `BatchLoader` that
  /// shuffles looks at them: where samples come in order, each comes once.
  var sampleWeights: [Double]? { get }

  /// How many samples a `BatchLoader` that shuffles draws for an epoch, at least 1; nil for `count`.
  var samplesPerEpoch: Int? { get }

  /// The names of the sources that the data set is mixed from; empty if it is not mixed.
  var sourceNames: [String] { get }

  /// Returns the source of sample `index`, as an index of `sourceNames`; 0 if there are none.
  ///
  /// - Throws: `invalidArgument` for an index that does not exist.
  func source(of index: Int) throws(CNNError) -> Int

  /// Checks that samples of this data set can be augmented so, before a thread tries.
  ///
  /// - Throws: `invalidArgument` or `unsupported`, saying what does not fit.
  func check(_ augmentation: Augmentation) throws(CNNError)
}

extension Dataset {
  /// Nil: right for data that is no pictures.
  public var preprocessing: Preprocessing? { nil }

  /// Nil: all samples are equally frequent.
  public var sampleWeights: [Double]? { nil }

  /// None: the data set is not mixed.
  public var sourceNames: [String] { [] }

  /// The only source there is.
  public func source(of index: Int) throws(CNNError) -> Int {
    try checkIndex(index)
    return 0
  }

  /// Nil: as many as there are.
  public var samplesPerEpoch: Int? { nil }

  /// The names of the classes of the first target made of classes, in label order; empty if there
  /// is none.
  public var classNames: [String] {
    for target in targets {
      if case .classes(let names) = target.kind { return names }
    }
    return []
  }

  /// Returns the class of sample `index` for the first target made of classes.
  ///
  /// - Throws: `invalidArgument` if there is no such target or no such sample.
  public func label(at index: Int) throws(CNNError) -> Int {
    for (position, target) in targets.enumerated() {
      if case .classes = target.kind { return try label(of: index, target: position) }
    }
    throw .invalidArgument("this data set has no target made of classes, so no labels")
  }

  /// Throws that the target is made of classes: right for data sets without numbers to learn.
  public func readValues(
    of index: Int, target: Int, into output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    throw .invalidArgument("target \(target) of this data set is made of classes, not of numbers")
  }
}

extension Dataset {
  /// Checks the arguments that `read` is called with.
  package func checkRead(_ index: Int, roomFor room: Int) throws(CNNError) {
    try checkIndex(index)
    guard room == sampleShape.count else {
      throw .invalidArgument(
        "a sample of shape \(sampleShape) needs room for \(sampleShape.count) numbers, there is "
          + "room for \(room)")
    }
  }

  /// Checks that there is a sample `index`.
  package func checkIndex(_ index: Int) throws(CNNError) {
    guard index >= 0, index < count else {
      throw .invalidArgument(
        "there is no sample \(index): the data set has \(count), counted from 0")
    }
  }
}
