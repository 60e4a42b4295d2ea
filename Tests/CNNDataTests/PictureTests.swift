import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct ImageDatasetTests {
  static let preprocessings: [Preprocessing] = {
    let mean: [Float] = [0.1, 0.2, 0.3]
    let deviation: [Float] = [0.5, 0.25, 0.7]
    let meanImage = (0..<12 * 9 * 3).map { Float($0) / 400 }
    let all: [Preprocessing?] = [
      try? Preprocessing(width: 12, height: 9),
      try? Preprocessing(width: 12, height: 9, mean: mean, standardDeviation: deviation),
      try? Preprocessing(width: 12, height: 9, color: .bgr, mean: mean),
      try? Preprocessing(
        width: 12, height: 9, standardDeviation: deviation, meanImage: meanImage),
      try? Preprocessing(width: 12, height: 9, color: .grey),
      try? Preprocessing(width: 6, height: 5, mean: mean),
      try? Preprocessing(width: 7, height: 6, resize: .shorterSide(8)),
      try? Preprocessing(width: 9, height: 9, resize: .shorterSide(9)),
      try? Preprocessing(width: 20, height: 20, resize: .fit(padding: .white)),
    ]
    return all.compactMap { $0 }
  }()

  func expected(_ image: Image, _ preprocessing: Preprocessing) throws -> [Float] {
    let room = try FloatBuffer(count: preprocessing.outputCount, for: "a test")
    try preprocessing.apply(to: image, into: room.elements)
    return withExtendedLifetime(room) { Array(room.elements) }
  }

  /// Training must see the very bits that prediction sees.
  @Test(arguments: preprocessings)
  func givesWhatPreprocessingGives(preprocessing: Preprocessing) throws {
    let images = try (0..<3).map { try pattern(width: 12, height: 9, channels: 3, seed: $0) }
    let pixels = images.flatMap { $0.withPixels(Array.init) }
    let dataset = try pixels.withUnsafeBytes {
      try ImageDataset(
        pixels: $0, height: 9, width: 12, channels: 3, labels: [0, 1, 0], classNames: ["a", "b"],
        preprocessing: preprocessing)
    }
    for index in 0..<3 {
      let wanted = try expected(images[index], preprocessing)
      #expect(try sample(dataset, index) == wanted)
      // Augmentation that happens to change nothing takes the other way to the same bits.
      let nothing = Augmentation(
        horizontalFlip: 1e-30, colorJitter: nil)
      #expect(
        try sample(dataset, index, AugmentationDraw(nothing, seed: 0, epoch: 0)) == wanted)
    }
  }

  @Test func filesGiveWhatPreprocessingGives() throws {
    let folder = try TemporaryFolder()
    let sizes = [(40, 30), (17, 60), (300, 20), (9, 9)]
    for (index, (width, height)) in sizes.enumerated() {
      try folder.writePicture(
        pattern(width: width, height: height, channels: index == 3 ? 1 : 3), to: "p/\(index).png")
    }
    for preprocessing in ImageDatasetTests.preprocessings {
      for cacheBytes in [0, 1 << 20] {
        let dataset = try ClassFolders.open(
          folder: folder.path, preprocessing: preprocessing, cacheBytes: cacheBytes)
        for index in sizes.indices {
          let wanted = try expected(dataset.image(at: index), preprocessing)
          for _ in 0..<2 { #expect(try sample(dataset, index) == wanted) }
          let nothing = AugmentationDraw(Augmentation(horizontalFlip: 1e-30), seed: 0, epoch: 0)
          #expect(try sample(dataset, index, nothing) == wanted)
        }
      }
    }
  }

  @Test func cachingChangesNoAugmentedSample() throws {
    let folder = try TemporaryFolder()
    for index in 0..<6 {
      try folder.writePicture(
        pattern(width: 50 + index, height: 40, channels: 3, seed: index), to: "a/\(index).png")
    }
    let preprocessing = try Preprocessing(width: 24, height: 24, resize: .shorterSide(28))
    let augmentation = Augmentation(randomResizedCrop: .init(), horizontalFlip: 0.5)
    func all(cacheBytes: Int, workers: Int) throws -> [[BatchCopy]] {
      let dataset = try ClassFolders.open(
        folder: folder.path, preprocessing: preprocessing, cacheBytes: cacheBytes)
      let loader = try BatchLoader(
        dataset, batchSize: 4, seed: 2, augmentation: augmentation, workers: workers)
      return try (0..<3).map { try batches(of: loader, epoch: $0) }
    }
    let plain = try all(cacheBytes: 0, workers: 0)
    #expect(try all(cacheBytes: 1 << 20, workers: 2) == plain)
    // Room for two of the six.
    #expect(try all(cacheBytes: 2 * 36 * 28 * 3, workers: 2) == plain)
  }

  @Test(arguments: [
    Augmentation(randomResizedCrop: .init(scale: 1...1, ratio: 1...1)),
    Augmentation(horizontalFlip: 1), Augmentation(randomCrop: .init(padding: 0)),
  ])
  func smallPicturesAreEnlargedWhenRead(augmentation: Augmentation) throws {
    let folder = try TemporaryFolder()
    try folder.writePicture(pattern(width: 8, height: 8, channels: 3), to: "a/0.png")
    for resize in [Preprocessing.ResizeMode.stretch, .shorterSide(24)] {
      let preprocessing = try Preprocessing(width: 24, height: 24, resize: resize)
      // Room for the picture as it is, and not for the enlarged one.
      let dataset = try ClassFolders.open(
        folder: folder.path, preprocessing: preprocessing, cacheBytes: 8 * 8 * 3)
      let plain = try sample(dataset, 0)
      let changed = try sample(dataset, 0, AugmentationDraw(augmentation, seed: 0, epoch: 0))
      for row in 0..<24 {
        for column in 0..<24 {
          let other = augmentation.horizontalFlip == 1 ? 23 - column : column
          for c in 0..<3 {
            let difference =
              changed[(row * 24 + column) * 3 + c] - plain[(row * 24 + other) * 3 + c]
            // Samples of an unchanged picture are rounded to 8 bits.
            #expect(abs(difference) < 1.1 / 255)
          }
        }
      }
      try folder.write([], to: "a/0.png")
      #expect(try sample(dataset, 0) == plain)
      #expect(try sample(dataset.applying(preprocessing.normalized()), 0) != plain)
      try folder.writePicture(pattern(width: 8, height: 8, channels: 3), to: "a/0.png")
    }
  }

  @Test func statisticsCentreThePictures() throws {
    let dataset = try Digits.load(part: .train)
    let standard = try dataset.with(
      preprocessing: dataset.preprocessing(normalizing: .standard))
    var sum = 0.0
    var squares = 0.0
    for index in 0..<standard.count {
      for value in try sample(standard, index) {
        sum += Double(value)
        squares += Double(value * value)
      }
    }
    let count = Double(standard.count * 64)
    #expect(abs(sum / count) < 1e-4)
    #expect(abs(squares / count - 1) < 1e-4)
    let centred = try dataset.with(
      preprocessing: dataset.preprocessing(normalizing: .meanImage))
    var total = [Double](repeating: 0, count: 64)
    for index in 0..<centred.count {
      for (i, value) in try sample(centred, index).enumerated() { total[i] += Double(value) }
    }
    #expect(total.allSatisfy { abs($0 / Double(centred.count)) < 1e-4 })
    // Of a subset, its own samples count.
    let part = try dataset.split(first: 10).first
    #expect(try part.preprocessing(normalizing: .standard) != standard.preprocessing)
    #expect(
      try part.replacing(standard.preprocessing ?? dataset.preprocessing(normalizing: .unit))
        .preprocessing == standard.preprocessing)
  }

  @Test func returnsItsPictures() throws {
    let digits = try Digits.load(part: .test)
    let image = try digits.image(at: 5)
    #expect(image.width == 8 && image.channels == 1)
    let values = try sample(digits, 5)
    image.withPixels { pixels in
      for i in 0..<64 { #expect(values[i] == Float(pixels[i]) * (1 / 255)) }
    }
    #expect(failure { _ = try digits.image(at: 300) }?.code == .invalidArgument)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let pixels = [UInt8](repeating: 0, count: 24)
    func make(
      height: Int = 2, width: Int = 2, channels: Int = 3, labels: [Int] = [0, 1],
      names: [String] = ["a", "b"]
    ) -> CNNError? {
      failure {
        _ = try pixels.withUnsafeBytes {
          try ImageDataset(
            pixels: $0, height: height, width: width, channels: channels, labels: labels,
            classNames: names)
        }
      }
    }
    #expect(make(height: 5)?.code == .shapeMismatch)
    #expect(make(height: 0)?.code == .shapeMismatch)
    #expect(make(height: -2, width: -2)?.code == .shapeMismatch)
    #expect(make(height: Int.max)?.code == .shapeMismatch)
    #expect(make(labels: [0])?.code == .shapeMismatch)
    #expect(
      make(labels: [0, 2])?.message == "the label of picture 1 is 2, and must be from 0 to 1")
    #expect(make(labels: [-1, 0])?.code == .invalidArgument)
    #expect(make(names: [])?.code == .invalidArgument)
    #expect(make(width: 3, channels: 2)?.code == .invalidArgument)
  }
}

extension Preprocessing {
  /// The same with other numbers for the same pictures.
  fileprivate func normalized() throws -> Preprocessing {
    try Preprocessing(
      width: width, height: height, color: color, resize: resize, filter: filter,
      mean: [0.5, 0.5, 0.5])
  }
}
