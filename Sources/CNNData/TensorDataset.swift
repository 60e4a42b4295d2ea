public import CNNLayerKit

/// Samples given as numbers in memory, with any number of targets.
///
/// What callers from C, Python and Swift use for data of their own. The numbers are copied, or
/// taken over as a `FloatBuffer`. Geometric augmentation works for samples of shape
/// `[height, width, channels]`; its black border is the number 0.
public final class TensorDataset: Dataset {
  /// The answers to learn for one head of the network: a class or some numbers per sample.
  public struct Target: Sendable {
    /// The name and the kind.
    public let description: DatasetTarget
    /// How many samples there are answers for.
    public let count: Int
    fileprivate let storage: Storage

    fileprivate enum Storage: Sendable {
      case labels(BudgetedBuffer<Int32>)
      case values(FloatBuffer)
    }

    /// Makes a target of classes.
    ///
    /// - Parameters:
    ///   - labels: For each sample the index of its class.
    ///   - names: The names of the classes, in index order; at least one.
    ///   - name: The name of the target.
    /// - Throws: `invalidArgument` for a label that is not an index of `names`, `outOfMemory`.
    public static func classes(
      _ labels: some Collection<some BinaryInteger>, names: [String],
      name: String = DatasetTarget.defaultName
    ) throws(CNNError) -> Target {
      guard !names.isEmpty else {
        throw .invalidArgument("target \"\(name)\": there must be at least one class")
      }
      let buffer = try BudgetedBuffer<Int32>(
        count: labels.count, for: "the labels of target \"\(name)\"")
      for (index, label) in labels.enumerated() {
        guard let value = Int32(exactly: label), value >= 0, value < names.count else {
          throw .invalidArgument(
            "target \"\(name)\": the label of sample \(index) is \(label), and must be from 0 to "
              + "\(names.count - 1)")
        }
        buffer.pointer[index] = value
      }
      return Target(
        description: DatasetTarget(name: name, kind: .classes(names)), count: buffer.count,
        storage: .labels(buffer))
    }

    /// Makes a target of numbers.
    ///
    /// - Parameters:
    ///   - numbers: The numbers of all samples, one sample after the other.
    ///   - shape: The shape of the numbers of one sample.
    ///   - name: The name of the target.
    /// - Throws: `shapeMismatch` if the numbers do not divide into samples, `outOfMemory`.
    public static func values(
      _ numbers: some Collection<Float>, shape: Shape, name: String = DatasetTarget.defaultName
    ) throws(CNNError) -> Target {
      let buffer = try copy(numbers, for: "the numbers of target \"\(name)\"")
      let count = try sampleCount(buffer, shape: shape, what: "target \"\(name)\"")
      return Target(
        description: DatasetTarget(name: name, kind: .values(shape)), count: count,
        storage: .values(buffer))
    }
  }

  /// The number of samples.
  public let count: Int
  /// The shape of one input.
  public let sampleShape: Shape
  /// The targets, in the order in which they were given.
  public let targets: [DatasetTarget]
  private let inputs: FloatBuffer
  private let answers: [Target]

  /// Creates a data set from a copy of the caller's numbers.
  ///
  /// - Parameters:
  ///   - inputs: The inputs of all samples, one sample after the other; images row by row, the
  ///     channels of a pixel together.
  ///   - sampleShape: The shape of one input.
  ///   - targets: The answers; may be empty for data that is only predicted on.
  /// - Throws: `shapeMismatch` if numbers of samples disagree, `invalidArgument` for two targets
  ///   of one name, `outOfMemory`.
  public convenience init(
    inputs: some Collection<Float>, sampleShape: Shape, targets: [Target]
  ) throws(CNNError) {
    try self.init(
      takingOver: try copy(inputs, for: "the inputs of a data set"), sampleShape: sampleShape,
      targets: targets)
  }

  /// Creates a data set that owns `inputs` from now on: nobody may write to them any more.
  ///
  /// - Throws: As the initialiser that copies.
  public init(
    takingOver inputs: FloatBuffer, sampleShape: Shape, targets: [Target]
  ) throws(CNNError) {
    count = try sampleCount(inputs, shape: sampleShape, what: "the inputs")
    var names = Set<String>()
    for target in targets {
      guard target.count == count else {
        throw .shapeMismatch(
          "target \"\(target.description.name)\" has answers for \(target.count) samples, the "
            + "inputs are \(count) samples of shape \(sampleShape)")
      }
      guard names.insert(target.description.name).inserted else {
        throw .invalidArgument(
          "two targets are named \"\(target.description.name)\"; each needs a name of its own")
      }
    }
    self.inputs = inputs
    self.sampleShape = sampleShape
    self.answers = targets
    self.targets = targets.map(\.description)
  }

  /// Copies the input of sample `index`, augmented if asked for.
  public func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try checkRead(index, roomFor: output.count)
    let source = UnsafePointer(inputs.pointer) + index * sampleShape.count
    guard let augmentation else {
      for i in 0..<output.count { output[i] = source[i] }
      return
    }
    guard let image = sampleShape.image else {
      return try augmentation.augmentation.check(forSamplesOf: sampleShape, havePixels: false)
    }
    try augmentation.augmentation.check(forSamplesOf: sampleShape, havePixels: false)
    var random = SampleRandom(augmentation, index: index)
    let picture = PixelSource(
      pixels: source, height: image.height, width: image.width, channels: image.channels
    )
    let cleared = try augmentation.augmentation.apply(
      to: picture, height: image.height, width: image.width, output: output, random: &random)
    cleared?.clear(output, width: image.width, channels: image.channels)
  }

  /// Returns the class of sample `index`.
  public func label(of index: Int, target: Int) throws(CNNError) -> Int {
    guard case .labels(let labels) = try storage(target, of: index) else {
      throw .invalidArgument(
        "target \"\(targets[target].name)\" is made of numbers, not of classes")
    }
    return Int(labels.pointer[index])
  }

  /// Copies the numbers of sample `index`.
  public func readValues(
    of index: Int, target: Int, into output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    guard case .values(let values) = try storage(target, of: index),
      case .values(let shape) = targets[target].kind
    else {
      throw .invalidArgument(
        "target \"\(targets[target].name)\" is made of classes, not of numbers")
    }
    guard output.count == shape.count else {
      throw .invalidArgument(
        "target \"\(targets[target].name)\" of shape \(shape) needs room for \(shape.count) "
          + "numbers, there is room for \(output.count)")
    }
    let source = values.pointer + index * shape.count
    for i in 0..<shape.count { output[i] = source[i] }
  }

  /// Checks that samples can be augmented so: geometry needs images, colours need known ranges.
  public func check(_ augmentation: Augmentation) throws(CNNError) {
    try augmentation.check(forSamplesOf: sampleShape, havePixels: false)
  }

  private func storage(_ target: Int, of index: Int) throws(CNNError) -> Target.Storage {
    try checkIndex(index)
    guard target >= 0, target < answers.count else {
      throw .invalidArgument("there is no target \(target): the data set has \(answers.count)")
    }
    return answers[target].storage
  }
}

private func copy(
  _ numbers: some Collection<Float>, for purpose: String
) throws(CNNError) -> FloatBuffer {
  let buffer = try FloatBuffer(count: numbers.count, for: purpose)
  let contiguous: Void? = numbers.withContiguousStorageIfAvailable { source in
    for i in 0..<min(source.count, buffer.count) { buffer.pointer[i] = source[i] }
  }
  if contiguous == nil {
    for (i, number) in numbers.enumerated() where i < buffer.count { buffer.pointer[i] = number }
  }
  return buffer
}

private func sampleCount(
  _ numbers: FloatBuffer, shape: Shape, what: String
) throws(CNNError) -> Int {
  guard numbers.count.isMultiple(of: shape.count) else {
    throw .shapeMismatch(
      "\(what) are \(numbers.count) numbers, which is no whole number of samples of shape "
        + "\(shape) (\(shape.count) numbers each)")
  }
  return numbers.count / shape.count
}
