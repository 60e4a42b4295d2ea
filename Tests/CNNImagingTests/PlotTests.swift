import CNNImaging
import CNNLayerKit
import Testing

@Suite struct PlotTests {
  /// How many pixels of an RGB image have exactly this colour.
  private func count(_ color: Color, in image: Image) -> Int {
    let wanted = [color.red, color.green, color.blue]
    return image.withPixels { pixels in
      stride(from: 0, to: pixels.count, by: 3).count { i in
        pixels[i..<i + 3].elementsEqual(wanted)
      }
    }
  }

  private func plot(_ x: [Double], _ y: [Double], range: ClosedRange<Double>? = nil) throws
    -> Image
  {
    let series = try Plot.Series(name: "loss", x: x, y: y, color: Color(hex: 0xFF0000))
    return try Plot(
      title: "A title", xLabel: "epoch",
      panels: [Plot.Panel(title: "panel", series: [series], yRange: range)]
    ).rendered(width: 400, height: 300)
  }

  @Test func drawsALine() throws {
    let image = try plot([0, 1, 2], [0, 1, 4])
    #expect(image.width == 400)
    #expect(image.channels == 3)
    #expect(count(Color(hex: 0xFF0000), in: image) > 200)
    #expect(count(.white, in: image) > 80_000)
  }

  @Test func aHorizontalLineLiesWhereTheAxisSays() throws {
    let image = try plot([0, 1], [5, 5], range: 0...10)
    let rows = (0..<image.height).filter { image.pixel(x: 200, y: $0) == [255, 0, 0] }
    let top = try #require(rows.first)
    #expect(rows.count <= 3)
    // The panel reaches from below its heading to above its labels.
    #expect((140...190).contains(top))
  }

  @Test(
    arguments: [
      ([], []), ([1], [1]), ([0, 1, 2], [.nan, .infinity, -.infinity]), ([.nan, 1], [1, .nan]),
      ([0, 1], [1e308, -1e308]), ([1e300, -1e308], [0, 0]), ([0, 1], [0, 0]),
      ([0, 0], [3, 3]), ([0, 1], [1e-307, 2e-307]), ([1, 1 + 1e-15], [7, 7 + 1e-15]),
      ([0, 1, 2, 3], [1, .nan, 2, 3]),
    ] as [([Double], [Double])])
  func survives(x: [Double], y: [Double]) throws {
    #expect(try plot(x, y).width == 400)
    #expect(try plot(x, y, range: 0...0).width == 400)
    #expect(try plot(x, y, range: -Double.infinity...1).width == 400)
  }

  @Test func drawsManyPointsAndPanels() throws {
    let x = (0..<200_000).map(Double.init)
    let series = try Plot.Series(
      name: "s", x: x, y: x.map { $0.truncatingRemainder(dividingBy: 7) })
    let names = try (0..<40).map { i in
      try Plot.Series(name: String(repeating: "long name ", count: i), x: [1], y: [Double(i)])
    }
    let plot = try Plot(
      title: String(repeating: "title ", count: 10_000),
      panels: [.init(title: "", series: [series]), .init(title: "many", series: names)])
    #expect(try plot.rendered().height == 800)
    #expect(try plot.rendered(width: 200, height: 150, scale: 8).height == 150)
  }

  @Test func refusesArguments() throws {
    #expect(errorCode { _ = try Plot.Series(name: "s", x: [1], y: []) } == .invalidArgument)
    #expect(errorCode { _ = try Plot(title: "", panels: []) } == .invalidArgument)
    let plot = try Plot(title: "", panels: [.init(title: "", series: [])])
    for (width, height, scale) in [
      (0, 300, 1.0), (400, Int.min, 1), (Int.max, 300, 1), (400, 300, 0), (400, 300, .nan),
      (400, 300, .infinity), (400, 300, -1),
    ] {
      #expect(
        errorCode { _ = try plot.rendered(width: width, height: height, scale: scale) }
          == .invalidArgument)
    }
  }

  @Test func drawsBars() throws {
    let red = Color(hex: 0xFF0000)
    let chart = try BarChart(
      title: "speed", valueLabel: "images per second", groups: ["a", "b"],
      series: [
        .init(name: "one", values: [10, 5], color: red),
        .init(name: "two", values: [.nan, 0]),
      ])
    let image = try chart.rendered(width: 500)
    let lengths = (0..<image.height).map { y in
      (0..<image.width).count { image.pixel(x: $0, y: y) == [255, 0, 0] }
    }
    let long = try #require(lengths.max())
    #expect(lengths.filter { $0 > 20 }.contains { abs($0 * 2 - long) <= 2 })
  }

  @Test func refusesBars() throws {
    #expect(errorCode { _ = try BarChart(title: "", groups: [], series: []) } == .invalidArgument)
    #expect(
      errorCode {
        _ = try BarChart(title: "", groups: ["a"], series: [.init(name: "", values: [])])
      } == .invalidArgument)
    #expect(
      errorCode {
        _ = try BarChart(title: "", groups: ["a"], series: [.init(name: "", values: [-1])])
      } == .invalidArgument)
  }
}

@Suite struct ColorMapTests {
  @Test func hasMatplotlibsColours() {
    // matplotlib.colormaps["viridis"](numpy.arange(256))[[0, 64, 128, 200, 255]] * 255
    for (level, red, green, blue) in [
      (0, 68, 1, 84), (64, 59, 82, 139), (128, 33, 145, 140), (200, 112, 207, 87),
      (255, 253, 231, 37),
    ] {
      let color = ColorMap.viridis.color(at: Float(level) / 255)
      #expect(abs(Int(color.red) - red) <= 7)
      #expect(abs(Int(color.green) - green) <= 7)
      #expect(abs(Int(color.blue) - blue) <= 7)
    }
    #expect(ColorMap.grey.color(at: 0.2) == Color(hex: 0x333333))
    #expect(ColorMap.grey.color(at: .nan) == .black)
    #expect(ColorMap.coolwarm.color(at: .infinity) == ColorMap.coolwarm.color(at: 1))
    #expect(ColorMap.inferno.color(at: -3) == ColorMap.inferno.color(at: 0))
  }

  @Test func convertsFloats() throws {
    let values: [Float] = [-1, 0, 0.5, 1, 2, .nan]
    let image = try values.withUnsafeBufferPointer { values in
      Result { () throws(CNNError) in
        try Image(values: values, width: 6, height: 1, channels: 1, range: 0...1)
      }
    }.get()
    #expect(CNNImagingTests.values(of: image) == [0, 0, 128, 255, 255, 0])
    let heat = try values.withUnsafeBufferPointer { values in
      Result { () throws(CNNError) in
        try Image(heatMap: values, width: 3, height: 2, range: 0...1, colorMap: .grey)
      }
    }.get()
    #expect(heat.pixel(x: 0, y: 1) == [255, 255, 255])
    values.withUnsafeBufferPointer { values in
      for range: ClosedRange<Float> in [1...1, -Float.infinity...0, -3e38...3e38] {
        #expect(
          errorCode { _ = try Image(heatMap: values, width: 6, height: 1, range: range) }
            == .invalidArgument)
      }
      #expect(
        errorCode { _ = try Image(heatMap: values, width: 5, height: 1, range: 0...1) }
          == .invalidArgument)
    }
  }

  @Test func laysOutAGrid() throws {
    let images = try (1...3).map { value in
      try Image(width: 1, height: 1, channels: 1, pixels: [UInt8(value)])
    }
    let grid = try Image.grid(of: images, columns: 2, spacing: 1, background: .black)
    #expect(grid.width == 5)
    #expect(
      values(of: grid) == [
        0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0,
      ])
    let large = try Image.grid(of: images, columns: 3, magnification: 2, spacing: 0)
    #expect(values(of: large) == [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3])
    #expect(errorCode { _ = try Image.grid(of: []) } == .invalidArgument)
    #expect(errorCode { _ = try Image.grid(of: images, columns: 0) } == .invalidArgument)
    #expect(errorCode { _ = try Image.grid(of: images, spacing: -1) } == .invalidArgument)
  }
}
