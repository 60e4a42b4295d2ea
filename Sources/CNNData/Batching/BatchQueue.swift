import CNNLayerKit
import Synchronization

/// A bounded ring of batches between the threads that fill them and the one that takes them.
///
/// Safety: `order`, `slots` and the epoch's constants are written only while no worker is active;
/// everything else is guarded by `monitor`.
final class BatchQueue: @unchecked Sendable {
  let order: SampleOrder
  private let dataset: any Dataset
  private let batchSize: Int
  private let slots: [BatchSlot]
  private let monitor: Monitor

  private enum Outcome {
    case pending
    case ready
    case failed(CNNError)
  }

  /// What is known of the batch in each slot.
  private var outcomes: [Outcome]
  private var epoch = 0
  private var sampleCount = 0
  private var augmentation: AugmentationDraw?
  private var end = 0
  /// The next batch that a worker takes up.
  private var nextToFill = 0
  /// The next batch that the consumer gets; the one before it is in the consumer's hands.
  private var nextToTake = 0
  /// The first batch of the epoch that was started: before it nothing is in anybody's hands.
  private var first = 0
  private var activeWorkers = 0
  private var isClosed = false
  private var failure: CNNError?
  /// Read between samples, so that giving up an epoch does not wait for whole batches.
  ///
  /// Set under the lock together with the reason, so that who sees it set finds the reason, too.
  private let isStopped = Atomic<Bool>(true)

  init(
    dataset: any Dataset, order: SampleOrder, batchSize: Int, slots count: Int
  ) throws(CNNError) {
    self.dataset = dataset
    self.batchSize = batchSize
    self.order = order
    var slots: [BatchSlot] = []
    for _ in 0..<count { slots.append(try BatchSlot(batchSize: batchSize, dataset: dataset)) }
    self.slots = slots
    outcomes = [Outcome](repeating: .pending, count: count)
    monitor = try Monitor()
  }

  // MARK: The consumer's side

  /// Gives the epoch up and waits until no worker is active.
  func stop() {
    monitor.lock()
    isStopped.store(true, ordering: .relaxed)
    nextToFill = 0
    end = 0
    while activeWorkers > 0 { monitor.waitForConsumerNews() }
    monitor.unlock()
  }

  /// Lets the workers begin; only after `stop`.
  func start(
    epoch: Int, batches: Range<Int>, samples: Int, augmentation: AugmentationDraw?
  ) {
    monitor.lock()
    self.epoch = epoch
    self.augmentation = augmentation
    sampleCount = samples
    first = batches.lowerBound
    nextToFill = batches.lowerBound
    nextToTake = batches.lowerBound
    end = batches.upperBound
    failure = nil
    for slot in outcomes.indices { outcomes[slot] = .pending }
    isStopped.store(false, ordering: .relaxed)
    monitor.wakeWorkers()
    monitor.unlock()
  }

  /// Takes the next batch, waiting for the worker that fills it.
  func waitForNext() throws(CNNError) -> Batch? {
    monitor.lock()
    defer { monitor.unlock() }
    if let failure { throw failure }
    guard nextToTake < end else { return nil }
    let slot = nextToTake % slots.count
    while true {
      if let failure { throw failure }
      if case .pending = outcomes[slot] { monitor.waitForConsumerNews() } else { break }
    }
    return try take(slot)
  }

  /// Fills the next batch on the calling thread.
  func prepareNext() throws(CNNError) -> Batch? {
    monitor.lock()
    defer { monitor.unlock() }
    if let failure { throw failure }
    guard nextToTake < end else { return nil }
    let slot = nextToTake % slots.count
    let batch = nextToTake
    // Unlocked while samples are read: `cancel` must not wait for them.
    monitor.unlock()
    let outcome = fill(batch, slot: slot)
    monitor.lock()
    if let failure { throw failure }
    outcomes[slot] = outcome
    return try take(slot)
  }

  /// Makes the consumer's calls throw until the next start.
  func cancel() {
    monitor.lock()
    isStopped.store(true, ordering: .relaxed)
    failure = CNNError(.cancelled, "the batch loader was cancelled")
    nextToFill = end
    monitor.wakeConsumer()
    monitor.unlock()
  }

  /// Sends the workers home for good.
  func close() {
    monitor.lock()
    isStopped.store(true, ordering: .relaxed)
    isClosed = true
    monitor.wakeWorkers()
    monitor.unlock()
  }

  private func take(_ slot: Int) throws(CNNError) -> Batch? {
    if case .failed(let error) = outcomes[slot] {
      failure = error
      isStopped.store(true, ordering: .relaxed)
      nextToFill = end
      throw error
    }
    let batch = Batch(
      epoch: epoch, index: nextToTake, count: count(of: nextToTake),
      sampleShape: dataset.sampleShape, slot: slots[slot])
    // The consumer has let go of the batch before this one.
    if nextToTake > first { outcomes[(nextToTake - 1) % slots.count] = .pending }
    nextToTake += 1
    monitor.wakeWorkers()
    return batch
  }

  // MARK: The workers' side

  /// Fills batches until the queue is closed.
  func work() {
    monitor.lock()
    while !isClosed {
      guard let batch = claim() else {
        monitor.waitForWork()
        continue
      }
      activeWorkers += 1
      monitor.unlock()
      let slot = batch % slots.count
      let outcome = fill(batch, slot: slot)
      monitor.lock()
      outcomes[slot] = outcome
      activeWorkers -= 1
      monitor.wakeConsumer()
    }
    monitor.unlock()
  }

  /// The next batch to fill if its slot is free, counted as taken.
  private func claim() -> Int? {
    // The batch before `nextToTake` is in the consumer's hands, except at the start.
    let oldest = nextToTake > first ? nextToTake - 1 : nextToTake
    guard nextToFill < end, nextToFill < oldest + slots.count else { return nil }
    defer { nextToFill += 1 }
    return nextToFill
  }

  private func count(of batch: Int) -> Int {
    min(batchSize, sampleCount - batch * batchSize)
  }

  private func fill(_ batch: Int, slot: Int) -> Outcome {
    do throws(CNNError) {
      for position in 0..<count(of: batch) {
        if isStopped.load(ordering: .relaxed) { return .pending }
        let sample = order.samples.pointer[batch * batchSize + position]
        var draw = augmentation
        draw?.repetition = sample.repetition
        try slots[slot].fill(position, from: dataset, index: sample.index, augmentation: draw)
      }
      return .ready
    } catch {
      return .failed(error)
    }
  }
}
