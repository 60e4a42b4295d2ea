import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct ColorChangesTests {
  func changed(
    _ pixels: [Float], channels: Int = 3, _ change: (inout ColorChanges) -> Void
  ) -> [Float] {
    var pixels = pixels
    pixels.withUnsafeMutableBufferPointer { pixels in
      var changes = ColorChanges(output: pixels, channels: channels)
      change(&changes)
      changes.apply()
    }
    return pixels
  }

  /// Any number of pixels gives what each would give alone, with contrast around the mean of all.
  @Test(arguments: [1, 7, 8, 9, 513, 600])
  func changesFollowEachOther(count: Int) {
    let pixels = (0..<3 * count).map { Float(($0 * 53 + 7) % 256) }
    func all(_ changes: inout ColorChanges) {
      changes.changeSaturation(1.4)
      changes.turnHue(0.1)
      changes.changeContrast(0.6)
      changes.changeBrightness(0.9)
      changes.removeColor()
    }
    let result = changed(pixels) { all(&$0) }
    var expected: [Double] = []
    for i in 0..<count {
      let pixel = Array(pixels[3 * i..<3 * i + 3])
      expected += changed(pixel) { changes in
        changes.changeSaturation(1.4)
        changes.turnHue(0.1)
      }.map { Double($0) }
    }
    func grey(_ values: [Double], _ i: Int) -> Double {
      let (red, green, blue) = (values[3 * i], values[3 * i + 1], values[3 * i + 2])
      return 0.2989 * red + 0.587 * green + 0.114 * blue
    }
    var mean = 0.0
    for i in 0..<count { mean += grey(expected, i) / Double(count) }
    for i in 0..<3 * count {
      let value: Double = 0.6 * expected[i] + 0.4 * mean
      expected[i] = 0.9 * min(255, max(0, value))
    }
    for i in 0..<3 * count {
      #expect(abs(Double(result[i]) - grey(expected, i / 3)) < 1e-2)
    }
  }

  @Test func colorCanBeRemoved() {
    let grey = changed([10, 100, 200]) { $0.removeColor() }
    #expect(grey.allSatisfy { abs($0 - (0.2989 * 10 + 0.587 * 100 + 0.114 * 200)) < 1e-3 })
    #expect(changed([10, 100], channels: 1) { $0.removeColor() } == [10, 100])
  }

  @Test(
    arguments: [
      // A third of a circle turns red to green, green to blue, blue to red.
      (Float(1) / 3, [255, 0, 0], [0, 255, 0]),
      (Float(1) / 3, [0, 255, 0], [0, 0, 255]),
      (Float(1) / 3, [0, 0, 255], [255, 0, 0]),
      (Float(-1) / 3, [255, 0, 0], [0, 0, 255]),
      (0.5, [255, 0, 0], [0, 255, 255]),
      (Float(1) / 6, [200, 100, 100], [200, 200, 100]),
      // colorsys.hsv_to_rgb after rgb_to_hsv(10 / 255, 60 / 255, 200 / 255) and h + 0.1
      (0.1, [10, 60, 200], [74, 10, 200]),
      (0.4, [90, 90, 90], [90, 90, 90]),
    ] as [(Float, [Float], [Float])])
  func hue(turn: Float, before: [Float], after: [Float]) {
    for (value, expected) in zip(changed(before) { $0.turnHue(turn) }, after) {
      #expect(abs(value - expected) < 0.01)
    }
  }

  @Test func brightnessMultipliesAndClamps() {
    #expect(changed([10, 100, 200]) { $0.changeBrightness(1.5) } == [15, 150, 255])
  }

  @Test func saturationZeroIsGrey() {
    let grey = changed([10, 100, 200]) { $0.changeSaturation(0) }
    let expected: Float = 0.2989 * 10 + 0.587 * 100 + 0.114 * 200
    #expect(grey.allSatisfy { abs($0 - expected) < 1e-3 })
    #expect(changed([10, 100, 200]) { $0.changeSaturation(1) } == [10, 100, 200])
  }

  @Test func contrastZeroIsTheMeanGrey() {
    let flat = changed([0, 100, 50, 250], channels: 1) { $0.changeContrast(0) }
    #expect(flat == [100, 100, 100, 100])
    let doubled = changed([90, 110], channels: 1) { $0.changeContrast(2) }
    #expect(doubled == [80, 120])
  }
}
