public import CNNLayerKit

/// How far a network's output is from what it should be, as one number, and the gradient of that.
///
/// A loss is made once from its attributes and never changes, so it may be shared by threads.
///
/// ```swift
/// struct MeanAbsoluteError: Loss {
///   let targets: LossTargets = .values
///   func evaluate(_ call: LossCall) throws(CNNError) -> Double { … }
/// }
/// ```
public protocol Loss: Sendable {
  /// What the output may be compared with.
  var targets: LossTargets { get }

  /// The function that the loss applies to the output by itself, or nil. A network that ends in a
  /// layer with this function is refused: it would be applied twice.
  var appliedFunction: ElementaryFunction? { get }

  /// Checks that an output of this shape can be judged.
  ///
  /// - Parameter shape: The shape of one sample of the output.
  /// - Throws: `shapeMismatch`, saying what would fit.
  func check(_ shape: Shape) throws(CNNError)

  /// Returns the mean loss of the samples, and writes the gradient if asked for.
  ///
  /// Allocates nothing, and gives the same bits for any number of threads.
  func evaluate(_ call: LossCall) throws(CNNError) -> Double
}

extension Loss {
  /// None.
  public var appliedFunction: ElementaryFunction? { nil }
  /// Every shape will do.
  public func check(_ shape: Shape) throws(CNNError) {}
}

/// What a loss compares outputs with.
public struct LossTargets: OptionSet, Hashable, Sendable {
  /// The bits.
  public let rawValue: Int
  /// Creates a set from its bits.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// Class numbers: one for each position of the output, whose last axis holds a score per class.
  public static let labels = LossTargets(rawValue: 1)
  /// Numbers: as many as the output has.
  public static let values = LossTargets(rawValue: 2)
}

/// What the samples of one call should have given.
public enum LossTarget {
  /// Class numbers from 0, checked: one for each position of each sample.
  case labels(UnsafePointer<Int32>)
  /// Numbers, laid out like the output.
  case values(UnsafePointer<Float>)
}

/// What a loss reads and writes; valid during the call.
public struct LossCall {
  /// The number of samples, at least 1.
  public let batch: Int
  /// The shape of one sample of the output.
  public let shape: Shape
  /// The output: `batch` samples.
  public let output: UnsafePointer<Float>
  /// What the output should have been.
  public let target: LossTarget
  /// The factor of the gradient: the weight of this loss among those of other outputs.
  ///
  /// The returned loss is not multiplied by it.
  public let weight: Float
  /// Where the gradient of the weighted loss is to be written, or nil.
  public let gradient: UnsafeMutablePointer<Float>?
  /// How many threads may work.
  public let concurrency: Int

  /// Describes a call.
  public init(
    batch: Int, shape: Shape, output: UnsafePointer<Float>, target: LossTarget, weight: Float = 1,
    gradient: UnsafeMutablePointer<Float>? = nil, concurrency: Int = 1
  ) {
    self.batch = batch
    self.shape = shape
    self.output = output
    self.target = target
    self.weight = weight
    self.gradient = gradient
    self.concurrency = concurrency
  }

  /// The number of scores at each position: the size of the last axis.
  public var classes: Int { shape.sizes.last ?? 1 }

  /// The number of positions with scores: of all samples together.
  public var rows: Int { batch * (shape.count / classes) }

  /// The number of elements of all samples together.
  public var count: Int { batch * shape.count }

  /// The target as numbers, for a loss called `name` that takes nothing else.
  ///
  /// - Throws: `unsupported` if the target is made of class numbers.
  public func values(_ name: String) throws(CNNError) -> UnsafePointer<Float> {
    guard case .values(let values) = target else {
      throw CNNError(
        .unsupported, "loss \"\(name)\" compares with numbers, and was given class numbers")
    }
    return values
  }
}

/// A kind of loss: a name for options, and how to make one.
public struct LossType: NamedType {
  /// "loss".
  public static let kind = "loss"
  /// The name, as options give it.
  public let name: String
  /// What the loss computes, in one sentence.
  public let summary: String
  /// The attributes that options may give beside "type" and "weight".
  public let attributes: [AttributeSpecification]
  /// Makes a loss from checked attributes.
  public let create: @Sendable (Attributes) throws(CNNError) -> any Loss

  /// Describes a kind of loss.
  public init(
    _ name: String, _ summary: String, attributes: [AttributeSpecification] = [],
    create: @escaping @Sendable (Attributes) throws(CNNError) -> any Loss
  ) {
    self.name = name
    self.summary = summary
    self.attributes = attributes
    self.create = create
  }
}

/// The kinds of loss that options may name.
public typealias LossRegistry = NamedRegistry<LossType>

private let sharedLosses = LossRegistry([
  SoftmaxCrossEntropy.type, SigmoidCrossEntropy.type, MeanSquaredError.type, SmoothL1.type,
])

extension NamedRegistry where Entry == LossType {
  /// The registry of the process, which knows the built-in losses.
  public static var shared: LossRegistry { sharedLosses }
}
