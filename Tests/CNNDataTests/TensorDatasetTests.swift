import CNNData
import CNNLayerKit
import Testing

@Suite struct TensorDatasetTests {
  func make() throws -> TensorDataset {
    try TensorDataset(
      inputs: (0..<12).map(Float.init), sampleShape: Shape([2, 2, 1]),
      targets: [
        .values((0..<6).map { Float($0) / 2 }, shape: Shape([2]), name: "box"),
        .classes([2, 0, 1] as [Int64], names: ["a", "b", "c"], name: "class"),
        .values([7, 8, 9], shape: Shape([]), name: "weight"),
      ])
  }

  @Test func servesSeveralTargets() throws {
    let dataset = try make()
    #expect(dataset.count == 3)
    #expect(dataset.targets.map(\.name) == ["box", "class", "weight"])
    #expect(dataset.classNames == ["a", "b", "c"])
    #expect(try dataset.label(at: 0) == 2)
    #expect(try sample(dataset, 1) == [4, 5, 6, 7])
    for workers in [0, 2] {
      let loader = try BatchLoader(dataset, batchSize: 2, shuffle: false, workers: workers)
      try loader.startEpoch(0)
      let first = try #require(try loader.next())
      let boxes = try #require(first.values(target: 0))
      #expect((0..<4).map { boxes[$0] } == [0, 0.5, 1, 1.5])
      let labels = try #require(first.labels(target: 1))
      #expect((0..<2).map { labels[$0] } == [2, 0])
      #expect(first.labels == labels)
      #expect(first.labels(target: 0) == nil && first.values(target: 1) == nil)
      #expect(first.labels(target: 3) == nil && first.values(target: -1) == nil)
      let second = try #require(try loader.next())
      #expect(second.count == 1)
      #expect(second.values(target: 2)?[0] == 9)
      #expect(second.inputs[3] == 11)
    }
  }

  @Test func flipsPicturesOfNumbers() throws {
    let draw = AugmentationDraw(Augmentation(horizontalFlip: 1), seed: 0, epoch: 0)
    #expect(try sample(make(), 0, draw) == [1, 0, 3, 2])
  }

  @Test func refusesWhatDoesNotFit() throws {
    let shape = try Shape([2])
    func message(_ body: () throws -> Void) -> String { failure(body)?.message ?? "" }
    #expect(
      message { _ = try TensorDataset(inputs: [1, 2, 3], sampleShape: shape, targets: []) }
        .contains("3 numbers, which is no whole number of samples of shape [2]"))
    #expect(
      message {
        _ = try TensorDataset(
          inputs: [1, 2, 3, 4], sampleShape: shape, targets: [.classes([0], names: ["a"])])
      }.contains("answers for 1 samples, the inputs are 2"))
    #expect(
      message { _ = try TensorDataset.Target.classes([0, 3], names: ["a", "b"]) }
        .contains("the label of sample 1 is 3, and must be from 0 to 1"))
    #expect(message { _ = try TensorDataset.Target.classes([-1], names: ["a"]) }.contains("-1"))
    #expect(message { _ = try TensorDataset.Target.classes([Int.max], names: ["a"]) } != "")
    #expect(message { _ = try TensorDataset.Target.classes([0], names: []) }.contains("one class"))
    #expect(
      message {
        _ = try TensorDataset(
          inputs: [1, 2], sampleShape: shape,
          targets: [.classes([0], names: ["a"]), .classes([0], names: ["a"])])
      }.contains("two targets are named \"label\""))
    let dataset = try make()
    for index in [-1, 3, Int.max, Int.min] {
      #expect(failure { _ = try sample(dataset, index) }?.code == .invalidArgument)
      #expect(failure { _ = try dataset.label(at: index) }?.code == .invalidArgument)
    }
    for target in [-1, 0, 3] {
      #expect(failure { _ = try dataset.label(of: 0, target: target) }?.code == .invalidArgument)
    }
    let small = try FloatBuffer(count: 3, for: "a test")
    #expect(
      message { try dataset.read(0, into: small.elements, augmentation: nil) }
        .contains("needs room for 4 numbers, there is room for 3"))
    #expect(
      message { try dataset.readValues(of: 0, target: 0, into: small.elements) }
        .contains("needs room for 2 numbers"))
    #expect(
      message { try dataset.readValues(of: 0, target: 1, into: small.elements) }
        .contains("made of classes"))
  }
}

@Suite struct SubsetTests {
  @Test func takesSamplesInTheGivenOrder() throws {
    let base = try CountingDataset(count: 10)
    let subset = try Subset(base, indices: [7, 2, 7])
    #expect(subset.count == 3)
    #expect(try (0..<3).map { try sample(subset, $0)[0] } == [7, 2, 7])
    #expect(try subset.label(at: 1) == 2)
    #expect(try subset.baseIndex(of: 0) == 7)
    #expect(failure { _ = try subset.baseIndex(of: 3) }?.code == .invalidArgument)
    #expect(failure { _ = try Subset(base, indices: [10]) }?.message.contains("has 10") == true)
    #expect(failure { _ = try Subset(base, indices: [-1]) }?.code == .invalidArgument)
  }

  func indices(_ subset: Subset) throws -> [Int] {
    try (0..<subset.count).map { try subset.baseIndex(of: $0) }
  }

  @Test func randomSplitsDivideEverything() throws {
    let base = try CountingDataset(count: 100)
    let (first, rest) = try base.randomSplit(first: 30, seed: 4)
    #expect(first.count == 30)
    #expect(try (indices(first) + indices(rest)).sorted() == Array(0..<100))
    #expect(try indices(base.randomSplit(first: 30, seed: 4).first) == indices(first))
    #expect(try indices(base.randomSplit(first: 30, seed: 5).first) != indices(first))
    #expect(try indices(first) != Array(0..<30))
    #expect(failure { _ = try base.randomSplit(first: 101, seed: 0) }?.code == .invalidArgument)
    #expect(failure { _ = try base.split(first: -1) }?.code == .invalidArgument)
  }

  @Test func stratifiedSplitsKeepTheShares() throws {
    // Labels go round 0, 1, 2: 34, 33 and 33 samples.
    let base = try CountingDataset(count: 100)
    let (first, rest) = try base.stratifiedSplit(first: 0.2, seed: 9)
    var counts = [0, 0, 0]
    for index in 0..<first.count { counts[try first.label(at: index)] += 1 }
    #expect(counts == [7, 7, 7])
    #expect(try (indices(first) + indices(rest)).sorted() == Array(0..<100))
    #expect(try indices(base.stratifiedSplit(first: 0.2, seed: 9).first) == indices(first))
    for fraction in [-0.1, 1.1, .nan, .infinity] {
      #expect(failure { _ = try base.stratifiedSplit(first: fraction, seed: 0) } != nil)
    }
  }
}
