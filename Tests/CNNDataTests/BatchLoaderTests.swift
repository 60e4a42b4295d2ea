import CNNData
import CNNLayerKit
import Synchronization
import Testing

/// A data set whose sample i is [i, i + 0.5], whose label is i mod 3, and which can fail.
final class CountingDataset: Dataset {
  let count: Int
  let sampleShape: Shape
  let targets = [DatasetTarget(kind: .classes(["a", "b", "c"]))]
  let failing: Int?
  let reads = Atomic<Int>(0)

  init(count: Int, failing: Int? = nil) throws {
    self.count = count
    self.failing = failing
    sampleShape = try Shape([2])
  }

  func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try checkRead(index, roomFor: output.count)
    reads.add(1, ordering: .relaxed)
    if index == failing { throw .malformedData("sample \(index) is broken") }
    output[0] = Float(index)
    output[1] = Float(index) + 0.5
  }

  func label(of index: Int, target: Int) throws(CNNError) -> Int {
    try checkIndex(index)
    return index % 3
  }

  func check(_ augmentation: Augmentation) throws(CNNError) {}
}

/// The contents of a batch, to compare and keep.
struct BatchCopy: Equatable {
  let epoch: Int
  let index: Int
  let samples: [Int]
  let inputs: [Float]
  let labels: [Int32]

  init(_ batch: Batch, sampleCount: Int) {
    epoch = batch.epoch
    index = batch.index
    samples = (0..<batch.count).map { batch.sampleIndices[$0] }
    inputs = (0..<batch.count * sampleCount).map { batch.inputs[$0] }
    labels = batch.labels.map { labels in (0..<batch.count).map { labels[$0] } } ?? []
  }
}

func batches(
  of loader: BatchLoader, epoch: Int, from first: Int = 0
) throws -> [BatchCopy] {
  try loader.startEpoch(epoch, fromBatch: first)
  var result: [BatchCopy] = []
  while let batch = try loader.next() {
    result.append(BatchCopy(batch, sampleCount: loader.dataset.sampleShape.count))
  }
  return result
}

@Suite struct BatchLoaderTests {
  @Test(arguments: [0, 1, 3], [1, 4])
  func servesEverySampleOnceWithoutShuffling(workers: Int, prefetch: Int) throws {
    let loader = try BatchLoader(
      CountingDataset(count: 10), batchSize: 4, shuffle: false, prefetch: prefetch,
      workers: workers)
    #expect(loader.batchCount == 3)
    let all = try batches(of: loader, epoch: 0)
    #expect(all.map(\.samples) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
    #expect(all.map(\.index) == [0, 1, 2])
    #expect(all[2].inputs == [8, 8.5, 9, 9.5])
    #expect(all[2].labels == [2, 0])
    let extra = try loader.next()
    #expect(extra?.index == nil)
  }

  @Test func dropsThePartialBatch() throws {
    let loader = try BatchLoader(
      CountingDataset(count: 10), batchSize: 4, shuffle: false, dropLast: true)
    #expect(loader.batchCount == 2)
    #expect(try batches(of: loader, epoch: 0).map(\.samples) == [[0, 1, 2, 3], [4, 5, 6, 7]])
  }

  @Test func shufflesArePermutationsThatDependOnSeedAndEpoch() throws {
    let dataset = try CountingDataset(count: 1000)
    func order(seed: UInt64, epoch: Int) throws -> [Int] {
      let loader = try BatchLoader(dataset, batchSize: 64, seed: seed)
      return try batches(of: loader, epoch: epoch).flatMap(\.samples)
    }
    let first = try order(seed: 1, epoch: 0)
    #expect(first.sorted() == Array(0..<1000))
    #expect(first != Array(0..<1000))
    #expect(try order(seed: 1, epoch: 0) == first)
    #expect(try order(seed: 1, epoch: 1) != first)
    #expect(try order(seed: 2, epoch: 0) != first)
    // A fixed point is as likely as it should be: one is expected, ten practically never happen.
    #expect(first.enumerated().filter { $0.offset == $0.element }.count < 10)
  }

  @Test(arguments: [1, 2, 4])
  func workersChangeNothing(workers: Int) throws {
    let dataset = try CountingDataset(count: 101)
    let alone = try BatchLoader(dataset, batchSize: 7, seed: 5, workers: 0)
    let helped = try BatchLoader(dataset, batchSize: 7, seed: 5, prefetch: 3, workers: workers)
    for epoch in 0..<5 {
      #expect(try batches(of: alone, epoch: epoch) == batches(of: helped, epoch: epoch))
    }
  }

  @Test(arguments: [0, 2])
  func entersAnEpochInItsMiddle(workers: Int) throws {
    let loader = try BatchLoader(
      CountingDataset(count: 50), batchSize: 8, seed: 3, workers: workers)
    let whole = try batches(of: loader, epoch: 4)
    for first in 0...loader.batchCount {
      #expect(try batches(of: loader, epoch: 4, from: first) == Array(whole[first...]))
    }
  }

  @Test func givesUpAnEpochThatIsUnderWay() throws {
    let loader = try BatchLoader(
      CountingDataset(count: 500), batchSize: 8, seed: 3, prefetch: 4, workers: 3)
    let expected = try batches(of: loader, epoch: 1)
    for taken in 0..<20 {
      try loader.startEpoch(0)
      for _ in 0..<taken { _ = try loader.next() }
      #expect(try batches(of: loader, epoch: 1) == expected)
    }
  }

  @Test(arguments: [0, 1, 3])
  func errorsArriveAtTheirBatch(workers: Int) throws {
    let loader = try BatchLoader(
      CountingDataset(count: 40, failing: 21), batchSize: 5, shuffle: false, prefetch: 3,
      workers: workers)
    for _ in 0..<3 {
      try loader.startEpoch(0)
      for index in 0..<4 { #expect(try loader.next()?.index == index) }
      for _ in 0..<2 {
        let error = #expect(throws: CNNError.self) { _ = try loader.next() }
        #expect(error?.code == .malformedData)
        #expect(error?.message == "sample 21 is broken")
      }
    }
    #expect(try batches(of: loader, epoch: 0, from: 5).count == 3)
  }

  @Test(arguments: [0, 2])
  func cancellingIsAnErrorUntilTheNextEpoch(workers: Int) throws {
    let loader = try BatchLoader(
      CountingDataset(count: 100), batchSize: 5, seed: 1, workers: workers)
    let expected = try batches(of: loader, epoch: 0)
    try loader.startEpoch(0)
    _ = try loader.next()
    loader.cancel()
    let error = #expect(throws: CNNError.self) { _ = try loader.next() }
    #expect(error?.code == .cancelled)
    #expect(try batches(of: loader, epoch: 0) == expected)
  }

  @Test(arguments: [0, 1, 5])
  func endsItsThreadsAndGivesEverythingBack(taken: Int) throws {
    // A thread that still ran would keep the data set alive.
    weak var remaining: CountingDataset?
    for _ in 0..<20 {
      let dataset = try CountingDataset(count: 10_000)
      remaining = dataset
      let loader = try BatchLoader(dataset, batchSize: 100, prefetch: 4, workers: 4)
      if taken > 0 { try loader.startEpoch(0) }
      for _ in 0..<taken { _ = try loader.next() }
    }
    #expect(remaining == nil)
  }

  @Test func nothingComesBeforeAnEpochIsStarted() throws {
    let loader = try BatchLoader(CountingDataset(count: 3), batchSize: 2)
    let batch = try loader.next()
    #expect(batch?.index == nil)
  }

  @Test func aBatchLargerThanTheDataHoldsAllOfIt() throws {
    let loader = try BatchLoader(CountingDataset(count: 3), batchSize: Int.max, shuffle: false)
    #expect(try batches(of: loader, epoch: 0).map(\.samples) == [[0, 1, 2]])
  }

  @Test func refusesWhatMakesNoSense() throws {
    let dataset = try CountingDataset(count: 3)
    let empty = try CountingDataset(count: 0)
    func message(_ make: () throws -> Void) -> String {
      let error = #expect(throws: CNNError.self) { try make() }
      #expect(error?.code == .invalidArgument)
      return error?.message ?? ""
    }
    #expect(message { _ = try BatchLoader(empty, batchSize: 1) }.contains("no samples"))
    #expect(message { _ = try BatchLoader(dataset, batchSize: 0) }.contains("at least 1"))
    #expect(message { _ = try BatchLoader(dataset, batchSize: -5) }.contains("-5"))
    #expect(
      message { _ = try BatchLoader(dataset, batchSize: 4, dropLast: true) }
        .contains("no batch"))
    #expect(message { _ = try BatchLoader(dataset, batchSize: 1, prefetch: 0) }.contains("64"))
    #expect(message { _ = try BatchLoader(dataset, batchSize: 1, workers: -1) }.contains("64"))
    let loader = try BatchLoader(dataset, batchSize: 1)
    #expect(message { try loader.startEpoch(-1) }.contains("epoch"))
    #expect(message { try loader.startEpoch(0, fromBatch: 4) }.contains("it has 3"))
    #expect(message { try loader.startEpoch(0, fromBatch: -1) }.contains("-1"))
  }
}
