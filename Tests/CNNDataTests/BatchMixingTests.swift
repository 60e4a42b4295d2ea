import CNNData
import CNNKernels
import CNNLayerKit
import Testing

@Suite struct BatchMixingTests {
  private static let height = 6
  private static let width = 5
  private static let size = 6 * 5 * 2

  /// Pictures of 6 by 5 whose numbers are all different.
  private func pictures(_ count: Int) throws -> TensorDataset {
    try TensorDataset(
      inputs: (0..<count * Self.size).map { Float($0 * 37 % 1009) },
      sampleShape: Shape([Self.height, Self.width, 2]),
      targets: [.classes((0..<count).map { $0 * 5 % 3 }, names: ["a", "b", "c"])])
  }

  private func values(_ start: UnsafeMutablePointer<Float>, _ count: Int) -> [Float] {
    (0..<count).map { start[$0] }
  }

  /// Calls `body` with batches of several epochs, before and after mixing.
  private func forEachMixed(
    _ mixing: BatchMixing, epochs: Int = 4, batchSize: Int = 8, seed: UInt64 = 5,
    _ body: (Batch, MixedBatch) throws -> Void
  ) throws {
    let data = try pictures(30)
    let loader = try BatchLoader(data, batchSize: batchSize, seed: seed)
    let mixer = try BatchMixer(
      mixing, batchSize: batchSize, sampleShape: data.sampleShape, seed: seed)
    for epoch in 0..<epochs {
      try loader.startEpoch(epoch)
      while let batch = try loader.next() { try body(batch, mixer.mix(batch)) }
    }
  }

  @Test func mixupAddsSharesOfSampleAndPartner() throws {
    var shares: Set<Double> = []
    try forEachMixed(BatchMixing(mixup: .init(alpha: 0.4))) { batch, mixed in
      #expect(mixed.method == .mixup && mixed.rectangle == nil && mixed.count == batch.count)
      #expect((0...1).contains(mixed.share))
      shares.insert(mixed.share)
      #expect(
        (0..<batch.count).map { mixed.partners[$0] }.sorted() == Array(0..<batch.count))
      for position in 0..<batch.count {
        let own = values(batch.inputs + position * Self.size, Self.size)
        let other = values(batch.inputs + mixed.partners[position] * Self.size, Self.size)
        let result = values(mixed.inputs + position * Self.size, Self.size)
        let share = Float(mixed.share)
        for i in 0..<Self.size {
          #expect(abs(result[i] - (share * own[i] + (1 - share) * other[i])) < 1e-3)
        }
      }
    }
    // Each batch has a share of its own.
    #expect(shares.count == 16)
  }

  @Test func cutmixPutsARectangleOfThePartnerIn() throws {
    var areas: Set<Int> = []
    try forEachMixed(BatchMixing(cutmix: .init(probability: 1))) { batch, mixed in
      #expect(mixed.method == .cutmix)
      let rectangle = try #require(mixed.rectangle)
      let area = rectangle.rows.count * rectangle.columns.count
      areas.insert(area)
      #expect(rectangle.rows.isEmpty || rectangle.rows.upperBound <= Self.height)
      #expect(rectangle.columns.isEmpty || rectangle.columns.upperBound <= Self.width)
      #expect(abs(mixed.share - (1 - Double(area) / 30)) < 1e-12)
      for position in 0..<batch.count {
        let own = batch.inputs + position * Self.size
        let other = batch.inputs + mixed.partners[position] * Self.size
        let result = mixed.inputs + position * Self.size
        for row in 0..<Self.height {
          for column in 0..<Self.width {
            let isCut = rectangle.rows.contains(row) && rectangle.columns.contains(column)
            for channel in 0..<2 {
              let i = (row * Self.width + column) * 2 + channel
              #expect(result[i] == (isCut ? other[i] : own[i]))
            }
          }
        }
      }
    }
    #expect(areas.count > 4)
  }

  @Test func labelsFollowTheShares() throws {
    try forEachMixed(BatchMixing(mixup: .init(alpha: 1))) { batch, mixed in
      let labels = try #require(batch.labels)
      var rows = [Float](repeating: 7, count: batch.count * 4)
      mixed.writeProbabilities(of: labels, classes: 4, to: &rows)
      for position in 0..<batch.count {
        let own = Int(labels[position])
        let other = Int(labels[mixed.partners[position]])
        for label in 0..<4 {
          let expected =
            (label == own ? mixed.share : 0) + (label == other ? 1 - mixed.share : 0)
          #expect(abs(Double(rows[position * 4 + label]) - expected) < 1e-6)
        }
        #expect(
          mixed.mainLabel(of: position, in: labels) == Int32(mixed.share >= 0.5 ? own : other))
      }
    }
  }

  /// Probabilities of mixup and cutmix, and the shares of batches that they give.
  static let choices: [[Double]] = [
    [0.5, 0.5, 0.5, 0.5], [1, 0.5, 2.0 / 3, 1.0 / 3], [0.2, 0.1, 0.2, 0.1], [1, 0, 1, 0],
    [0, 1, 0, 1], [1, 1, 0.5, 0.5],
  ]

  @Test(arguments: choices)
  func probabilitiesDecideBetweenBoth(choice: [Double]) throws {
    let (mixup, cutmix) = (choice[0], choice[1])
    let (expectedMixup, expectedCutmix) = (choice[2], choice[3])
    var counts: [MixedBatch.Method: Double] = [:]
    var batches = 0.0
    try forEachMixed(
      BatchMixing(
        mixup: .init(probability: mixup), cutmix: .init(probability: cutmix)),
      epochs: 50, batchSize: 1
    ) { batch, mixed in
      counts[mixed.method, default: 0] += 1
      batches += 1
      if mixed.method == .none { #expect(mixed.inputs == batch.inputs && mixed.share == 1) }
    }
    // 1,500 batches: the deviation of a share is at most 0.013.
    #expect(abs((counts[.mixup] ?? 0) / batches - expectedMixup) < 0.06)
    #expect(abs((counts[.cutmix] ?? 0) / batches - expectedCutmix) < 0.06)
  }

  @Test(arguments: [Double.leastNonzeroMagnitude, 1e-300, 1e-6, 0.05, 0.2, 1, 3, 50])
  func sharesHaveTheMomentsOfTheBetaDistribution(alpha: Double) throws {
    var sum = 0.0
    var squares = 0.0
    var count = 0.0
    try forEachMixed(
      BatchMixing(mixup: .init(alpha: alpha)), epochs: 200, batchSize: 1
    ) { _, mixed in
      sum += mixed.share
      squares += mixed.share * mixed.share
      count += 1
    }
    let mean = sum / count
    let variance = squares / count - mean * mean
    let expected = 1 / (4 * (2 * alpha + 1))
    // 6,000 draws: five deviations of the mean, and 8 % of the variance.
    #expect(abs(mean - 0.5) < 5 * (expected / count).squareRoot())
    #expect(abs(variance / expected - 1) < 0.08)
  }

  @Test func cutsAllOrNothingWhereAlphaIsAlmostZero() throws {
    let least = BatchMixing.CutMix(alpha: .leastNonzeroMagnitude, probability: 1)
    try forEachMixed(BatchMixing(cutmix: least)) { _, mixed in
      let rectangle = try #require(mixed.rectangle)
      let isNothing = rectangle.rows.isEmpty && rectangle.columns.isEmpty
      #expect(mixed.share.isFinite && (mixed.share < 1 || isNothing))
    }
  }

  @Test(arguments: [1, 2, 5])
  func threadsAndWorkersDoNotMatter(threads: Int) throws {
    func all(_ threads: Int) throws -> [Float] {
      let before = ThreadPool.threadCount
      ThreadPool.setThreadCount(threads)
      defer { ThreadPool.setThreadCount(before) }
      let data = try pictures(30)
      let loader = try BatchLoader(data, batchSize: 7, seed: 2, workers: threads - 1)
      let mixer = try BatchMixer(
        BatchMixing(mixup: .init(), cutmix: .init()), batchSize: 7,
        sampleShape: data.sampleShape, seed: 2)
      var result: [Float] = []
      for epoch in 0..<3 {
        try loader.startEpoch(epoch)
        while let batch = try loader.next() {
          result += values(try mixer.mix(batch).inputs, batch.count * Self.size)
        }
      }
      return result
    }
    #expect(try all(threads) == all(3))
  }

  @Test func refusesWhatCannotBeMixed() throws {
    func message(_ mixing: BatchMixing, _ shape: [Int] = [4, 4, 1]) throws -> String {
      let shape = try Shape(shape)
      do {
        _ = try BatchMixer(mixing, batchSize: 2, sampleShape: shape, seed: 0)
        return "no error"
      } catch { return error.message }
    }
    #expect(try message(BatchMixing(mixup: .init(alpha: 0))).contains("mixup.alpha"))
    #expect(try message(BatchMixing(mixup: .init(alpha: .nan))).contains("mixup.alpha"))
    #expect(try message(BatchMixing(cutmix: .init(alpha: 1e9))).contains("cutmix.alpha"))
    #expect(
      try message(BatchMixing(cutmix: .init(probability: 2))).contains("cutmix.probability"))
    #expect(try message(BatchMixing(cutmix: .init()), [16]).contains("\"cutmix\""))
    #expect(try message(BatchMixing(mixup: .init()), [16]) == "no error")
    let other = try BatchMixer(
      BatchMixing(mixup: .init()), batchSize: 2, sampleShape: Shape([3]), seed: 0)
    let loader = try BatchLoader(pictures(4), batchSize: 2)
    try loader.startEpoch(0)
    let batch = try #require(try loader.next())
    #expect(throws: CNNError.self) { try other.mix(batch) }
  }
}
