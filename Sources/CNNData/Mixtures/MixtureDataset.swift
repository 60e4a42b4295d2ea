public import CNNImaging
public import CNNLayerKit

/// The pictures of several data sets as one, each with a share of an epoch.
///
/// Sources come one after the other. A `BatchLoader` that shuffles draws samples by their weights:
/// each source gets its share of an epoch, and with class weights each class gets its share, within
/// which the sources' shares decide.
public final class MixtureDataset: PictureDataset {
  /// One of the data sets.
  public struct Source: Sendable {
    /// What it is called in reports and errors.
    public var name: String
    /// Its samples: pictures of the same size as those of the other sources.
    public var dataset: any Dataset
    /// For each class of the data set the class in the mixture, or nil to leave its samples out.
    public var labels: [Int?]
    /// The share of an epoch, relative to the other sources; all sources have one or none.
    public var weight: Double?
    /// Without weights, how often each sample comes in an epoch, relative to those of the others.
    public var repetitions: Double
    /// What replaces the augmentation of the run, where the run has one.
    public var augmentation: Augmentation?

    /// Describes a source.
    public init(
      name: String, dataset: any Dataset, labels: [Int?], weight: Double? = nil,
      repetitions: Double = 1, augmentation: Augmentation? = nil
    ) {
      self.name = name
      self.dataset = dataset
      self.labels = labels
      self.weight = weight
      self.repetitions = repetitions
      self.augmentation = augmentation
    }
  }

  /// What a source contributes.
  public struct Contribution: Sendable, Hashable {
    /// The name of the source.
    public let name: String
    /// How many samples it has.
    public let count: Int
    /// How many of them are of each class.
    public let classCounts: [Int]
    /// The share of an epoch that is drawn from it, from 0 to 1.
    public let share: Double
  }

  /// The number of samples of all sources together.
  public let count: Int
  /// `[height, width, channels]`, that of all sources.
  public let sampleShape: Shape
  /// One target, made of classes.
  public let targets: [DatasetTarget]
  /// How many samples an epoch has; nil for as many as there are.
  public let samplesPerEpoch: Int?
  /// What each source contributes, in their order.
  public let contributions: [Contribution]
  private let sources: [Source]
  private let requestedSamples: Int?
  private let classWeights: [String: Double]?
  /// The index of each source's first sample.
  private let starts: [Int]
  /// The weight of a sample, by its source and class; nil if all are equally frequent.
  private let weights: [[Double]]?

  /// Joins data sets.
  ///
  /// - Parameters:
  ///   - sources: At least one, and each with a sample that is not left out.
  ///   - classNames: The names of the classes, in label order.
  ///   - samplesPerEpoch: How many samples an epoch has; nil for as many as there are, repetitions
  ///     counted.
  ///   - classWeights: The share of an epoch of each class, relative to the others; nil leaves it to
  ///     the sources.
  /// - Throws: `invalidArgument` or `shapeMismatch` for what does not fit, naming the source;
  ///   `outOfMemory`.
  public init(
    sources: [Source], classNames: [String], samplesPerEpoch: Int? = nil,
    classWeights: [String: Double]? = nil
  ) throws(CNNError) {
    guard let first = sources.first else {
      throw .invalidArgument("a mixture of data sets needs at least one source")
    }
    var kept: [Source] = []
    var counts: [[Int]] = []
    var starts: [Int] = []
    var count = 0
    for source in sources {
      do throws(CNNError) {
        try source.check(against: first.dataset, classCount: classNames.count)
        let (restricted, classCounts) = try source.withoutRest(classCount: classNames.count)
        kept.append(restricted)
        counts.append(classCounts)
        starts.append(count)
        count += restricted.dataset.count
      } catch {
        throw error.prefixed(by: "source \"\(source.name)\"")
      }
    }
    self.sources = kept
    self.starts = starts
    self.count = count
    self.classWeights = classWeights
    requestedSamples = samplesPerEpoch
    sampleShape = first.dataset.sampleShape
    targets = [DatasetTarget(kind: .classes(classNames))]
    let mixing = MixtureWeights(sources: kept, counts: counts)
    weights = try mixing.weights(classNames: classNames, classWeights: classWeights)
    self.samplesPerEpoch = samplesPerEpoch ?? mixing.usualEpoch
    let shares = mixing.shares(weights)
    contributions = kept.indices.map { index in
      Contribution(
        name: kept[index].name, count: kept[index].dataset.count, classCounts: counts[index],
        share: shares[index])
    }
  }

  /// How pictures become inputs, as in the first source.
  public var preprocessing: Preprocessing? { sources.first?.dataset.preprocessing }

  /// How often each sample is drawn, relative to the others.
  public var sampleWeights: [Double]? {
    guard let weights else { return nil }
    return (0..<count).map { index in
      let (source, own) = place(of: index)
      let label = (try? sources[source].label(of: own)) ?? 0
      return weights[source][label]
    }
  }

  /// The names of the sources, in their order.
  public var sourceNames: [String] { contributions.map(\.name) }

  /// Returns the source of a sample, as an index of `sourceNames`.
  public func source(of index: Int) throws(CNNError) -> Int {
    try checkIndex(index)
    return place(of: index).source
  }

  /// The source of a sample, and its index there.
  private func place(of index: Int) -> (source: Int, index: Int) {
    let source = (starts.firstIndex { $0 > index } ?? starts.count) - 1
    return (source, index - starts[source])
  }

  /// Reads a sample of its source, with the source's augmentation if it has one of its own.
  public func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try checkRead(index, roomFor: output.count)
    let (source, own) = place(of: index)
    var draw = augmentation
    // Samples of the same number in two sources are not to be changed alike.
    draw?.seed &+= UInt64(source) &* 0xD1B5_4A32_D192_ED03
    if let replacement = sources[source].augmentation { draw?.augmentation = replacement }
    try sources[source].dataset.read(own, into: output, augmentation: draw)
  }

  /// Returns the class of a sample in the mixture.
  public func label(of index: Int, target: Int) throws(CNNError) -> Int {
    try checkIndex(index)
    guard target == 0 else {
      throw .invalidArgument("there is no target \(target): the data set has 1")
    }
    let (source, own) = place(of: index)
    return try sources[source].label(of: own)
  }

  /// Returns the picture of a sample, before its preprocessing.
  public func image(at index: Int) throws(CNNError) -> Image {
    try checkIndex(index)
    let (source, own) = place(of: index)
    return try sources[source].dataset.picture(at: own)
  }

  /// Checks that the augmentation fits pictures of this kind, and the sources' own do.
  public func check(_ augmentation: Augmentation) throws(CNNError) {
    for source in sources {
      do throws(CNNError) {
        try source.dataset.check(source.augmentation ?? augmentation)
      } catch {
        throw error.prefixed(by: "source \"\(source.name)\"")
      }
    }
  }

  /// Returns the same mixture with another preprocessing.
  public func replacing(_ preprocessing: Preprocessing) throws(CNNError) -> any PictureDataset {
    let replaced = try sources.map { (source) throws(CNNError) in
      var source = source
      source.dataset = try source.dataset.applying(preprocessing)
      return source
    }
    return try MixtureDataset(
      sources: replaced, classNames: classNames, samplesPerEpoch: requestedSamples,
      classWeights: classWeights)
  }
}

extension MixtureDataset.Source {
  /// The class in the mixture of a sample that is not left out.
  fileprivate func label(of index: Int) throws(CNNError) -> Int {
    guard let label = labels[try dataset.label(at: index)] else {
      throw CNNError(.internal, "a sample of a mixture is of a class that is left out")
    }
    return label
  }

  fileprivate func check(
    against first: any Dataset, classCount: Int
  ) throws(CNNError) {
    guard dataset.sampleShape == first.sampleShape else {
      throw .shapeMismatch(
        "its samples have the shape \(dataset.sampleShape), and those of the first source "
          + "\(first.sampleShape)")
    }
    guard dataset.preprocessing == first.preprocessing else {
      throw .invalidArgument("its pictures become inputs in another way than those of the first")
    }
    guard labels.count == dataset.classNames.count else {
      throw .invalidArgument(
        "there are labels for \(labels.count) classes, and it has \(dataset.classNames.count)")
    }
    for case let label? in labels where label < 0 || label >= classCount {
      throw .invalidArgument("label \(label) is none of the \(classCount) classes of the mixture")
    }
    for (name, value) in [("weight", weight ?? 1), ("repeat", repetitions)]
    where !(value > 0 && value <= 1e9) {
      throw .invalidArgument("\(name) is \(value), and must be above 0 and at most 1e9")
    }
  }

  /// The source without samples of classes that are left out, and how many there are of each class.
  fileprivate func withoutRest(
    classCount: Int
  ) throws(CNNError) -> (source: Self, counts: [Int]) {
    var counts = [Int](repeating: 0, count: classCount)
    var indices: [Int] = []
    for index in 0..<dataset.count {
      guard let label = labels[try dataset.label(at: index)] else { continue }
      counts[label] += 1
      indices.append(index)
    }
    guard !indices.isEmpty else {
      throw .invalidArgument("all of its samples are of classes that are left out")
    }
    var source = self
    if indices.count < dataset.count { source.dataset = try Subset(dataset, indices: indices) }
    return (source, counts)
  }
}

extension Dataset {
  /// The picture of a sample, also of a subset.
  func picture(at index: Int) throws(CNNError) -> Image {
    if let pictures = self as? any PictureDataset { return try pictures.image(at: index) }
    if let subset = self as? Subset {
      return try subset.base.picture(at: try subset.baseIndex(of: index))
    }
    throw CNNError(.unsupported, "this data set holds numbers, and no pictures")
  }
}
