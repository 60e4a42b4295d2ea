import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct IDXTests {
  static func images(count: Int = 3, height: Int = 2, width: Int = 4) -> [UInt8] {
    var bytes: [UInt8] = [0, 0, 8, 3]
    for size in [count, height, width] {
      bytes += [0, 0, UInt8(size >> 8), UInt8(size & 255)]
    }
    return bytes + (0..<count * height * width).map { UInt8($0 * 10) }
  }

  static func labels(_ labels: [UInt8] = [7, 0, 9]) -> [UInt8] {
    [0, 0, 8, 1, 0, 0, 0, UInt8(labels.count)] + labels
  }

  func parse(_ images: [UInt8], _ labels: [UInt8]) throws -> ImageDataset {
    try MNIST.parse(images: try buffer(images), labels: try buffer(labels))
  }

  @Test func readsPicturesAndLabels() throws {
    let dataset = try parse(IDXTests.images(), IDXTests.labels())
    #expect(dataset.count == 3)
    #expect(dataset.sampleShape.sizes == [2, 4, 1])
    #expect(dataset.classNames == (0...9).map(String.init))
    #expect(try (0..<3).map { try dataset.label(at: $0) } == [7, 0, 9])
    #expect(try sample(dataset, 1) == (8..<16).map { Float($0 * 10) * (1 / 255) })
  }

  @Test func hasAsManyClassesAsLabelsNeed() throws {
    let dataset = try parse(IDXTests.images(), IDXTests.labels([1, 46, 2]))
    #expect(dataset.classNames.count == 47)
  }

  @Test func everyTruncationIsAnError() throws {
    let images = IDXTests.images()
    for length in 0..<images.count {
      let error = failure { _ = try parse(Array(images.prefix(length)), IDXTests.labels()) }
      #expect(error?.code == .malformedData)
    }
    let labels = IDXTests.labels()
    for length in 0..<labels.count {
      let error = failure { _ = try parse(images, Array(labels.prefix(length))) }
      #expect(error?.code == .malformedData)
    }
  }

  @Test func everyFlippedBitIsAnErrorOrData() throws {
    for (isImages, original) in [(true, IDXTests.images()), (false, IDXTests.labels())] {
      for bit in 0..<original.count * 8 {
        var bytes = original
        bytes[bit / 8] ^= 1 << (bit % 8)
        do {
          let dataset =
            isImages ? try parse(bytes, IDXTests.labels()) : try parse(IDXTests.images(), bytes)
          #expect(dataset.count == 3)
          _ = try sample(dataset, 2)
        } catch let error as CNNError {
          #expect(error.code == .malformedData)
        }
      }
    }
  }

  @Test(
    arguments: [
      ([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5], "0x802"),
      ([0, 0, 8, 3] + [UInt8](repeating: 255, count: 12), "4294967295 x 4294967295"),
      ([0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2], "0 images"),
      ([], "at least 4 bytes"),
    ] as [([UInt8], String)])
  func saysWhatIsWrong(bytes: [UInt8], part: String) throws {
    let labels = bytes.count == 16 && bytes[4] == 0 ? IDXTests.labels([]) : IDXTests.labels()
    let error = failure { _ = try parse(bytes, labels) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  /// A gzip file of one uncompressed block (RFC 1951, 1952).
  static func gzipped(_ bytes: [UInt8]) -> [UInt8] {
    func little(_ value: UInt32, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }
    let length = UInt32(bytes.count)
    var crc: UInt32 = 0xffff_ffff
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] + [1] + little(length, 2) + little(~length, 2)
      + bytes + little(~crc, 4) + little(length, 4)
  }

  @Test func readsGzippedFiles() throws {
    let images = IDXTests.gzipped(IDXTests.images())
    let dataset = try parse(images, IDXTests.gzipped(IDXTests.labels()))
    #expect(try sample(dataset, 2) == sample(parse(IDXTests.images(), IDXTests.labels()), 2))
    for length in 2..<images.count {
      let error = failure { _ = try parse(Array(images.prefix(length)), IDXTests.labels()) }
      #expect(error?.code == .malformedData)
    }
    for bit in 0..<images.count * 8 {
      var bytes = images
      bytes[bit / 8] ^= 1 << (bit % 8)
      do {
        #expect(try parse(bytes, IDXTests.labels()).count == 3)
      } catch let error as CNNError {
        #expect(error.code == .malformedData)
      }
    }
  }

  @Test func disagreeingCountsAreAnError() throws {
    let error = failure { _ = try parse(IDXTests.images(), IDXTests.labels([1, 2])) }
    #expect(error?.message == "there are 3 images, and 2 labels in the other file")
  }

  @Test func findsTheOfficialFilesOfAFolder() throws {
    let folder = try TemporaryFolder()
    try folder.write(IDXTests.images(), to: "t10k-images-idx3-ubyte")
    try folder.write(IDXTests.labels(), to: "t10k-labels.idx1-ubyte")
    #expect(try MNIST.load(folder: folder.path, part: .test).count == 3)
    let error = failure { _ = try MNIST.load(folder: folder.path, part: .train) }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.contains("train-images-idx3-ubyte.gz") == true)
    try folder.write(IDXTests.images(count: 2), to: "train-images-idx3-ubyte")
    try folder.write(IDXTests.labels([4, 5]), to: "train-labels-idx1-ubyte")
    var options = DatasetOptions()
    options.part = .all
    let all = try DatasetLoader.open(path: folder.path, options: options)
    #expect(try (0..<5).map { try all.label(at: $0) } == [4, 5, 7, 0, 9])
    #expect(try sample(all, 3) == sample(MNIST.load(folder: folder.path, part: .test), 1))
    options.part = .test
    #expect(try DatasetLoader.open(path: folder.path, options: options).count == 3)
    let file = folder.path + "/t10k-images-idx3-ubyte"
    #expect(try DatasetLoader.open(path: file).count == 3)
    try folder.write([1, 2, 3], to: "t10k-labels.idx1-ubyte")
    let damaged = failure { _ = try DatasetLoader.open(path: file) }
    #expect(damaged?.message.contains("t10k-labels.idx1-ubyte") == true)
  }

  @Test(.enabled(if: sharedData != nil, "the folder shared/data is not here"))
  func readsTheWholeOfMNIST() throws {
    let folder = (sharedData ?? "") + "/mnist"
    let test = try MNIST.load(folder: folder, part: .test)
    #expect(test.count == 10_000)
    #expect(test.sampleShape.sizes == [28, 28, 1])
    // The first labels of the test part, as every tutorial shows them.
    #expect(try (0..<10).map { try test.label(at: $0) } == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    let train = try MNIST.load(folder: folder, part: .train)
    #expect(train.count == 60_000)
    #expect(try (0..<10).map { try train.label(at: $0) } == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    // The published mean and deviation of the training pixels.
    let standard = try train.preprocessing(normalizing: .standard)
    #expect(abs(standard.mean[0] - 0.1307) < 5e-5)
    #expect(abs(standard.standardDeviation[0] - 0.3081) < 5e-5)
  }
}
