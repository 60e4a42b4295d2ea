import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct AugmentationTests {
  /// A data set of one picture whose values are kept from 0 to 255.
  static func plain(width: Int, height: Int, channels: Int, count: Int = 1) throws -> ImageDataset {
    let size = width * height * channels
    let pixels = (0..<count * size).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }
    return try pixels.withUnsafeBytes { bytes in
      try ImageDataset(
        pixels: bytes, height: height, width: width, channels: channels,
        labels: [Int](repeating: 0, count: count), classNames: ["only"],
        preprocessing: Preprocessing(
          width: width, height: height, color: channels == 1 ? .grey : .rgb, scale: 1))
    }
  }

  func draw(_ augmentation: Augmentation, seed: UInt64 = 1, epoch: Int = 0) -> AugmentationDraw {
    AugmentationDraw(augmentation, seed: seed, epoch: epoch)
  }

  @Test func flipMirrorsEachRow() throws {
    let dataset = try AugmentationTests.plain(width: 3, height: 2, channels: 3)
    let original = try sample(dataset, 0)
    let flipped = try sample(dataset, 0, draw(Augmentation(horizontalFlip: 1)))
    for row in 0..<2 {
      for column in 0..<3 {
        for c in 0..<3 {
          #expect(
            flipped[(row * 3 + column) * 3 + c] == original[(row * 3 + 2 - column) * 3 + c])
        }
      }
    }
  }

  @Test func halfOfThePicturesAreFlipped() throws {
    let dataset = try AugmentationTests.plain(width: 2, height: 1, channels: 1, count: 1000)
    var flips = 0
    for index in 0..<dataset.count {
      let changed = try sample(dataset, index, draw(Augmentation(horizontalFlip: 0.5)))
      if try changed != sample(dataset, index) { flips += 1 }
    }
    // Five standard deviations around the half.
    #expect((420...580).contains(flips))
  }

  /// Finds the shift of a cropped picture by trying all of them.
  func shift(
    of cropped: [Float], from original: [Float], size: Int, padding: Int, mirrored: Bool
  ) -> (Int, Int)? {
    func value(_ row: Int, _ column: Int) -> Float {
      func inside(_ i: Int) -> Int { i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i }
      if mirrored { return original[inside(row) * size + inside(column)] }
      guard row >= 0, row < size, column >= 0, column < size else { return 0 }
      return original[row * size + column]
    }
    for top in -padding...padding {
      for left in -padding...padding {
        let matches = (0..<size * size).allSatisfy {
          cropped[$0] == value(top + $0 / size, left + $0 % size)
        }
        if matches { return (top, left) }
      }
    }
    return nil
  }

  @Test(arguments: [Augmentation.RandomCrop.Border.black, .mirror])
  func randomCropShiftsByUpToItsPadding(border: Augmentation.RandomCrop.Border) throws {
    let dataset = try AugmentationTests.plain(width: 6, height: 6, channels: 1, count: 400)
    let augmentation = Augmentation(randomCrop: .init(padding: 2, border: border))
    var seen: [Int: Int] = [:]
    for index in 0..<dataset.count {
      let cropped = try sample(dataset, index, draw(augmentation))
      let found = shift(
        of: cropped, from: try sample(dataset, index), size: 6, padding: 2,
        mirrored: border == .mirror)
      let (top, left) = try #require(found)
      seen[top * 10 + left, default: 0] += 1
    }
    #expect(seen.count == 25)
    #expect(seen.values.allSatisfy { $0 < 45 })
  }

  @Test func dependsOnSeedEpochAndIndexAlone() throws {
    let everything = Augmentation(
      randomCrop: .init(padding: 4), rotation: 10, horizontalFlip: 0.5,
      colorJitter: .init(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1),
      lighting: 0.1, cutout: .init(size: 4))
    let dataset = try AugmentationTests.plain(width: 12, height: 10, channels: 3, count: 40)
    let first = try sample(dataset, 7, draw(everything, seed: 3, epoch: 5))
    #expect(try sample(dataset, 7, draw(everything, seed: 3, epoch: 5)) == first)
    #expect(try sample(dataset, 7, draw(everything, seed: 4, epoch: 5)) != first)
    #expect(try sample(dataset, 7, draw(everything, seed: 3, epoch: 6)) != first)
    let part = try Subset(dataset, indices: [9, 7])
    #expect(try sample(part, 1, draw(everything, seed: 3, epoch: 5)) == first)
    for (batchSize, workers) in [(1, 0), (3, 1), (40, 2)] {
      let loader = try BatchLoader(
        dataset, batchSize: batchSize, seed: 3, augmentation: everything, workers: workers)
      let size = dataset.sampleShape.count
      for batch in try batches(of: loader, epoch: 5) {
        for (position, index) in batch.samples.enumerated() where index == 7 {
          #expect(Array(batch.inputs[position * size..<(position + 1) * size]) == first)
        }
      }
    }
  }

  @Test func resizedCropOfEverythingChangesNothing() throws {
    let dataset = try AugmentationTests.plain(width: 8, height: 8, channels: 3)
    let augmentation = Augmentation(randomResizedCrop: .init(scale: 1...1, ratio: 1...1))
    #expect(try sample(dataset, 0, draw(augmentation)) == sample(dataset, 0))
  }

  @Test func resizedCropsStayWithinTheRangeOfThePicture() throws {
    let dataset = try AugmentationTests.plain(width: 16, height: 12, channels: 3, count: 100)
    let augmentation = Augmentation(randomResizedCrop: .init())
    var changed = 0
    for index in 0..<dataset.count {
      let original = try sample(dataset, index)
      let (least, most) = (try #require(original.min()), try #require(original.max()))
      let cropped = try sample(dataset, index, draw(augmentation))
      #expect(cropped.allSatisfy { $0 >= least - 1e-3 && $0 <= most + 1e-3 })
      if cropped != original { changed += 1 }
    }
    // All of the picture is a possible crop, but a rare one.
    #expect(changed > 90)
  }

  @Test func rotationKeepsTheMiddleAndBlackensCorners() throws {
    let pixels = [UInt8](repeating: 200, count: 21 * 21)
    let dataset = try pixels.withUnsafeBytes {
      try ImageDataset(
        pixels: $0, height: 21, width: 21, channels: 1, labels: [0], classNames: ["only"],
        preprocessing: Preprocessing(width: 21, height: 21, color: .grey, scale: 1))
    }
    var cornersSeen = 0
    for epoch in 0..<20 {
      let turned = try sample(dataset, 0, draw(Augmentation(rotation: 45), epoch: epoch))
      #expect(abs(turned[10 * 21 + 10] - 200) < 1e-3)
      #expect(turned.allSatisfy { $0 == 0 || abs($0 - 200) < 1e-3 })
      if turned[0] == 0 { cornersSeen += 1 }
    }
    #expect(cornersSeen > 10)
  }

  @Test func cutoutClearsASquare() throws {
    let dataset = try AugmentationTests.plain(width: 9, height: 9, channels: 3, count: 50)
    let augmentation = Augmentation(cutout: .init(size: 3))
    for index in 0..<dataset.count {
      let original = try sample(dataset, index)
      let cut = try sample(dataset, index, draw(augmentation))
      let cleared = (0..<81).filter { place in (0..<3).allSatisfy { cut[place * 3 + $0] == 0 } }
      #expect((4...9).contains(cleared.count))
      let rows = cleared.map { $0 / 9 }
      let columns = cleared.map { $0 % 9 }
      let height = try #require(rows.max()) - (try #require(rows.min())) + 1
      let width = try #require(columns.max()) - (try #require(columns.min())) + 1
      #expect(height * width == cleared.count && height <= 3 && width <= 3)
      for place in 0..<81 where !cleared.contains(place) {
        #expect(cut[place * 3..<place * 3 + 3] == original[place * 3..<place * 3 + 3])
      }
    }
  }

  @Test func lightingAddsOneColor() throws {
    let dataset = try AugmentationTests.plain(width: 4, height: 4, channels: 3, count: 200)
    var squares = SIMD3<Double>()
    for index in 0..<dataset.count {
      let original = try sample(dataset, index)
      let changed = try sample(dataset, index, draw(Augmentation(lighting: 0.1)))
      let shift = (0..<3).map { changed[$0] - original[$0] }
      for i in 0..<48 { #expect(abs(changed[i] - original[i] - shift[i % 3]) < 1e-3) }
      squares += SIMD3(shift.map { Double($0 * $0) })
    }
    // The first component dominates: 0.2175 * 0.1 * 255 times its three weights.
    let deviation = (squares / 200).squareRoot()
    for (c, weight) in [0.5675, 0.5808, 0.5836].enumerated() {
      #expect(abs(deviation[c] / (0.2175 * 0.1 * 255 * weight) - 1) < 0.2)
    }
  }

  /// A rectangle resampled by the definition: a triangle as wide as what a pixel shrinks, over both
  /// axes at once.
  func resampled(
    _ pixels: [Float], size: Int, top: Int, left: Int, height: Int, width: Int, to output: Int,
    flipped: Bool
  ) -> [Float] {
    let (scaleY, scaleX) = (Double(height) / Double(output), Double(width) / Double(output))
    return (0..<output * output).flatMap { (place: Int) -> [Float] in
      let column = flipped ? output - 1 - place % output : place % output
      let y = Double(top) + (Double(place / output) + 0.5) * scaleY
      let x = Double(left) + (Double(column) + 0.5) * scaleX
      var sums = [0.0, 0.0, 0.0]
      var total = 0.0
      for i in 0..<size * size {
        let dy = abs(Double(i / size) + 0.5 - y) / max(1, scaleY)
        let dx = abs(Double(i % size) + 0.5 - x) / max(1, scaleX)
        let weight = max(0, 1 - dy) * max(0, 1 - dx)
        total += weight
        for c in 0..<3 { sums[c] += weight * Double(pixels[3 * i + c]) }
      }
      return sums.map { Float($0 / total) }
    }
  }

  @Test(arguments: [false, true])
  func resizedCropsFollowTheDefinition(flipped: Bool) throws {
    let size = 8
    let dataset = try AugmentationTests.plain(width: size, height: size, channels: 3, count: 6)
    let augmentation = Augmentation(
      randomResizedCrop: .init(scale: 0.1...0.9, ratio: 0.5...2),
      horizontalFlip: flipped ? 1 : 0)
    for index in 0..<dataset.count {
      let cropped = try sample(dataset, index, draw(augmentation))
      let original = try sample(dataset, index)
      var isFound = false
      for area in 1...size * size where !isFound {
        let (height, width) = ((area - 1) / size + 1, (area - 1) % size + 1)
        let places: Int = (size - height + 1) * (size - width + 1)
        for place in 0..<places where !isFound {
          let (top, left) = (place / (size - width + 1), place % (size - width + 1))
          let wanted = resampled(
            original, size: size, top: top, left: left, height: height, width: width, to: size,
            flipped: flipped)
          isFound = zip(wanted, cropped).allSatisfy { abs($0 - $1) < 0.01 }
        }
      }
      #expect(isFound, "sample \(index)")
    }
  }

  @Test func downscaleTakesDetailAway() throws {
    // Stripes of one pixel, of which nothing is left at half the size.
    var pixels = [UInt8](repeating: 0, count: 3 * 16 * 16)
    for i in pixels.indices where i / 3 % 2 == 1 { pixels[i] = 200 }
    let dataset = try pixels.withUnsafeBytes {
      try ImageDataset(
        pixels: $0, height: 16, width: 16, channels: 3, labels: [0], classNames: ["only"],
        preprocessing: Preprocessing(width: 16, height: 16, scale: 1))
    }
    let half = Augmentation(downscale: .init(probability: 1, scale: 0.5...0.5))
    let blurred = try sample(dataset, 0, draw(half))
    for value in blurred[(8 * 48 + 9)..<(8 * 48 + 39)] { #expect(abs(value - 100) < 1) }
    let same = Augmentation(downscale: .init(probability: 1, scale: 1...1))
    #expect(try sample(dataset, 0, draw(same)) == sample(dataset, 0))
    let never = Augmentation(downscale: .init(probability: 0), grayscale: 0)
    #expect(try sample(dataset, 0, draw(never)) == sample(dataset, 0))
    // Together with what resamples anyway.
    for other in [Augmentation(randomResizedCrop: .init()), Augmentation(rotation: 20)] {
      var both = other
      both.downscale = .init(probability: 1, scale: 0.05...0.3)
      let result = try sample(dataset, 0, draw(both))
      #expect(result.allSatisfy { $0 >= 0 && $0 <= 200.01 })
      #expect(try result != sample(dataset, 0, draw(other)))
    }
  }

  @Test func grayscaleHappensAsOftenAsAsked() throws {
    let dataset = try AugmentationTests.plain(width: 4, height: 4, channels: 3, count: 1000)
    var count = 0
    for index in 0..<dataset.count {
      let changed = try sample(dataset, index, draw(Augmentation(grayscale: 0.3)))
      let isGrey = stride(from: 0, to: 48, by: 3).allSatisfy { i in
        Set(changed[i..<i + 3]).count == 1
      }
      if isGrey { count += 1 } else { #expect(try changed == sample(dataset, index)) }
    }
    #expect((230...370).contains(count))
  }

  @Test(arguments: [
    Augmentation(grayscale: 1.5), Augmentation(grayscale: .nan),
    Augmentation(downscale: .init(probability: -1)),
    Augmentation(downscale: .init(probability: 1, scale: 0...1)),
    Augmentation(downscale: .init(probability: 1, scale: 0.5...2)),
    Augmentation(randomCrop: .init(padding: .max)), Augmentation(randomCrop: .init(padding: -9)),
    Augmentation(rotation: .nan), Augmentation(rotation: .infinity),
    Augmentation(randomResizedCrop: .init(scale: -1...2)),
    Augmentation(randomResizedCrop: .init(ratio: 0...Float.infinity)),
    Augmentation(lighting: .nan), Augmentation(cutout: .init(size: .max)),
    Augmentation(cutout: .init(size: .min)), Augmentation(colorJitter: .init(hue: .nan)),
    Augmentation(horizontalFlip: -.infinity),
  ])
  func numbersOutOfRangeAreErrors(augmentation: Augmentation) throws {
    let dataset = try AugmentationTests.plain(width: 5, height: 4, channels: 3)
    #expect(failure { try dataset.check(augmentation) }?.code == .invalidArgument)
    let error = failure { _ = try sample(dataset, 0, draw(augmentation)) }
    #expect(error?.code == .invalidArgument)
  }

  @Test func emptyAugmentationChangesNothing() throws {
    let dataset = try AugmentationTests.plain(width: 5, height: 4, channels: 3)
    #expect(try sample(dataset, 0, draw(Augmentation())) == sample(dataset, 0))
  }
}
