import CNNImaging
import CNNLayerKit
import Testing

/// A size, what is needed of it, and the part at which it is decoded.
private let parts: [(size: (Int, Int), needed: (Int, Int), eighths: Int)] = [
  ((4000, 3000), (128, 96), 1), ((3072, 3072), (192, 192), 1), ((3071, 3072), (192, 192), 2),
  ((500, 375), (146, 110), 8), ((500, 375), (128, 96), 8), ((512, 384), (128, 96), 4),
  ((500, 375), (62, 46), 2), ((8, 8), (1, 1), 2), ((16, 16), (1, 1), 1), ((1, 1), (1, 1), 8),
  ((1, 12000), (8, 96000), 8), ((12000, 12000), (224, 224), 1), ((100, 100), (200, 200), 8),
  ((1 << 30, 1 << 30), (1 << 50, 1 << 50), 8), ((16000, 40), (1, 1), 1), ((16000, 40), (100, 9), 4),
]

@Suite struct ReducedImageTests {
  @Test(arguments: parts.indices) func isDecodedNoSmallerThanTwiceWhatIsNeeded(index: Int) {
    let part = parts[index]
    let eighths = ReducedImage.eighths(
      width: part.size.0, height: part.size.1, needed: (part.needed.0, part.needed.1))
    #expect(eighths == part.eighths, "\(part)")
  }

  /// The fixtures have 21 x 13 pixels, or 9 x 5 turned in all ways, so that the last pixel of a
  /// reduced picture is always a part of one.
  @Test(arguments: jpegFixtures) func isCloseToTheWhole(fixture: ImageFixture) throws {
    let whole = try Image(decoding: fixture.file)
    let modes: [Preprocessing.ResizeMode] = [
      .stretch, .shorterSide(2), .shorterSide(3), .fit(padding: Color(hex: 0x102030)),
    ]
    for mode in modes {
      for (width, height) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        let preprocessing = try Preprocessing(
          width: width, height: height, color: .grey, resize: mode, scale: 1)
        let reduced = try fixture.file.withUnsafeBytes { bytes in
          try preprocessing.resized(decoding: bytes)
        }
        let exact = try preprocessing.resized(whole)
        #expect(reduced.width == width && reduced.height == height)
        let difference = try #require(largestDifference(values(of: reduced), values(of: exact)))
        #expect(difference <= 12, "\(mode), \(width) x \(height)")
      }
    }
  }

  @Test func mirroredPicturesBeginWithinAPixel() throws {
    let fixture = try #require(jpegFixtures.first { $0.name == "orientation 3" })
    let picture = try fixture.file.withUnsafeBytes { bytes in
      try ReducedImage(decoding: bytes, limits: .default) { _, _ in (1, 1) }
    }
    // 9 x 5 pixels at half the size.
    #expect(picture.image.width == 5 && picture.image.height == 3)
    #expect(picture.width == 9 && picture.height == 5)
    #expect(picture.columns.start == 0.5 && picture.columns.length == 4.5)
    #expect(picture.rows.start == 0.5 && picture.rows.length == 2.5)
  }

  @Test func allPixelsAreDecodedForTheNearest() throws {
    let fixture = try #require(jpegFixtures.first { $0.name == "baseline" })
    let preprocessing = try Preprocessing(width: 2, height: 1, filter: .nearest, scale: 1)
    let result = try fixture.file.withUnsafeBytes { try preprocessing.resized(decoding: $0) }
    #expect(try result == preprocessing.resized(Image(decoding: fixture.file)))
  }

  @Test func aFileGivesTheSameAsItsBytes() throws {
    let folder = try TemporaryFolder()
    let fixture = try #require(jpegFixtures.first { $0.name == "orientation 6" })
    try fixture.file.withUnsafeBytes { try AtomicFile.write(path: folder.file("a"), bytes: $0) }
    let preprocessing = try Preprocessing(width: 1, height: 2, color: .grey)
    let result = try preprocessing.resized(contentsOf: folder.file("a"))
    #expect(try result == fixture.file.withUnsafeBytes { try preprocessing.resized(decoding: $0) })
    try Array("GIF89a".utf8).withUnsafeBytes {
      try AtomicFile.write(path: folder.file("b"), bytes: $0)
    }
    let error = thrownError { _ = try preprocessing.resized(contentsOf: folder.file("b")) }
    #expect(error?.code == .malformedData)
    #expect(error?.message.contains(folder.file("b")) == true)
  }

  @Test func theLongerSideIsLimited() throws {
    let fixture = try #require(jpegFixtures.first { $0.name == "baseline" })
    func size(_ side: Int) throws -> [Int] {
      let image = try fixture.file.withUnsafeBytes { try Image(decoding: $0, maximumSide: side) }
      return [image.width, image.height]
    }
    #expect(try size(21) == [21, 13])
    #expect(try size(.max) == [21, 13])
    #expect(try size(20) == [20, 12])
    #expect(try size(5) == [5, 3])
    #expect(try size(1) == [1, 1])
    #expect(errorCode { _ = try size(0) } == .invalidArgument)
  }

  @Test func onlyWhatHasTheRightSizeIsNormalized() throws {
    let preprocessing = try Preprocessing(width: 2, height: 1)
    let buffer = try FloatBuffer(count: 6, for: "a test")
    for (width, height, channels) in [(1, 2, 3), (2, 1, 1), (2, 1, 4)] {
      let image = try countingImage(width: width, height: height, channels: channels)
      #expect(
        errorCode { try preprocessing.normalize(image, into: buffer.elements) } == .invalidArgument)
    }
    let image = try countingImage(width: 2, height: 1, channels: 3)
    let five = UnsafeMutableBufferPointer(rebasing: buffer.elements[..<5])
    #expect(errorCode { try preprocessing.normalize(image, into: five) } == .invalidArgument)
    try preprocessing.normalize(image, into: buffer.elements)
  }

  @Test(arguments: [
    ("GIF87a......", "GIF"), ("RIFF....WEBP", "WebP"), ("BM..........", "BMP"),
    ("....ftypheic", "HEIC"), ("....ftypmif1", "HEIC"), ("....ftypavif", "AVIF"),
    ("....ftypmp42", "video"), ("%PDF-1.7", "PDF"), ("8BPS", "Photoshop"), ("II*\0", "TIFF"),
    ("MM\0*", "TIFF"), ("PK\u{3}\u{4}", "ZIP"), ("  <?xml version", "markup"), ("<svg", "markup"),
    ("<!DOCTYPE", "markup"), ("a < b", "text"), ("Grüße", "text"), ("", "empty"), ("\0\0", "zero"),
    ("\u{1}\u{2}", "neither"),
  ])
  func namesOtherFormats(contents: String, name: String) {
    let message = thrownError { _ = try Image(decoding: Array(contents.utf8)) }?.message
    #expect(message?.contains(name) == true, "\(message ?? "no error")")
    #expect(message?.contains("PNG and JPEG") == true, "\(message ?? "no error")")
  }
}
