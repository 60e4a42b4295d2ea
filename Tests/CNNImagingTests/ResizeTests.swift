import CNNImaging
import CNNLayerKit
import Testing

/// The image that make_fixtures.py resizes.
func patternImage(width: Int, height: Int, channels: Int) throws -> Image {
  let pixels: [UInt8] = (0..<width * height * channels).map { i in
    let value: Int = (i * i * 7 + i * 31) / 5
    return UInt8(truncatingIfNeeded: value)
  }
  return try Image(width: width, height: height, channels: channels, pixels: pixels)
}

@Suite struct ResizeTests {
  @Test(arguments: resizeFixtures) func equalsPillow(fixture: ResizeFixture) throws {
    let source = try patternImage(
      width: fixture.from.width, height: fixture.from.height, channels: fixture.from.channels)
    let resized = try source.resized(
      width: fixture.to.width, height: fixture.to.height, filter: fixture.filter)
    #expect(values(of: resized) == fixture.pixels)
  }

  @Test(arguments: ResampleFilter.allCases, [1, 3, 4])
  func keepsUniformColour(filter: ResampleFilter, channels: Int) throws {
    let uniform = try Image(width: 9, height: 7, channels: channels) { $0.update(repeating: 200) }
    for (width, height) in [(3, 3), (20, 31), (9, 2), (1, 1), (300, 1)] {
      let resized = try uniform.resized(width: width, height: height, filter: filter)
      let colors = values(of: resized).enumerated().filter { channels < 4 || $0.offset % 4 == 3 }
      #expect(colors.allSatisfy { $0.element == 200 })
    }
  }

  @Test func refusesSizes() throws {
    let image = try countingImage(width: 2, height: 2, channels: 1)
    for (width, height) in [(0, 1), (1, -1), (Int.max, 2), (1 << 27, 1), (Int.min, Int.min)] {
      #expect(
        errorCode { _ = try image.resized(width: width, height: height) } == .invalidArgument)
    }
  }

  /// The parts that a centre crop computes are those of the whole, also where one side keeps its
  /// size.
  @Test(arguments: ResampleFilter.allCases) func partsEqualTheWhole(filter: ResampleFilter) throws {
    for (width, height, side) in [
      (31, 17, 12), (12, 12, 12), (40, 12, 12), (13, 40, 13), (9, 5, 30),
    ] {
      let image = try patternImage(width: width, height: height, channels: 3)
      let preprocessing = try Preprocessing(
        width: 7, height: 6, resize: .shorterSide(side), filter: filter)
      let shorter = min(width, height)
      let whole = try image.resized(
        width: side * width / shorter, height: side * height / shorter, filter: filter)
      // Python's round: a half goes to the even number.
      let x = (Double(whole.width - 7) / 2).rounded(.toNearestOrEven)
      let y = (Double(whole.height - 6) / 2).rounded(.toNearestOrEven)
      #expect(
        try preprocessing.resized(image)
          == whole.cropped(x: Int(x), y: Int(y), width: 7, height: 6))
    }
  }

  /// Row by row, its intermediate picture would have 2 gigabytes.
  @Test func narrowStripsTakeLittleMemory() throws {
    let strip = try Image(width: 2, height: 2_000_000, channels: 1) { pixels in
      for i in 0..<pixels.count where i % 2 == 1 { pixels[i] = 255 }
    }
    let resized = try strip.resized(width: 1000, height: 3, filter: .box)
    let row = values(of: resized).prefix(1000)
    #expect(row.prefix(500).allSatisfy { $0 == 0 })
    #expect(row.suffix(500).allSatisfy { $0 == 255 })
  }

  @Test func transparentColourDoesNotBleed() throws {
    let image = try Image(
      width: 2, height: 1, channels: 4, pixels: [255, 0, 0, 0, 0, 0, 255, 255])
    let pixel = try #require(try image.resized(width: 1, height: 1, filter: .box).pixel(x: 0, y: 0))
    #expect(pixel[0] == 0)
    #expect(pixel[3] == 128)
  }
}

@Suite struct GeometryTests {
  // Two rows of three: 1 2 3 / 4 5 6.
  private var image: Image {
    get throws { try Image(width: 3, height: 2, channels: 1, pixels: [1, 2, 3, 4, 5, 6]) }
  }

  @Test(arguments: [
    (EXIFOrientation.up, 3, [1, 2, 3, 4, 5, 6]), (.upMirrored, 3, [3, 2, 1, 6, 5, 4]),
    (.down, 3, [6, 5, 4, 3, 2, 1]), (.downMirrored, 3, [4, 5, 6, 1, 2, 3]),
    (.leftMirrored, 2, [1, 4, 2, 5, 3, 6]), (.right, 2, [4, 1, 5, 2, 6, 3]),
    (.rightMirrored, 2, [6, 3, 5, 2, 4, 1]), (.left, 2, [3, 6, 2, 5, 1, 4]),
  ])
  func turns(orientation: EXIFOrientation, width: Int, pixels: [UInt8]) throws {
    let turned = try image.oriented(orientation)
    #expect(turned.width == width)
    #expect(values(of: turned) == pixels)
  }

  @Test func flips() throws {
    #expect(try values(of: image.flippedHorizontally()) == [3, 2, 1, 6, 5, 4])
    #expect(try values(of: image.flippedVertically()) == [4, 5, 6, 1, 2, 3])
  }

  @Test func crops() throws {
    #expect(try values(of: image.cropped(x: 1, y: 0, width: 2, height: 2)) == [2, 3, 5, 6])
    #expect(try image.cropped(x: 0, y: 0, width: 3, height: 2) == image)
    for (x, y, w, h) in [
      (-1, 0, 1, 1), (0, 0, 4, 1), (3, 0, 1, 1), (0, 0, 0, 1), (1, 1, 1, 2), (Int.max, 0, 1, 1),
      (1, 0, Int.max, 1), (Int.min, 0, 1, 1),
    ] {
      #expect(
        errorCode { _ = try image.cropped(x: x, y: y, width: w, height: h) } == .invalidArgument)
    }
  }

  @Test func convertsColours() throws {
    let grey = try Image(width: 1, height: 1, channels: 1, pixels: [77])
    #expect(try values(of: grey.converted(to: .rgba)) == [77, 77, 77, 255])
    let rgb = try Image(width: 1, height: 1, channels: 3, pixels: [255, 0, 100])
    // 0.299 * 255 + 0.114 * 100 = 87.6
    #expect(try values(of: rgb.converted(to: .grey)) == [88])
    let half = try Image(width: 1, height: 1, channels: 4, pixels: [0, 255, 100, 128])
    // 100 * 128 / 255 + 255 * 127 / 255 = 177.2
    #expect(try values(of: half.converted(to: .rgb)) == [127, 255, 177])
    #expect(try values(of: half.converted(to: .rgb, background: .black)) == [0, 128, 50])
    #expect(try half.converted(to: .rgba) == half)
  }
}
