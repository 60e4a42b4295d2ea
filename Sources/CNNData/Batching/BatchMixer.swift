import CNNKernels
public import CNNLayerKit

/// A batch whose samples were mixed.
///
/// The memory belongs to the mixer and is used again for the next batch.
public struct MixedBatch {
  /// How samples were mixed.
  public enum Method: Sendable, Hashable {
    /// Not at all: the inputs are those of the batch.
    case none
    /// Pixel by pixel.
    case mixup
    /// By rectangles.
    case cutmix
  }

  /// A part of a picture.
  public struct Rectangle: Sendable, Hashable {
    /// The rows, from the top.
    public var rows: Range<Int>
    /// The columns, from the left.
    public var columns: Range<Int>
  }

  /// How samples were mixed.
  public let method: Method
  /// λ: how much of each sample, and of its label, is its own.
  public let share: Double
  /// What cutmix took from the partners.
  public let rectangle: Rectangle?
  /// The number of samples.
  public let count: Int
  /// The mixed samples, one after the other.
  public let inputs: UnsafeMutablePointer<Float>
  /// For each sample the position in the batch of the one it was mixed with.
  public let partners: UnsafePointer<Int>

  /// Writes each sample's classes as a row of probabilities.
  ///
  /// - Parameters:
  ///   - labels: The class of each sample of the batch, from 0 up to `classes`.
  ///   - rows: Room for `count` rows of `classes` numbers.
  public func writeProbabilities(
    of labels: UnsafePointer<Int32>, classes: Int, to rows: UnsafeMutablePointer<Float>
  ) {
    rows.update(repeating: 0, count: count * classes)
    let own = Float(share)
    for position in 0..<count {
      let row = rows + position * classes
      let label = Int(labels[position])
      let other = Int(labels[partners[position]])
      if label >= 0, label < classes { row[label] += own }
      if other >= 0, other < classes { row[other] += 1 - own }
    }
  }

  /// The class that has the larger share in a sample: its own, or its partner's where λ is below a
  /// half.
  public func mainLabel(of position: Int, in labels: UnsafePointer<Int32>) -> Int32 {
    share >= 0.5 ? labels[position] : labels[partners[position]]
  }
}

/// Mixes the samples of batches.
///
/// One thread at a time may use a mixer. The bits are the same for any number of threads.
///
/// Safety: its owner sees to it that one thread uses it at a time.
public final class BatchMixer: @unchecked Sendable {
  /// How samples are mixed.
  public let mixing: BatchMixing
  /// What the random numbers depend on, beside epoch and batch.
  public let seed: UInt64

  private let sampleShape: Shape
  private let batchSize: Int
  private let mixed: FloatBuffer
  private let partners: BudgetedBuffer<Int>

  /// Takes memory for a batch.
  ///
  /// - Parameters:
  ///   - mixing: How samples are mixed.
  ///   - batchSize: The largest number of samples of a batch.
  ///   - sampleShape: The shape of a sample.
  ///   - seed: What the random numbers depend on.
  /// - Throws: `invalidArgument` for numbers out of range, `unsupported` for samples that cannot be
  ///   mixed so, `outOfMemory`.
  public init(
    _ mixing: BatchMixing, batchSize: Int, sampleShape: Shape, seed: UInt64
  ) throws(CNNError) {
    try mixing.validate()
    try mixing.check(forSamplesOf: sampleShape)
    self.mixing = mixing
    self.seed = seed
    self.sampleShape = sampleShape
    self.batchSize = batchSize
    let purpose = "\(mixing.name) of \(batchSize) samples"
    mixed = try FloatBuffer(
      count: try elementCount(batchSize, sampleShape.count, of: purpose), for: purpose)
    partners = try BudgetedBuffer(count: batchSize, for: purpose)
  }

  /// Returns the batch with its samples mixed; the batch itself stays as it is.
  ///
  /// - Throws: `shapeMismatch` for a batch of more samples than there is room for.
  public func mix(_ batch: Batch) throws(CNNError) -> MixedBatch {
    guard batch.count <= batchSize, batch.sampleShape == sampleShape else {
      throw .shapeMismatch(
        "a mixer of \(batchSize) samples of shape \(sampleShape) was given \(batch.count) of shape "
          + "\(batch.sampleShape)")
    }
    let own = UnsafeMutableBufferPointer(rebasing: partners.elements[..<batch.count])
    let draw = MixingDraw(
      mixing, seed: seed, epoch: batch.epoch, batch: batch.index, shape: sampleShape,
      partners: own)
    let size = sampleShape.count
    ThreadPool.parallelRanges(
      count: batch.count, grain: 1, slots: ThreadPool.threadCount
    ) { range, _ in
      for position in range {
        let sample = UnsafePointer(batch.inputs + position * size)
        let partner = UnsafePointer(batch.inputs + own[position] * size)
        let output = mixed.pointer + position * size
        switch draw.method {
        case .none: break
        case .mixup:
          Elementwise.blend(
            sample, partner, weight: Float(1 - draw.share), output, count: size, slots: 1)
        case .cutmix:
          output.update(from: sample, count: size)
          if let rectangle = draw.rectangle { paste(partner, rectangle, output) }
        }
      }
    }
    return MixedBatch(
      method: draw.method, share: draw.share, rectangle: draw.rectangle, count: batch.count,
      inputs: draw.method == .none ? batch.inputs : mixed.pointer,
      partners: UnsafePointer(partners.pointer))
  }

  private func paste(
    _ source: UnsafePointer<Float>, _ rectangle: MixedBatch.Rectangle,
    _ output: UnsafeMutablePointer<Float>
  ) {
    guard let image = sampleShape.image else { return }
    let count = rectangle.columns.count * image.channels
    for row in rectangle.rows {
      let start = (row * image.width + rectangle.columns.lowerBound) * image.channels
      (output + start).update(from: source + start, count: count)
    }
  }
}
