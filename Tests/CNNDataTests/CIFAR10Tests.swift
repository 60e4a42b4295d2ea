import CNNData
import CNNLayerKit
import Testing

@Suite struct CIFAR10Tests {
  static func record(label: UInt8, seed: Int) -> [UInt8] {
    [label] + (0..<3072).map { UInt8(truncatingIfNeeded: $0 * 31 + seed) }
  }

  static func file(_ labels: [UInt8], seed: Int = 0) -> [UInt8] {
    labels.enumerated().flatMap { record(label: $0.element, seed: seed + $0.offset) }
  }

  @Test func bringsThePlanesTogether() throws {
    let dataset = try CIFAR10.parse(try buffer(CIFAR10Tests.file([3, 9])))
    #expect(dataset.count == 2)
    #expect(dataset.sampleShape.sizes == [32, 32, 3])
    #expect(dataset.classNames[3] == "cat")
    #expect(try (0..<2).map { try dataset.label(at: $0) } == [3, 9])
    let record = CIFAR10Tests.record(label: 9, seed: 1)
    let values = try sample(dataset, 1)
    for (row, column) in [(0, 0), (0, 31), (17, 5), (31, 31)] {
      for c in 0..<3 {
        let byte = record[1 + c * 1024 + row * 32 + column]
        #expect(values[(row * 32 + column) * 3 + c] == Float(byte) * (1 / 255))
      }
    }
  }

  @Test func everyTruncationIsAnErrorThatSaysWhere() throws {
    let file = CIFAR10Tests.file([1, 2])
    for length in 0..<file.count where length != 3073 {
      let error = failure { _ = try CIFAR10.parse(try buffer(Array(file.prefix(length)))) }
      #expect(error?.code == .malformedData)
      #expect(error?.message.contains("\(length) bytes") == true)
    }
  }

  @Test func everyFlippedBitIsAnErrorOrData() throws {
    let original = CIFAR10Tests.file([1, 8])
    // All bits of the labels, and some of the pixels, which may have any value.
    let bits = Array(0..<16) + (0..<8).map { 3073 * 8 + $0 } + [3072 * 8, 6145 * 8 + 7]
    for bit in bits {
      var bytes = original
      bytes[bit / 8] ^= 1 << (bit % 8)
      do {
        let dataset = try CIFAR10.parse(try buffer(bytes))
        #expect(try dataset.label(at: 1) <= 9)
      } catch let error as CNNError {
        #expect(error.code == .malformedData)
        #expect(bytes[0] > 9 || bytes[3073] > 9)
      }
    }
  }

  @Test func aLabelAboveNineSaysItsPlace() throws {
    let error = failure { _ = try CIFAR10.parse(try buffer(CIFAR10Tests.file([1, 10]))) }
    #expect(
      error?.message
        == "picture 1 (at byte 3073) has the label 10, and must have one from 0 to 9")
  }

  @Test func readsAFolderInParts() throws {
    let folder = try TemporaryFolder()
    try folder.write(CIFAR10Tests.file([0, 1, 2], seed: 1), to: "data_batch_1.bin")
    try folder.write(CIFAR10Tests.file([3, 4], seed: 2), to: "data_batch_3.bin")
    try folder.write(CIFAR10Tests.file([5], seed: 3), to: "test_batch.bin")
    let names = (0..<10).map { "class\($0)" }
    try folder.write(Array((names.joined(separator: "\n") + "\n\n").utf8), to: "batches.meta.txt")

    func labels(_ json: String) throws -> [Int] {
      let dataset = try DatasetLoader.open(
        path: folder.path, options: try DatasetOptions(json: json))
      #expect(dataset.classNames == names)
      return try (0..<dataset.count).map { try dataset.label(at: $0) }
    }
    #expect(try labels("{}") == [0, 1, 2, 3, 4])
    #expect(try labels(#"{"part": "test"}"#) == [5])
    #expect(try labels(#"{"part": "all"}"#) == [0, 1, 2, 3, 4, 5])
    #expect(try labels(#"{"validation_count": 2}"#) == [0, 1, 2])
    #expect(try labels(#"{"part": "validation", "validation_count": 2}"#) == [3, 4])
    #expect(try labels(#"{"max_count": 2}"#) == [0, 1])
    let error = failure { _ = try labels(#"{"part": "validation"}"#) }
    #expect(error?.message.contains("validation_count is 0") == true)

    try folder.write([1, 2, 3], to: "data_batch_3.bin")
    let damaged = failure { _ = try labels("{}") }
    #expect(damaged?.message.contains("data_batch_3.bin") == true)
  }

  @Test(.enabled(if: sharedData != nil, "the folder shared/data is not here"))
  func readsTheOriginalImages() throws {
    let path = (sharedData ?? "") + "/cifar10/test_batch_first1017.bin"
    let dataset = try DatasetLoader.open(path: path)
    #expect(dataset.count == 1017)
    // The official order of the test batch begins so.
    #expect(try (0..<10).map { try dataset.label(at: $0) } == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1])
    // The first picture, a cat, begins with this pixel.
    let first = try sample(dataset, 0).prefix(3).map { Int(($0 * 255).rounded()) }
    #expect(first == [158, 112, 49])
  }
}
