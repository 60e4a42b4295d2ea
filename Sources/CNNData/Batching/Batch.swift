public import CNNLayerKit

/// Some samples side by side, as a network takes them.
///
/// The memory belongs to the loader and is used again: what a batch points to is good until the
/// next call of `next()` or `startEpoch` of its loader, and while the loader or the batch exists.
public struct Batch {
  /// The epoch that the batch belongs to.
  public let epoch: Int
  /// The position of the batch in its epoch, counted from 0.
  public let index: Int
  /// The number of samples; the last batch of an epoch may have fewer than the others.
  public let count: Int
  /// The shape of each input.
  public let sampleShape: Shape
  let slot: BatchSlot

  /// The inputs: `count` samples of the data set's `sampleShape`, one after the other.
  public var inputs: UnsafeMutablePointer<Float> { slot.inputs.pointer }

  /// The index in the data set of each sample.
  public var sampleIndices: UnsafePointer<Int> { UnsafePointer(slot.indices.pointer) }

  /// The label of each sample for the first target made of classes, or nil if there is none.
  public var labels: UnsafePointer<Int32>? {
    for target in slot.targets {
      if case .labels(let labels) = target { return UnsafePointer(labels.pointer) }
    }
    return nil
  }

  /// The label of each sample for one target, or nil if the target is made of numbers.
  public func labels(target: Int) -> UnsafePointer<Int32>? {
    guard target >= 0, target < slot.targets.count,
      case .labels(let labels) = slot.targets[target]
    else { return nil }
    return UnsafePointer(labels.pointer)
  }

  /// The numbers of all samples for one target, or nil if the target is made of classes.
  public func values(target: Int) -> UnsafePointer<Float>? {
    guard target >= 0, target < slot.targets.count,
      case .values(let values, _) = slot.targets[target]
    else { return nil }
    return UnsafePointer(values.pointer)
  }
}

/// The memory of one batch.
///
/// Safety: filled by one thread and read by another, never at once; `BatchQueue` hands it over
/// under its lock.
final class BatchSlot: @unchecked Sendable {
  enum Target {
    case labels(BudgetedBuffer<Int32>)
    case values(FloatBuffer, perSample: Int)
  }

  let inputs: FloatBuffer
  let indices: BudgetedBuffer<Int>
  let targets: [Target]

  init(batchSize: Int, dataset: any Dataset) throws(CNNError) {
    let sample = dataset.sampleShape.count
    inputs = try FloatBuffer(
      count: try elementCount(batchSize, sample, of: "a batch of \(batchSize) samples"),
      for: "a batch of \(batchSize) samples")
    indices = try BudgetedBuffer(count: batchSize, for: "a batch of \(batchSize) samples")
    var targets: [Target] = []
    for target in dataset.targets {
      switch target.kind {
      case .classes:
        targets.append(
          .labels(try BudgetedBuffer(count: batchSize, for: "the labels of a batch")))
      case .values(let shape):
        let purpose = "target \"\(target.name)\" of a batch of \(batchSize) samples"
        let count = try elementCount(batchSize, shape.count, of: purpose)
        targets.append(
          .values(try FloatBuffer(count: count, for: purpose), perSample: shape.count))
      }
    }
    self.targets = targets
  }

  /// Reads one sample with all its targets to its place in the batch.
  func fill(
    _ position: Int, from dataset: any Dataset, index: Int, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    let sample = dataset.sampleShape.count
    let room = UnsafeMutableBufferPointer(
      start: inputs.pointer + position * sample, count: sample)
    try dataset.read(index, into: room, augmentation: augmentation)
    indices.pointer[position] = index
    for target in 0..<targets.count {
      switch targets[target] {
      case .labels(let labels):
        labels.pointer[position] = Int32(
          truncatingIfNeeded: try dataset.label(of: index, target: target))
      case .values(let values, let perSample):
        try dataset.readValues(
          of: index, target: target,
          into: UnsafeMutableBufferPointer(
            start: values.pointer + position * perSample, count: perSample))
      }
    }
  }
}
