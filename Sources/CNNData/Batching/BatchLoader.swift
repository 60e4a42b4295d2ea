public import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Serves a data set in batches, prepared in the background.
///
/// ```swift
/// let loader = try BatchLoader(training, batchSize: 100, seed: 1)
/// for epoch in 0..<10 {
///   try loader.startEpoch(epoch)
///   while let batch = try loader.next() { … }
/// }
/// ```
///
/// What a batch holds depends on the data set, the seed, the epoch and the batch's index alone: any
/// number of workers, none included, gives the same bits, and an epoch can be entered in its
/// middle. Memory is taken when the loader is made; afterwards the loader itself allocates nothing.
///
/// One thread at a time may use a loader; only `cancel` may be called from any. The background
/// threads end with the loader.
///
/// Safety: all that changes is in the queue, which has a lock; that is what `@unchecked Sendable`
/// stands for.
public final class BatchLoader: @unchecked Sendable {
  /// The data set.
  public let dataset: any Dataset
  /// The number of samples in a batch.
  public let batchSize: Int
  /// Whether samples come in a random order, another one in each epoch.
  public let shuffles: Bool
  /// Whether all classes are equally frequent.
  public let balancesClasses: Bool
  /// What order and augmentation depend on.
  public let seed: UInt64
  /// The random changes of the inputs, or nil for none.
  public let augmentation: Augmentation?
  /// Whether a last batch that is not full is left out.
  public let dropsLast: Bool
  /// The number of samples of an epoch, those of a last batch that is left out included.
  public let samplesPerEpoch: Int

  private let queue: BatchQueue
  private let workers: WorkerThreads?
  private let process = getpid()

  /// Creates a loader; `startEpoch` starts it.
  ///
  /// - Parameters:
  ///   - dataset: The samples; at least one.
  ///   - batchSize: The number of samples in a batch, at least 1.
  ///   - shuffle: Whether each epoch has a random order of its own. If so, the data set's
  ///     `sampleWeights` and `samplesPerEpoch` decide which samples an epoch has: each comes as
  ///     often as expected, rounded down or up. If not, each comes once.
  ///   - classBalance: Whether samples are drawn so that the classes of the first target made of
  ///     classes are equally frequent; weights then decide within each class. Needs `shuffle`.
  ///   - seed: What order and augmentation depend on.
  ///   - augmentation: Random changes of the inputs.
  ///   - dropLast: Whether a last batch that is not full is left out.
  ///   - prefetch: How many batches are prepared ahead, from 1 to 64.
  ///   - workers: How many background threads prepare batches, from 0 to 64; with 0, `next()`
  ///     prepares the batch itself.
  /// - Throws: `invalidArgument` for numbers out of range, weights that are none, and augmentation
  ///   that does not fit, `unsupported` if classes are to be balanced and there are none,
  ///   `outOfMemory` if buffers or threads cannot be had.
  public init(
    _ dataset: any Dataset, batchSize: Int, shuffle: Bool = true, classBalance: Bool = false,
    seed: UInt64 = 0, augmentation: Augmentation? = nil, dropLast: Bool = false, prefetch: Int = 2,
    workers: Int = 1
  ) throws(CNNError) {
    guard dataset.count > 0 else { throw .invalidArgument("the data set has no samples") }
    guard batchSize >= 1 else {
      throw .invalidArgument("the batch size is \(batchSize), and must be at least 1")
    }
    let order = try SampleOrder(dataset, shuffles: shuffle, balancesClasses: classBalance)
    samplesPerEpoch = order.epochCount
    guard !dropLast || batchSize <= samplesPerEpoch else {
      throw .invalidArgument(
        "the batch size is \(batchSize), an epoch has \(samplesPerEpoch) samples, and batches "
          + "that are not full are left out, so there would be no batch")
    }
    guard prefetch >= 1, prefetch <= 64 else {
      throw .invalidArgument("prefetch is \(prefetch), and must be from 1 to 64")
    }
    guard workers >= 0, workers <= 64 else {
      throw .invalidArgument("the number of workers is \(workers), and must be from 0 to 64")
    }
    if let augmentation { try dataset.check(augmentation) }
    self.dataset = dataset
    self.batchSize = batchSize
    self.shuffles = shuffle
    self.balancesClasses = classBalance
    self.seed = seed
    self.augmentation = augmentation == Augmentation() ? nil : augmentation
    self.dropsLast = dropLast
    // One more than prepared ahead: the batch that the caller is looking at.
    queue = try BatchQueue(
      dataset: dataset, order: order, batchSize: min(batchSize, order.epochCount),
      slots: workers == 0 ? 1 : prefetch + 1)
    self.workers = workers == 0 ? nil : try WorkerThreads(workers, serving: queue)
  }

  deinit {
    // After a fork the child has no such threads, and the lock may be held by nobody.
    guard process == getpid() else { return }
    queue.close()
    workers?.join()
  }

  /// The number of batches in an epoch.
  public var batchCount: Int {
    let full = samplesPerEpoch / batchSize
    return dropsLast || samplesPerEpoch.isMultiple(of: batchSize) ? full : full + 1
  }

  /// Begins an epoch, or enters it in its middle; an epoch under way is given up.
  ///
  /// - Parameters:
  ///   - epoch: The number of the epoch, at least 0; it decides order and augmentation.
  ///   - batch: The index of the first batch that `next()` gives, from 0 to `batchCount`.
  /// - Throws: `invalidArgument` for numbers out of range, `unsupported` in a process forked
  ///   from the one that made the loader.
  public func startEpoch(_ epoch: Int, fromBatch batch: Int = 0) throws(CNNError) {
    guard epoch >= 0 else {
      throw .invalidArgument("the epoch is \(epoch), and must be at least 0")
    }
    guard batch >= 0, batch <= batchCount else {
      throw .invalidArgument(
        "the epoch cannot start from batch \(batch): it has \(batchCount), counted from 0")
    }
    try checkProcess()
    queue.stop()
    queue.order.draw(seed: seed, epoch: epoch)
    let draw = augmentation.map { AugmentationDraw($0, seed: seed, epoch: epoch) }
    queue.start(
      epoch: epoch, batches: batch..<batchCount,
      samples: dropsLast ? batchCount * batchSize : samplesPerEpoch, augmentation: draw)
  }

  /// Returns the next batch of the epoch, or nil after the last one.
  ///
  /// - Returns: A batch whose memory is good until the next call.
  /// - Throws: What reading a sample threw, at the batch that the sample belongs to and at every
  ///   call after it; `cancelled` after `cancel`; `unsupported` in a forked process.
  public func next() throws(CNNError) -> Batch? {
    try checkProcess()
    return workers == nil ? try queue.prepareNext() : try queue.waitForNext()
  }

  /// Makes `next()` throw `cancelled` until the next epoch is started, also one that is waiting.
  ///
  /// May be called from any thread.
  public func cancel() {
    guard process == getpid() else { return }
    queue.cancel()
  }

  private func checkProcess() throws(CNNError) {
    guard process == getpid() else {
      throw CNNError(
        .unsupported,
        "a batch loader does not outlive fork(): its threads are in the parent process; make a "
          + "new one in this process")
    }
  }
}
