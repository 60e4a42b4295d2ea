import CNNGraph
import CNNImaging
import CNNKernels
public import CNNLayerKit

/// Saliency: how much the class's score changes with each pixel (Simonyan, Vedaldi and Zisserman 2013).
///
/// The absolute gradient of the score with respect to the network's input, the largest of the channels.
/// With `samples`, the gradient is the mean over as many inputs with normal noise, which leaves less of
/// the gradient's own noise: SmoothGrad (Smilkov et al. 2017). Costs a forward and a backward pass for
/// each sample.
public struct Saliency: HeatmapMethod {
  /// The word by which options refer to it.
  public static let name = "saliency"
  /// The options that there are.
  public static let optionNames = ["smooth", "noise", "seed"]

  /// How many noisy inputs to average over; 0 for the input alone.
  public var samples: Int
  /// The deviation of the noise, as a share of the range of the input's numbers.
  public var noise: Double
  /// Decides the noise.
  public var seed: UInt64

  /// Looks at the gradient.
  public init(samples: Int = 0, noise: Double = 0.15, seed: UInt64 = 0) {
    self.samples = samples
    self.noise = noise
    self.seed = seed
  }

  /// Creates the method from options as they stand in JSON.
  ///
  /// - Throws: `invalidArgument` or `unknownName` for a value that is none.
  public init(options: [String: AttributeValue]) throws(CNNError) {
    let options = MethodOptions(options)
    samples = try options.integer("smooth", in: 0...Saliency.maximumSamples) ?? 0
    noise = try options.number("noise", in: 0...10) ?? 0.15
    seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 0)
  }

  /// Single pixels stand out in gradients.
  public var clippedShare: Float { 0.005 }

  private static let maximumSamples = 100_000
  /// The most samples that are computed at once.
  private static let largestBatch = 8

  /// Returns the map and what it explains; see `HeatmapMethod`.
  public func heatmap(of decision: Decision) throws(CNNError) -> (map: Heatmap, score: Float) {
    guard (0...Saliency.maximumSamples).contains(samples), noise.isFinite, noise >= 0 else {
      throw .invalidArgument(
        "saliency takes 0 to \(Saliency.maximumSamples) samples and noise from 0, got \(samples) and "
          + "\(noise)")
    }
    let preprocessing = decision.preprocessing
    let count = preprocessing.outputCount
    let capacity = max(1, min(samples, Saliency.largestBatch))
    let picture = decision.model.network.inputs.lowerBound
    return try decision.withGradientSession(
      capacity: capacity, to: [picture]
    ) { session throws(CNNError) in
      let sum = try FloatBuffer(count: count, for: "the gradient of a picture")
      defer { extendLifetime(sum) }
      var score = 0.0
      for first in stride(from: 0, to: max(1, samples), by: capacity) {
        let batch = min(capacity, max(1, samples) - first)
        try fill(session, decision, first: first, batch: batch)
        let scores = try decision.differentiateScore(in: session, batch: batch)
        score += scores.reduce(0) { $0 + Double($1) }
        let gradient = try session.gradient(of: picture)
        for sample in 0..<batch {
          for index in 0..<count { sum.pointer[index] += gradient[sample * count + index] }
        }
      }
      let size = Double(max(1, samples))
      let map = try Heatmap(
        width: preprocessing.width, height: preprocessing.height
      ) { map throws(CNNError) in
        let channels = preprocessing.channels
        for place in map.indices {
          var largest: Float = 0
          for channel in 0..<channels {
            largest = max(largest, abs(sum.pointer[place * channels + channel]))
          }
          map[place] = largest / Float(size)
        }
      }
      return (map, Float(score / size))
    }
  }

  /// Writes inputs: the picture itself, or with noise.
  private func fill(
    _ session: GradientSession, _ decision: Decision, first: Int, batch: Int
  ) throws(CNNError) {
    let input = try session.input()
    try decision.withInput { source throws(CNNError) in
      guard let start = input.baseAddress, let low = source.min(), let high = source.max(),
        input.count >= batch * source.count
      else { return }
      let count = source.count
      let deviation = Float(noise) * (high - low)
      for sample in 0..<batch {
        let target = start + sample * count
        guard samples > 0 else {
          for index in 0..<count { target[index] = source[index] }
          continue
        }
        // Each sample has a stream of its own, so its noise does not depend on the batch.
        Philox.normal(
          PhiloxKey(seed: seed, node: 0x736d_6f6f, step: UInt64(first + sample)), target,
          count: count, slots: ThreadPool.threadCount)
        for index in 0..<count { target[index] = source[index] + deviation * target[index] }
      }
    }
  }
}
