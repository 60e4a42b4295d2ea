import CNNImaging
import CNNLayerKit
import Testing

/// What `preprocessing` makes of `image`.
private func apply(_ preprocessing: Preprocessing, _ image: Image) throws -> [Float] {
  let buffer = try FloatBuffer(count: preprocessing.outputCount, for: "a test")
  try preprocessing.apply(to: image, into: buffer.elements)
  return Array(buffer.elements)
}

@Suite struct PreprocessingTests {
  private var twoPixels: Image {
    get throws { try Image(width: 2, height: 1, channels: 3, pixels: [0, 51, 102, 153, 204, 255]) }
  }

  @Test func scalesSubtractsAndDivides() throws {
    let preprocessing = try Preprocessing(
      width: 2, height: 1, scale: 1 / 255, mean: [0.5, 0.25, 0], standardDeviation: [0.5, 2, 4])
    let expected: [Float] = [
      -1, (0.2 - 0.25) / 2, 0.4 / 4, (0.6 - 0.5) / 0.5, (0.8 - 0.25) / 2, 0.25,
    ]
    for (value, wanted) in zip(try apply(preprocessing, twoPixels), expected) {
      #expect(abs(value - wanted) < 1e-6)
    }
  }

  @Test func ordersChannels() throws {
    let bgr = try Preprocessing(
      width: 2, height: 1, color: .bgr, scale: 1, mean: [1, 0, 0])
    #expect(try apply(bgr, twoPixels) == [101, 51, 0, 254, 204, 153])
    let grey = try Preprocessing(width: 2, height: 1, color: .grey, scale: 1)
    // 0.587 * 51 + 0.114 * 102 = 41.6; 0.299 * 153 + 0.587 * 204 + 0.114 * 255 = 194.6
    #expect(try apply(grey, twoPixels) == [42, 195])
  }

  @Test func subtractsAMeanImage() throws {
    let preprocessing = try Preprocessing(
      width: 2, height: 1, scale: 1, standardDeviation: [1, 1, 2],
      meanImage: [1, 2, 3, 4, 5, 6])
    #expect(try apply(preprocessing, twoPixels) == [-1, 49, 49.5, 149, 199, 124.5])
  }

  @Test func laysTransparencyOverWhite() throws {
    let clear = try Image(width: 1, height: 1, channels: 4, pixels: [9, 9, 9, 0])
    #expect(try apply(Preprocessing(width: 1, height: 1, scale: 1), clear) == [255, 255, 255])
  }

  @Test func cropsTheCentreOfTheShorterSide() throws {
    let image = try patternImage(width: 31, height: 17, channels: 3)
    let preprocessing = try Preprocessing(
      width: 9, height: 8, resize: .shorterSide(12), filter: .bicubic)
    // 31 * 12 / 17 = 21 columns; (21 - 9) / 2 = 6 and (12 - 8) / 2 = 2 are cut off.
    let expected = try image.resized(width: 21, height: 12, filter: .bicubic)
      .cropped(x: 6, y: 2, width: 9, height: 8)
    #expect(try preprocessing.resized(image) == expected)
    // An extreme strip: only the part that is kept is computed.
    let strip = try Image(width: 1, height: 100_000, channels: 1) { _ in }
    #expect(
      try Preprocessing(width: 224, height: 224, resize: .shorterSide(256)).resized(strip).height
        == 224)
  }

  @Test func fitsWithPadding() throws {
    let white = try Image(width: 4, height: 2, channels: 3) { $0.update(repeating: 255) }
    let preprocessing = try Preprocessing(
      width: 4, height: 4, resize: .fit(padding: Color(red: 1, green: 2, blue: 3)))
    let result = try preprocessing.resized(white)
    #expect(result.pixel(x: 0, y: 0) == [1, 2, 3])
    #expect(result.pixel(x: 0, y: 1) == [255, 255, 255])
    #expect(result.pixel(x: 3, y: 2) == [255, 255, 255])
    #expect(result.pixel(x: 3, y: 3) == [1, 2, 3])
  }

  @Test func refusesOutputOfAnotherSize() throws {
    let buffer = try FloatBuffer(count: 5, for: "a test")
    let preprocessing = try Preprocessing(width: 2, height: 1)
    #expect(
      errorCode { try preprocessing.apply(to: twoPixels, into: buffer.elements) }
        == .invalidArgument)
  }

  @Test func roundTripsThroughJSON() throws {
    for resize in [
      Preprocessing.ResizeMode.stretch, .shorterSide(256), .fit(padding: Color(hex: 0x102030)),
    ] {
      for color in Preprocessing.ColorOrder.allCases {
        let channels = color == .grey ? 1 : 3
        let original = try Preprocessing(
          width: 7, height: 5, color: color, resize: resize, filter: .lanczos3, scale: 0.017,
          mean: Array(repeating: 0.485, count: channels),
          standardDeviation: Array(repeating: 0.229, count: channels))
        #expect(try Preprocessing(json: original.json()) == original)
      }
    }
    let withImage = try Preprocessing(
      width: 1, height: 2, color: .grey, meanImage: [0.1, 1e-30])
    #expect(try Preprocessing(json: withImage.json()) == withImage)
  }

  @Test func writesReadableJSON() throws {
    let preprocessing = try Preprocessing(
      width: 32, height: 24, color: .grey, resize: .shorterSide(40), scale: 0.5, mean: [0.485],
      standardDeviation: [0.229])
    #expect(
      try preprocessing.json()
        == #"{"color":"grey","filter":"bilinear","height":24,"mean":[0.485],"#
        + #""resize":"shorter_side","scale":0.5,"shorter_side":40,"#
        + #""standard_deviation":[0.229],"width":32}"#)
  }

  @Test func fillsInDefaults() throws {
    let short = try Preprocessing(json: #"{"width": 32, "height": 24}"#)
    #expect(try short == Preprocessing(width: 32, height: 24))
    #expect(short.mean == [0, 0, 0])
    #expect(short.scale == Float(1) / 255)
  }

  @Test(arguments: [
    (
      #"{"width": 1, "height": 1, "standard_deviaton": [1]}"#, CNNError.Code.unknownName,
      "standard_deviation"
    ),
    (#"{"width": 1, "height": 1, "filter": "bilinaer"}"#, .unknownName, "bilinear"),
    (#"{"width": 1, "height": 1, "color": "RGB8"}"#, .unknownName, "color"),
    (#"{"width": 1, "height": 1, "resize": "strech"}"#, .unknownName, "stretch"),
    (#"{"width": 1}"#, .malformedData, "height"),
    (#"{"width": "1", "height": 1}"#, .malformedData, "width"),
    (#"{"width": 1.5, "height": 1}"#, .malformedData, "width"),
    (#"{"width": 1e99, "height": 1}"#, .malformedData, "width"),
    (#"[1]"#, .malformedData, "preprocessing"),
    (#"{"width": 1, "#, .malformedData, "preprocessing"),
    ("", .malformedData, "preprocessing"),
    (#"{"width": 0, "height": 1}"#, .invalidArgument, "0 x 1"),
    (#"{"width": 100000, "height": 100000}"#, .invalidArgument, "limit"),
    (#"{"width": 1, "height": 1, "scale": 0}"#, .invalidArgument, "scale"),
    (#"{"width": 1, "height": 1, "mean": [1, 2]}"#, .invalidArgument, "mean"),
    (
      #"{"width": 1, "height": 1, "standard_deviation": [1, 0, 1]}"#, .invalidArgument,
      "standard_deviation"
    ),
    (
      #"{"width": 9, "height": 9, "resize": "shorter_side", "shorter_side": 8}"#,
      .invalidArgument, "shorter_side"
    ),
    (#"{"width": 9, "height": 9, "resize": "shorter_side"}"#, .malformedData, "shorter_side"),
    (#"{"width": 9, "height": 9, "shorter_side": 9}"#, .invalidArgument, "shorter_side"),
    (
      #"{"width": 9, "height": 9, "resize": "fit", "padding_color": [1, 2]}"#, .invalidArgument,
      "padding_color"
    ),
    (
      #"{"width": 9, "height": 9, "resize": "fit", "padding_color": [1, 2, 300]}"#,
      .malformedData, "padding_color"
    ),
    (
      #"{"width": 1, "height": 1, "color": "grey", "mean": [1], "mean_image": [1]}"#,
      .invalidArgument, "mean_image"
    ),
  ])
  func refusesJSON(json: String, code: CNNError.Code, mention: String) {
    let error = thrownError { _ = try Preprocessing(json: json) }
    #expect(error?.code == code, "\(error?.message ?? "no error")")
    #expect(error?.message.contains(mention) == true, "\(error?.message ?? "no error")")
  }

  @Test func refusesNumbersThatAreNotFinite() {
    for bad in [Float.nan, .infinity] {
      #expect(
        errorCode { _ = try Preprocessing(width: 1, height: 1, scale: bad) } == .invalidArgument)
      #expect(
        errorCode { _ = try Preprocessing(width: 1, height: 1, mean: [0, bad, 0]) }
          == .invalidArgument)
      #expect(
        errorCode { _ = try Preprocessing(width: 1, height: 1, standardDeviation: [1, 1, bad]) }
          == .invalidArgument)
    }
  }
}
