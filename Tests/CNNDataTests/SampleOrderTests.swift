import CNNData
import CNNLayerKit
import Testing

/// Samples with labels, weights and a size of epochs of the test's choice.
private final class WeightedDataset: Dataset {
  let labels: [Int]
  let sampleWeights: [Double]?
  let samplesPerEpoch: Int?
  let sampleShape: Shape
  let targets: [DatasetTarget]
  var count: Int { labels.count }

  init(_ labels: [Int], weights: [Double]? = nil, samplesPerEpoch: Int? = nil) throws {
    self.labels = labels
    sampleWeights = weights
    self.samplesPerEpoch = samplesPerEpoch
    sampleShape = try Shape([1])
    targets = [DatasetTarget(kind: .classes(["a", "b", "c", "d"]))]
  }

  func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try checkRead(index, roomFor: output.count)
    // The repetition shows in the input.
    output[0] = Float(index) + Float(augmentation?.repetition ?? 0) * 0.25
  }

  func label(of index: Int, target: Int) throws(CNNError) -> Int { labels[index] }
  func check(_ augmentation: Augmentation) throws(CNNError) {}
}

@Suite struct SampleOrderTests {
  private func drawn(
    _ dataset: any Dataset, epoch: Int = 0, seed: UInt64 = 3, classBalance: Bool = false,
    workers: Int = 0
  ) throws -> [Int] {
    let loader = try BatchLoader(
      dataset, batchSize: 7, classBalance: classBalance, seed: seed, workers: workers)
    return try batches(of: loader, epoch: epoch).flatMap(\.samples)
  }

  private func counts(_ samples: [Int], of count: Int) -> [Int] {
    samples.reduce(into: [Int](repeating: 0, count: count)) { $0[$1] += 1 }
  }

  @Test(arguments: [5, 10, 17, 100, 999])
  func eachSampleComesAsOftenAsExpectedRoundedDownOrUp(perEpoch: Int) throws {
    let weights = (0..<40).map { Double($0 % 5) }
    let dataset = try WeightedDataset(
      (0..<40).map { $0 % 4 }, weights: weights, samplesPerEpoch: perEpoch)
    let total = weights.reduce(0, +)
    var sums = [Double](repeating: 0, count: 40)
    for epoch in 0..<200 {
      let counts = counts(try drawn(dataset, epoch: epoch), of: 40)
      #expect(counts.reduce(0, +) == perEpoch)
      for (index, count) in counts.enumerated() {
        let expected = Double(perEpoch) * weights[index] / total
        #expect(Double(count) >= (expected - 1e-9).rounded(.down))
        #expect(Double(count) <= (expected + 1e-9).rounded(.up))
        sums[index] += Double(count)
      }
    }
    // On average it is what was expected: the deviation of a mean of 200 is at most 0.5 / √200.
    for (index, sum) in sums.enumerated() {
      let expected = Double(perEpoch) * weights[index] / total
      #expect(abs(sum / 200 - expected) < 5 * 0.5 / 14.1)
    }
  }

  @Test func classesAreBalancedWithoutReplacement() throws {
    // 60, 25, 10 and 5 samples of four classes: 25 of each are drawn.
    let labels =
      [Int](repeating: 0, count: 60) + [Int](repeating: 1, count: 25)
      + [Int](repeating: 2, count: 10) + [Int](repeating: 3, count: 5)
    let dataset = try WeightedDataset(labels)
    var seen = Set<Int>()
    for epoch in 0..<20 {
      let samples = try drawn(dataset, epoch: epoch, classBalance: true)
      let counts = counts(samples, of: 100)
      #expect((0..<4).map { label in samples.count { labels[$0] == label } } == [25, 25, 25, 25])
      #expect(counts[..<60].allSatisfy { $0 <= 1 })
      #expect(counts[60..<85].allSatisfy { $0 == 1 })
      #expect(counts[85..<95].allSatisfy { $0 == 2 || $0 == 3 })
      #expect(counts[95...].allSatisfy { $0 == 5 })
      seen.formUnion(samples)
    }
    #expect(seen.count == 100)
    let first = try drawn(dataset, epoch: 1, classBalance: true)
    #expect(try drawn(dataset, epoch: 1, classBalance: true, workers: 2) == first)
    #expect(try drawn(dataset, epoch: 2, classBalance: true) != first)
    #expect(try drawn(dataset, epoch: 1, seed: 4, classBalance: true) != first)
  }

  @Test func weightsDecideWithinBalancedClasses() throws {
    // Class 0: 30 samples of weight 1 and 10 of weight 3; class 1: 10 of weight 0.5; class 2 is not
    // to be drawn at all.
    let labels =
      [Int](repeating: 0, count: 40) + [Int](repeating: 1, count: 10)
      + [Int](repeating: 2, count: 10)
    let weights =
      [Double](repeating: 1, count: 30) + [Double](repeating: 3, count: 10)
      + [Double](repeating: 0.5, count: 10) + [Double](repeating: 0, count: 10)
    let dataset = try WeightedDataset(labels, weights: weights, samplesPerEpoch: 120)
    let counts = counts(try drawn(dataset, classBalance: true), of: 60)
    #expect(counts[..<30].allSatisfy { $0 == 1 })
    #expect(counts[30..<40].allSatisfy { $0 == 3 })
    #expect(counts[40..<50].allSatisfy { $0 == 6 })
    #expect(counts[50...].allSatisfy { $0 == 0 })
  }

  @Test func repeatedSamplesAreAugmentedDifferently() throws {
    let dataset = try WeightedDataset([0, 1], samplesPerEpoch: 8)
    let loader = try BatchLoader(
      dataset, batchSize: 8, augmentation: Augmentation(horizontalFlip: 1), workers: 0)
    let inputs = try batches(of: loader, epoch: 0).flatMap(\.inputs).sorted()
    #expect(inputs == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75])

    let pixels = try TensorDataset(
      inputs: (0..<64).map { Float($0) }, sampleShape: Shape([8, 8, 1]),
      targets: [.classes([0], names: ["a"])])
    func sample(_ repetition: Int) throws -> [Float] {
      var result = [Float](repeating: 0, count: 64)
      let draw = AugmentationDraw(
        Augmentation(randomCrop: Augmentation.RandomCrop(padding: 4)), seed: 1, epoch: 0,
        repetition: repetition)
      try result.withUnsafeMutableBufferPointer {
        try pixels.read(0, into: $0, augmentation: draw)
      }
      return result
    }
    #expect(Set(try (0..<10).map(sample)).count > 5)
  }

  @Test func orderIsKeptWithoutShuffling() throws {
    let dataset = try WeightedDataset(
      [0, 1, 2], weights: [1, 0, 5], samplesPerEpoch: 50)
    let loader = try BatchLoader(dataset, batchSize: 2, shuffle: false, workers: 0)
    #expect(loader.samplesPerEpoch == 3)
    #expect(try batches(of: loader, epoch: 0).map(\.samples) == [[0, 1], [2]])
  }

  @Test func subsetsKeepWeightsAndTheirShareOfAnEpoch() throws {
    let dataset = try WeightedDataset(
      [0, 0, 1, 1], weights: [1, 2, 3, 4], samplesPerEpoch: 100)
    let subset = try Subset(dataset, indices: [3, 1])
    #expect(subset.sampleWeights == [4, 2])
    #expect(subset.samplesPerEpoch == 60)
    #expect(counts(try drawn(subset), of: 2) == [40, 20])
    #expect(try Subset(WeightedDataset([0, 1]), indices: [1]).samplesPerEpoch == nil)
    let half = try Subset(WeightedDataset([0, 1], samplesPerEpoch: 10), indices: [1])
    #expect(half.samplesPerEpoch == 5)
  }

  @Test func refusesWeightsThatAreNone() throws {
    func message(_ weights: [Double]?, perEpoch: Int? = nil) throws -> String {
      let dataset = try WeightedDataset([0, 1], weights: weights, samplesPerEpoch: perEpoch)
      do {
        _ = try BatchLoader(dataset, batchSize: 2)
        return "no error"
      } catch { return error.message }
    }
    #expect(try message([1, -1]).contains("sample 1 is -1"))
    #expect(try message([.nan, 1]).contains("sample 0"))
    #expect(try message([1, .infinity]).contains("sample 1"))
    #expect(try message([0, 0]).contains("all 2 samples are 0"))
    #expect(try message([1]).contains("1 of them"))
    #expect(try message(nil, perEpoch: 0).contains("at least 1"))
    #expect(try message([1e300, 1e-300]) == "no error")
    #expect(try message([.greatestFiniteMagnitude, .greatestFiniteMagnitude]) == "no error")
  }

  @Test func refusesToBalanceWhatHasNoClassesOrAnOrder() throws {
    let values = try TensorDataset(
      inputs: [1, 2], sampleShape: Shape([1]),
      targets: [.values([1, 2], shape: Shape([1]))])
    #expect(throws: CNNError.self) { try BatchLoader(values, batchSize: 1, classBalance: true) }
    #expect(throws: CNNError.self) {
      try BatchLoader(WeightedDataset([0, 1]), batchSize: 1, shuffle: false, classBalance: true)
    }
  }

  @Test func entersADrawnEpochInItsMiddle() throws {
    let dataset = try WeightedDataset(
      (0..<30).map { $0 % 4 }, weights: (0..<30).map { Double($0 + 1) }, samplesPerEpoch: 50)
    let loader = try BatchLoader(dataset, batchSize: 8, classBalance: true, seed: 3, workers: 1)
    let whole = try batches(of: loader, epoch: 2)
    #expect(try batches(of: loader, epoch: 2, from: 3) == Array(whole[3...]))
  }
}
