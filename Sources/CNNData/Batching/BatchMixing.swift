public import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How samples of a batch are mixed with one another, and their labels accordingly.
///
/// In each batch either mixup or cutmix happens, or neither. Of each sample a share λ is left, the
/// rest comes from its partner, and so does its label: λ of its own class, 1 − λ of its partner's.
/// One λ, from the beta distribution Beta(α, α), and one random order of the batch, which gives the
/// partners, are drawn for the whole batch, as in the authors' code. What a batch gets depends on the
/// seed, the epoch and the batch's index alone.
///
/// With both, one number u from 0 to 1 is drawn for each batch: cutmix where u is below its
/// probability, mixup where u is in the next piece, as long as mixup's probability. Probabilities
/// whose sum is above 1 are divided by the sum.
public struct BatchMixing: Sendable, Hashable {
  /// Mixes pixel by pixel: λ of the sample plus 1 − λ of its partner.
  ///
  /// Zhang, Cissé, Dauphin and Lopez-Paz, mixup: Beyond Empirical Risk Minimization, 2018.
  public struct Mixup: Sendable, Hashable {
    /// The α of the beta distribution, above 0 and at most 1,000; the larger, the more is mixed.
    public var alpha: Double
    /// In what share of the batches this happens, from 0 to 1.
    public var probability: Double

    /// Creates a mixup.
    public init(alpha: Double = 0.2, probability: Double = 1) {
      self.alpha = alpha
      self.probability = probability
    }
  }

  /// Puts a rectangle of the partner in the sample's place.
  ///
  /// Its sides are √(1 − λ) of the picture's, its centre is anywhere, and what is outside of the
  /// picture is cut off; λ is then the share that is left in fact. For samples of shape
  /// `[height, width, channels]`. Yun et al., CutMix, 2019.
  public struct CutMix: Sendable, Hashable {
    /// The α of the beta distribution, above 0 and at most 1,000; 1 draws λ evenly.
    public var alpha: Double
    /// In what share of the batches this happens, from 0 to 1.
    public var probability: Double

    /// Creates a cutmix.
    public init(alpha: Double = 1, probability: Double = 0.5) {
      self.alpha = alpha
      self.probability = probability
    }
  }

  /// Mixup, or nil for none.
  public var mixup: Mixup?
  /// Cutmix, or nil for none.
  public var cutmix: CutMix?

  /// Creates a mixing; without arguments it changes nothing.
  public init(mixup: Mixup? = nil, cutmix: CutMix? = nil) {
    self.mixup = mixup
    self.cutmix = cutmix
  }

  /// The name of what is asked for, for messages.
  public var name: String {
    switch (mixup, cutmix) {
    case (nil, nil): "no mixing"
    case (_?, nil): "mixup"
    case (nil, _?): "cutmix"
    default: "mixup and cutmix"
    }
  }

  /// Checks that every number is in its range.
  ///
  /// - Throws: `invalidArgument`, naming the number.
  public func validate() throws(CNNError) {
    func check(_ name: String, alpha: Double, probability: Double) throws(CNNError) {
      guard alpha > 0, alpha <= 1000 else {
        throw .invalidArgument(
          "option \"\(name).alpha\" is above 0 and at most 1000, got \(alpha)")
      }
      guard probability >= 0, probability <= 1 else {
        throw .invalidArgument(
          "option \"\(name).probability\" is from 0 to 1, got \(probability)")
      }
    }
    if let mixup {
      try check("mixup", alpha: mixup.alpha, probability: mixup.probability)
    }
    if let cutmix {
      try check("cutmix", alpha: cutmix.alpha, probability: cutmix.probability)
    }
  }

  /// Checks that samples of this shape can be mixed so.
  ///
  /// - Throws: `unsupported` if cutmix is to cut samples that are no pictures.
  public func check(forSamplesOf shape: Shape) throws(CNNError) {
    guard cutmix == nil || shape.image != nil else {
      throw CNNError(
        .unsupported,
        "\"cutmix\" needs samples of shape [height, width, channels], these are \(shape); \"mixup\" "
          + "takes samples of any shape")
    }
  }
}

/// What happens to one batch.
struct MixingDraw {
  var method: MixedBatch.Method = .none
  /// λ as drawn; for cutmix the rectangle changes it.
  var share = 1.0
  var rectangle: MixedBatch.Rectangle?

  /// Draws for a batch, and writes who is whose partner.
  init(
    _ mixing: BatchMixing, seed: UInt64, epoch: Int, batch: Int, shape: Shape,
    partners: UnsafeMutableBufferPointer<Int>
  ) {
    for position in partners.indices { partners[position] = position }
    var random = SampleRandom(seed: seed, epoch: epoch, index: batch, purpose: .mixing)
    let cut = mixing.cutmix?.probability ?? 0
    let blend = mixing.mixup?.probability ?? 0
    let choice = Double(random.uniform()) * max(1, cut + blend)
    if let cutmix = mixing.cutmix, choice < cut, let image = shape.image {
      method = .cutmix
      share = random.beta(cutmix.alpha)
      let cutShare = (1 - share).squareRoot()
      let rectangle = MixedBatch.Rectangle(
        rows: MixingDraw.side(of: image.height, cutShare, &random),
        columns: MixingDraw.side(of: image.width, cutShare, &random))
      let area = Double(rectangle.rows.count) * Double(rectangle.columns.count)
      share = 1 - area / (Double(image.height) * Double(image.width))
      self.rectangle = rectangle
    } else if let mixup = mixing.mixup, choice < cut + blend {
      method = .mixup
      share = random.beta(mixup.alpha)
    } else {
      return
    }
    random.shuffle(partners)
  }

  /// A piece of 0 ..< size, so long as the share says, around a random centre, without what is
  /// outside.
  private static func side(
    of size: Int, _ share: Double, _ random: inout SampleRandom
  ) -> Range<Int> {
    let length = Int(Double(size) * share)
    let begin = random.below(size) - length / 2
    return max(0, begin)..<min(size, begin + length)
  }
}

extension SampleRandom {
  /// A number from Beta(α, α): x / (x + y) for x and y from Gamma(α).
  mutating func beta(_ alpha: Double) -> Double {
    // As logarithms: for small α the numbers themselves are too small.
    let x = logGamma(alpha)
    let y = logGamma(alpha)
    // For α near 0 the result is 0 or 1, and the logarithms may both be beyond all numbers.
    guard x.isFinite || y.isFinite else { return uniform() < 0.5 ? 0 : 1 }
    return 1 / (1 + exp(y - x))
  }

  /// The logarithm of a number from Gamma(α).
  ///
  /// Marsaglia and Tsang, A simple method for generating gamma variables, 2000; below α = 1 by
  /// Gamma(α) = Gamma(α + 1) · U^(1/α).
  private mutating func logGamma(_ alpha: Double) -> Double {
    let boost = alpha < 1 ? log(positiveUniform()) / alpha : 0
    let d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = Double(normal())
      let t = 1 + c * x
      guard t > 0 else { continue }
      let v = t * t * t
      if log(positiveUniform()) < x * x / 2 + d * (1 - v + log(v)) { return boost + log(d * v) }
    }
  }

  /// A number above 0 and below 1.
  private mutating func positiveUniform() -> Double {
    Double(uniform()) + 0x1p-25
  }
}
