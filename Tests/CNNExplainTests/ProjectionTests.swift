import CNNKit
import Testing

@Suite("maps over photos")
struct ProjectionTests {
  /// A case of the table: a photo, how it became the picture, and a row or column of the result.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let width: Int
    let height: Int
    let resize: Preprocessing.ResizeMode
    /// The map over a picture of 4 x 4.
    let map: [[Float]]
    let expected: [[Float]]
    var testDescription: String { name }
  }

  static let ramp: [[Float]] = [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]
  static let ones: [[Float]] = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]

  static let cases = [
    Case(
      name: "the same size", width: 4, height: 4, resize: .stretch, map: ramp, expected: ramp),
    Case(
      name: "stretched to twice the width", width: 8, height: 2, resize: .stretch, map: ramp,
      expected: [[Float]](repeating: [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], count: 2)),
    Case(
      name: "the middle of a wide photo", width: 8, height: 4, resize: .shorterSide(4), map: ramp,
      expected: [[Float]](repeating: [0, 0, 0, 1, 2, 3, 0, 0], count: 4)),
    Case(
      name: "the middle of a high photo", width: 4, height: 8, resize: .shorterSide(4), map: ones,
      expected: (0..<8).map { [Float](repeating: (2..<6).contains($0) ? 1 : 0, count: 4) }),
    Case(
      name: "a small cut of a photo", width: 8, height: 8, resize: .shorterSide(8), map: ones,
      expected: (0..<8).map { y in
        (0..<8).map { x in (2..<6).contains(x) && (2..<6).contains(y) ? 1 : 0 }
      }),
    Case(
      name: "a wide photo with bars above and below", width: 8, height: 4,
      resize: .fit(padding: .black),
      map: [[9, 9, 9, 9], [1, 1, 1, 1], [3, 3, 3, 3], [9, 9, 9, 9]],
      // Rows of the photo lie at 0.75, 1.25, 1.75 and 2.25 of the map.
      expected: [3, 1.5, 2.5, 4.5].map { [Float](repeating: $0, count: 8) }),
    Case(
      name: "a high photo with bars left and right", width: 2, height: 4,
      resize: .fit(padding: .white), map: ramp,
      expected: [[Float]](repeating: [1, 2], count: 4)),
    Case(
      name: "a coarse map", width: 4, height: 4, resize: .stretch, map: [[0, 4]],
      expected: [[Float]](repeating: [0, 1, 3, 4], count: 4)),
  ]

  @Test("the way of the photo into the network is gone backwards", arguments: cases)
  func geometry(_ test: Case) throws {
    let preprocessing = try Preprocessing(width: 4, height: 4, resize: test.resize)
    let photo = try noise(width: test.width, height: test.height)
    let map = try Heatmap(width: test.map[0].count, height: test.map.count) { values in
      for (index, value) in test.map.flatMap({ $0 }).enumerated() { values[index] = value }
    }
    let result = try map.projected(onto: photo, through: preprocessing)
    #expect(result.width == test.width && result.height == test.height)
    for (found, expected) in zip(numbers(result), test.expected.flatMap { $0 }) {
      #expect(abs(found - expected) < 1e-5)
    }
  }

  @Test("a pixel of a small photo shows all numbers under it")
  func shrinking() throws {
    let map = try Heatmap(width: 8, height: 8) { values in
      for index in values.indices { values[index] = index % 2 == 0 ? 0 : 2 }
    }
    let preprocessing = try Preprocessing(width: 8, height: 8)
    let small = try map.projected(onto: noise(width: 2, height: 1), through: preprocessing)
    for value in numbers(small) { #expect(abs(value - 1) < 0.2) }
  }

  @Test(
    "a bright spot lies where the photo has it",
    arguments: [
      Preprocessing.ResizeMode.stretch, .shorterSide(24), .shorterSide(20), .fit(padding: .black),
    ])
  func spots(resize: Preprocessing.ResizeMode) throws {
    // A photo that is black but for a block; the picture's brightness is the map.
    let (width, height) = (60, 41)
    let preprocessing = try Preprocessing(width: 20, height: 20, color: .grey, resize: resize)
    var pixels = [UInt8](repeating: 0, count: width * height)
    for y in 15..<21 { for x in 33..<40 { pixels[y * width + x] = 255 } }
    let photo = try Image(width: width, height: height, channels: 1, pixels: pixels)
    let map = try Heatmap(width: 20, height: 20) { values throws(CNNError) in
      try preprocessing.apply(to: photo, into: values)
    }
    let result = numbers(try map.projected(onto: photo, through: preprocessing))
    let sum = result.reduce(0) { $0 + Double($1) }
    let x = result.indices.reduce(0.0) { $0 + Double(result[$1]) * Double($1 % width) } / sum
    let y = result.indices.reduce(0.0) { $0 + Double(result[$1]) * Double($1 / width) } / sum
    #expect(abs(x - 36) < 1 && abs(y - 17.5) < 1, "\(x), \(y)")
  }

  @Test("an overlay has the photo's size, and goes from the photo to the colours")
  func overlays() throws {
    let model = try makeModel(smoothNetwork())
    let photo = try noise(width: 321, height: 123, channels: 4)
    let explanation = try Explainer(model).explain(photo, by: GradCAM(layer: "conv"))
    let overlay = try explanation.overlay()
    #expect(overlay.width == 321 && overlay.height == 123 && overlay.channels == 3)
    #expect(try explanation.overlay(opacity: 0) == photo.converted(to: .rgb))
    let colors = try explanation.overlay(opacity: 1, colorMap: .viridis)
    let (low, high) = (
      try #require(numbers(explanation.map).firstIndex(of: explanation.map.minimum)),
      try #require(numbers(explanation.map).firstIndex(of: explanation.map.maximum))
    )
    #expect(colors.pixel(x: low % 321, y: low / 321) == [0x44, 0x01, 0x54])
    #expect(explanation.map.maximum <= explanation.strongest)
    let brightest = try #require(colors.pixel(x: high % 321, y: high / 321))
    #expect(brightest[0] > 0x90 && brightest[1] > 0xc0)
    for opacity in [-0.1, 1.1, .nan, .infinity] {
      expectError(.invalidArgument, "from 0 to 1") { _ = try explanation.overlay(opacity: opacity) }
    }
  }
}
