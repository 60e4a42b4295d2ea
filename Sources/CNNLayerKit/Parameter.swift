/// How the first values of a parameter or state are chosen.
public enum Initializer: Hashable, Sendable {
  /// Every element 0.
  case zeros
  /// Every element the given number.
  case constant(Double)
  /// Normally distributed with mean 0 and the given standard deviation.
  case normal(standardDeviation: Double)
  /// Uniformly distributed between `-bound` and `bound`.
  case uniform(bound: Double)
  /// Normal with variance 2 / fan-in, for layers before rectifiers (He et al. 2015).
  case he
  /// Uniform with variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010).
  case xavier

  /// Every name that `init(_:)` reads.
  public static let names = ["zeros", "ones", "he", "xavier", "normal"]

  /// Reads an initializer as graphs write it: `"he"`, `"xavier"`, `"zeros"`, `"ones"`, or a number,
  /// which means normally distributed with that standard deviation.
  public init(_ value: AttributeValue) throws(CNNError) {
    if let deviation = value.asNumber {
      guard deviation >= 0, deviation <= 1e6 else {
        throw .invalidArgument(
          "an initializer's standard deviation is from 0 to 1e6, got \(deviation)")
      }
      self = .normal(standardDeviation: deviation)
      return
    }
    switch value.asString {
    case "zeros"?: self = .zeros
    case "ones"?: self = .constant(1)
    case "he"?: self = .he
    case "xavier"?: self = .xavier
    case "normal"?: self = .normal(standardDeviation: 0.01)
    case let word?: throw .unknownName("initializer", word, valid: Initializer.names)
    case nil:
      throw .invalidArgument(
        "an initializer is a name or the standard deviation of a normal distribution, got \(value)")
    }
  }
}

/// An array of numbers that a layer owns and the host keeps: trained (a parameter) or only kept
/// (a state, such as running statistics).
public struct ParameterDeclaration: Hashable, Sendable {
  /// The name within the layer, as PyTorch has it: `weight`, `bias`, `running_mean`.
  public let name: String
  /// The shape in memory.
  public let shape: Shape
  /// How the first values are chosen.
  public let initializer: Initializer
  /// The number of inputs that one output of the layer sums over, for `he` and `xavier`.
  public let fanIn: Int
  /// The number of outputs that one input of the layer reaches, for `xavier`.
  public let fanOut: Int
  /// Whether weight decay applies: by convention to weights, not to biases and normalisation.
  public let decays: Bool
  /// For each axis in a file, which axis in memory it is; nil if both are the same.
  ///
  /// Convolution weights are `[out, height, width, in]` in memory and `[out, in, height, width]`
  /// in files, which is `[0, 3, 1, 2]`.
  public let fileAxes: [Int]?

  /// Declares a parameter or state.
  public init(
    _ name: String, shape: Shape, initializer: Initializer, fanIn: Int = 1, fanOut: Int = 1,
    decays: Bool = false, fileAxes: [Int]? = nil
  ) {
    self.name = name
    self.shape = shape
    self.initializer = initializer
    self.fanIn = fanIn
    self.fanOut = fanOut
    self.decays = decays
    self.fileAxes = fileAxes
  }
}
