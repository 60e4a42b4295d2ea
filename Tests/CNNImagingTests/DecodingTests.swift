import CNNImaging
import CNNLayerKit
import Testing

@Suite struct DecodingTests {
  @Test(arguments: pngFixtures) func decodesPNG(fixture: ImageFixture) throws {
    let image = try Image(decoding: fixture.file)
    #expect(image.width == fixture.width)
    #expect(image.height == fixture.height)
    #expect(image.channels == fixture.channels)
    #expect(values(of: image) == fixture.pixels)
  }

  // One level of difference between versions of libjpeg, three where CMYK is converted.
  @Test(arguments: jpegFixtures) func decodesJPEG(fixture: ImageFixture) throws {
    let image = try Image(decoding: fixture.file)
    #expect(image.width == fixture.width)
    #expect(image.height == fixture.height)
    #expect(image.channels == fixture.channels)
    let difference = try #require(largestDifference(values(of: image), fixture.pixels))
    #expect(difference <= (fixture.name == "cmyk" ? 3 : 1))
  }

  @Test func leavesOrientationAlone() throws {
    let fixture = try #require(jpegFixtures.first { $0.name == "orientation 6" })
    let image = try Image(decoding: fixture.file, appliesOrientation: false)
    #expect(image.width == fixture.height)
    #expect(try image.oriented(.right) == Image(decoding: fixture.file))
  }

  @Test(arguments: pngFixtures + jpegFixtures) func everyPrefixIsAnError(fixture: ImageFixture) {
    for count in 0..<fixture.file.count {
      let error = thrownError { _ = try Image(decoding: Array(fixture.file.prefix(count))) }
      #expect(error?.code == .malformedData, "\(count) of \(fixture.file.count) bytes")
      #expect(error?.message.isEmpty == false)
    }
  }

  @Test(
    arguments: (pngFixtures + jpegFixtures).enumerated().filter { $0.offset % 4 == 0 }
      .map(\.element))
  func flippedBitsAreAnErrorOrAnImage(fixture: ImageFixture) {
    let limits = Image.Limits(maximumPixels: 1 << 20)
    for bit in 0..<fixture.file.count * 8 {
      var file = fixture.file
      file[bit / 8] ^= 1 << (bit % 8)
      let error = thrownError { _ = try Image(decoding: file, limits: limits) }
      if let error { #expect(!error.message.isEmpty) }
    }
  }

  @Test func refusesOtherFiles() {
    #expect(errorCode { _ = try Image(decoding: []) } == .malformedData)
    #expect(errorCode { _ = try Image(decoding: Array("GIF89a".utf8)) } == .malformedData)
    #expect(errorCode { _ = try Image(decoding: [0x89, 0x50]) } == .malformedData)
  }

  @Test func messagesSayWhatTheCodecSaid() throws {
    let jpeg = try #require(jpegFixtures.first { $0.name == "baseline" })
    let message = thrownError { _ = try Image(decoding: Array(jpeg.file.dropLast(40))) }?.message
    #expect(message?.contains("JPEG") == true)
    #expect(message?.contains("Premature end") == true)
    var png = try #require(pngFixtures.first { $0.name == "rgb 8" }).file
    png[40] ^= 1
    #expect(thrownError { _ = try Image(decoding: png) }?.message.contains("CRC") == true)
  }

  @Test func limitsAreCheckedAgainstTheHeader() throws {
    let fixture = try #require(pngFixtures.first { $0.name == "rgb 8" })
    let tooSmall = Image.Limits(maximumPixels: fixture.width * fixture.height - 1)
    let error = thrownError { _ = try Image(decoding: fixture.file, limits: tooSmall) }
    #expect(error?.code == .malformedData)
    #expect(error?.message.contains("\(tooSmall.maximumPixels) pixels") == true)
    let enough = Image.Limits(maximumPixels: fixture.width * fixture.height)
    #expect(try Image(decoding: fixture.file, limits: enough).width == fixture.width)
  }

  /// Headers that promise far more pixels than the file holds; made with `png` in
  /// make_fixtures.py: `png(np.zeros((1, 66, 3)), 2, 8, False, size=(60000, 60000))`.
  @Test func refusesBombs() throws {
    let png = base64(
      "iVBORw0KGgoAAAANSUhEUgAA6mAAAOpgCAIAAAAPsOIVAAAADElEQVR4nGNgGB4AAADIAAGtQHYiAAAAAElF"
        + "TkSuQmCC")
    let error = thrownError { _ = try Image(decoding: png) }
    #expect(error?.code == .malformedData)
    #expect(error?.message.contains("60000 x 60000") == true, "\(error?.message ?? "no error")")
    var jpeg = try #require(jpegFixtures.first { $0.name == "progressive" }).file
    let frame = try #require(
      jpeg.indices.dropLast(9).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC2 })
    for i in 5..<9 { jpeg[frame + i] = 0xFE }
    #expect(errorCode { _ = try Image(decoding: jpeg) } == .malformedData)
  }

  @Test func readsFilesBySignature() throws {
    let folder = try TemporaryFolder()
    let image = try countingImage(width: 4, height: 3, channels: 3)
    try image.writePNG(to: folder.file("really-a-png.jpg"))
    #expect(try Image(contentsOf: folder.file("really-a-png.jpg")) == image)
    #expect(folder.names == ["really-a-png.jpg"])
  }

  @Test func fileErrorsNameTheFile() throws {
    let folder = try TemporaryFolder()
    for path in [folder.file("missing.png"), folder.path] {
      let error = thrownError { _ = try Image(contentsOf: path) }
      #expect(error?.code == .inputOutput)
      #expect(error?.message.contains(path) == true)
    }
    #expect(errorCode { _ = try Image(contentsOf: "") } == .invalidArgument)
    #expect(errorCode { _ = try Image(contentsOf: "a\0b") } == .invalidArgument)
  }
}
