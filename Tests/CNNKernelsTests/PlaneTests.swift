import CNNKernelTypes
import CNNKernels
import Testing

extension PoolingGeometry {
  /// A geometry whose output size follows the usual rule, rounding down, or up if `ceil`.
  static func make(
    _ batch: Int, _ height: Int, _ width: Int, _ channels: Int, kernel: (Int, Int),
    stride: (Int, Int), padding: Int = 0, dilation: Int = 1, ceil: Bool = false
  ) -> PoolingGeometry {
    func size(_ input: Int, _ kernel: Int, _ stride: Int) -> Int {
      let span = input + 2 * padding - dilation * (kernel - 1) - 1
      return (span + (ceil ? stride - 1 : 0)) / stride + 1
    }
    return PoolingGeometry(
      batch: batch, inputHeight: height, inputWidth: width, channels: channels,
      outputHeight: size(height, kernel.0, stride.0), outputWidth: size(width, kernel.1, stride.1),
      kernelHeight: kernel.0, kernelWidth: kernel.1, strideHeight: stride.0,
      strideWidth: stride.1, paddingTop: padding, paddingLeft: padding, paddingBottom: padding,
      paddingRight: padding, dilationHeight: dilation, dilationWidth: dilation)
  }

  static let cases: [PoolingGeometry] = [
    make(1, 1, 1, 1, kernel: (1, 1), stride: (1, 1)),
    make(2, 4, 6, 3, kernel: (2, 2), stride: (2, 2)),
    make(1, 7, 5, 8, kernel: (3, 3), stride: (2, 2), padding: 1),
    make(9, 13, 13, 17, kernel: (3, 3), stride: (2, 2)),
    make(3, 9, 31, 64, kernel: (2, 3), stride: (1, 2), padding: 1),
    make(1, 12, 12, 70, kernel: (3, 2), stride: (1, 1), padding: 1, dilation: 2),
    make(2, 7, 8, 9, kernel: (3, 3), stride: (2, 3), ceil: true),
    make(2, 8, 10, 11, kernel: (3, 3), stride: (3, 3)),
    make(2, 8, 10, 27, kernel: (3, 4), stride: (3, 4), ceil: true),
    make(2, 6, 9, 16, kernel: (2, 2), stride: (2, 2), dilation: 2),
    make(2, 3, 3, 5, kernel: (2, 2), stride: (3, 3), padding: 2),
    make(8, 32, 32, 32, kernel: (2, 2), stride: (2, 2)),
    make(2, 9, 11, 24, kernel: (2, 2), stride: (1, 2), padding: 1),
  ]

  var inputCount: Int { batch * inputHeight * inputWidth * channels }
  var outputCount: Int { batch * outputHeight * outputWidth * channels }
}

struct PoolingTests {
  @Test(arguments: PoolingGeometry.cases)
  func largest(g: PoolingGeometry) {
    // Few different numbers, so that there are equals in most windows.
    let x = testNumbers(g.inputCount, seed: 51).map { ($0 * 4).rounded() - 2 }
    let gradient = testNumbers(g.outputCount, seed: 52)
    var y: [Float] = []
    let indices = filled(g.outputCount) { indices in
      y = filled(g.outputCount) {
        Pooling.maxForward(x, $0, indices: indices, geometry: g, slots: 3)
      }
    }
    let expected = ReferencePooling.max(doubles(x), g)
    #expect(doubles(y) == expected.output)
    #expect(indices == expected.indices.map { Float($0) })
    let without = filled(g.outputCount) {
      Pooling.maxForward(x, $0, indices: nil, geometry: g, slots: 3)
    }
    #expect(without == y)
    let dx = filled(g.inputCount) {
      Pooling.maxBackward(
        gradOutput: gradient, indices: indices, gradInput: $0, geometry: g, slots: 3)
    }
    var slope = [Double](repeating: 0, count: g.inputCount)
    for (i, index) in expected.indices.enumerated() where index >= 0 {
      let n = i / g.channels / g.outputHeight / g.outputWidth
      slope[(n * g.inputHeight * g.inputWidth + index) * g.channels + i % g.channels] +=
        Double(gradient[i])
    }
    #expect(relativeError(dx, slope) < 1e-6)
  }

  @Test(arguments: PoolingGeometry.cases, [true, false])
  func average(g: PoolingGeometry, countIncludePad: Bool) {
    let x = testNumbers(g.inputCount, seed: 53)
    let gradient = testNumbers(g.outputCount, seed: 54)
    let y = filled(g.outputCount) {
      Pooling.averageForward(x, $0, countIncludePad: countIncludePad, geometry: g, slots: 3)
    }
    let expected = ReferencePooling.average(doubles(x), countIncludePad: countIncludePad, g)
    #expect(relativeError(y, expected) < 1e-6)
    let dx = filled(g.inputCount) {
      Pooling.averageBackward(
        gradOutput: gradient, gradInput: $0, countIncludePad: countIncludePad, geometry: g,
        slots: 3)
    }
    #expect(areAdjoint(x, y, gradient, dx))
  }

  /// Remembering cells in bytes gives the bits of remembering positions, also with a rectifier in
  /// front, which then is never applied to the whole plane.
  @Test(arguments: PoolingGeometry.cases, [false, true])
  func compact(g: PoolingGeometry, rectifies: Bool) {
    #expect(CompactMaxPooling.fits(g))
    let x = testNumbers(g.inputCount, seed: 59).map { ($0 * 4).rounded() - 1 }
    let gradient = testNumbers(g.outputCount, seed: 60)
    let front = rectifies ? x.map { max($0, 0) } : x
    var expected: [Float] = []
    let indices = filled(g.outputCount) { indices in
      expected = filled(g.outputCount) {
        Pooling.maxForward(front, $0, indices: indices, geometry: g, slots: 1)
      }
    }
    var slope = filled(g.inputCount) {
      Pooling.maxBackward(
        gradOutput: gradient, indices: indices, gradInput: $0, geometry: g, slots: 1)
    }
    if rectifies { for (i, value) in front.enumerated() where value <= 0 { slope[i] = 0 } }
    for slots in [1, 3] {
      var y: [Float] = []
      let cells = filled(CompactMaxPooling.cacheCount(g.outputCount)) { cells in
        y = filled(g.outputCount) {
          CompactMaxPooling.forward(
            x, $0, cells: cells, rectifies: rectifies, geometry: g, slots: slots)
        }
      }
      #expect(y == expected)
      let dx = filled(g.inputCount) {
        CompactMaxPooling.backward(
          gradOutput: gradient, cells: cells, gradInput: $0, geometry: g, slots: slots)
      }
      #expect(dx == slope)
    }
  }

  /// All windows of 2x2 of four numbers: the first of equals wins, and the last that is none.
  @Test func compactWindowsOfFour() {
    let values: [Float] = [.nan, -.infinity, 0, 1]
    let g = PoolingGeometry.make(1, 2, 64, 8, kernel: (2, 2), stride: (2, 2))
    // Window w and channel c are the combination 8 w + c, with two bits for each of the cells.
    let x = (0..<g.inputCount).map { index in
      let (line, column, channel) = (index / 512, index / 8 % 64, index % 8)
      let combination = column / 2 * 8 + channel
      return values[combination >> (2 * (line * 2 + column % 2)) & 3]
    }
    for rectifies in [false, true] {
      var y: [Float] = []
      let cells = filled(CompactMaxPooling.cacheCount(g.outputCount)) { cells in
        y = filled(g.outputCount) {
          CompactMaxPooling.forward(
            x, $0, cells: cells, rectifies: rectifies, geometry: g, slots: 1)
        }
      }
      let places = cells.withUnsafeBytes { Array($0.prefix(256)) }
      for combination in 0..<256 {
        var (best, place) = (-Float.infinity, UInt8(0))
        for cell in 0..<4 {
          let value = values[combination >> (2 * cell) & 3]
          if value > best || value.isNaN { (best, place) = (value, UInt8(cell)) }
        }
        if rectifies, best <= 0 { (best, place) = (0, 255) }
        #expect(places[combination] == place, "\(combination)")
        #expect(y[combination].bitPattern == best.bitPattern || best.isNaN, "\(combination)")
        #expect(y[combination].isNaN == best.isNaN, "\(combination)")
      }
    }
  }

  @Test func notANumberWinsAndNegativesBeatPadding() {
    let g = PoolingGeometry.make(1, 2, 2, 2, kernel: (2, 2), stride: (1, 1), padding: 1)
    let x: [Float] = [-5, .nan, -4, 1, -3, 2, -.infinity, 3]
    var indices = [Float](repeating: -7, count: 18)
    let y = filled(18) { Pooling.maxForward(x, $0, indices: &indices, geometry: g, slots: 1) }
    let first = stride(from: 0, to: 18, by: 2).map { y[$0] }
    #expect(first == [-5, -4, -4, -3, -3, -4, -3, -3, -.infinity])
    let second = stride(from: 1, to: 18, by: 2).map { y[$0] }
    #expect(second[0].isNaN && second[4].isNaN && second[2] == 1 && second[8] == 3)
    #expect(indices[9] == 0 && indices[17] == 3 && indices[16] == 3)
  }

  @Test func foreignIndicesAreIgnored() {
    let g = PoolingGeometry.make(1, 4, 4, 9, kernel: (2, 2), stride: (2, 2))
    let indices = (0..<g.outputCount).map { [Float.nan, -1, 1e30, 3.5, .infinity][$0 % 5] }
    let ones = [Float](repeating: 1, count: g.outputCount)
    let dx = filled(g.inputCount) {
      Pooling.maxBackward(gradOutput: ones, indices: indices, gradInput: $0, geometry: g, slots: 1)
    }
    #expect(dx == [Float](repeating: 0, count: g.inputCount))
  }

  @Test(arguments: [(1, 1, 1), (3, 49, 17), (2, 1000, 3), (9, 36, 300), (1, 64, 8)])
  func globalAverage(batch: Int, pixels: Int, channels: Int) {
    let x = testNumbers(batch * pixels * channels, seed: 55)
    let g = testNumbers(batch * channels, seed: 56)
    let y = filled(batch * channels) {
      GlobalAveragePooling.forward(
        x, $0, batch: batch, pixels: pixels, channels: channels, slots: 3)
    }
    var expected = [Double](repeating: 0, count: batch * channels)
    for i in x.indices {
      expected[i / channels / pixels * channels + i % channels] += Double(x[i]) / Double(pixels)
    }
    #expect(relativeError(y, expected) < 3e-6)
    let dx = filled(x.count) {
      GlobalAveragePooling.backward(
        gradOutput: g, gradInput: $0, batch: batch, pixels: pixels, channels: channels, slots: 3)
    }
    #expect(areAdjoint(x, y, g, dx))
  }

  @Test(arguments: PoolingGeometry.cases)
  func unpooling(g: PoolingGeometry) {
    guard g.strideHeight >= g.kernelHeight, g.strideWidth >= g.kernelWidth, g.paddingTop == 0,
      g.dilationHeight == 1, g.dilationWidth == 1
    else { return }
    let x = testNumbers(g.inputCount, seed: 57)
    var pooled: [Float] = []
    let indices = filled(g.outputCount) { indices in
      pooled = filled(g.outputCount) {
        Pooling.maxForward(x, $0, indices: indices, geometry: g, slots: 3)
      }
    }
    let (small, large) = (g.outputHeight * g.outputWidth, g.inputHeight * g.inputWidth)
    var invalid = -1
    let y = filled(g.inputCount) {
      invalid = MaxUnpooling.forward(
        pooled, indices: indices, $0, batch: g.batch, inputPixels: small, outputPixels: large,
        channels: g.channels, slots: 3)
    }
    // Windows do not overlap: putting values back is what backward does with gradients.
    let expected = filled(g.inputCount) {
      Pooling.maxBackward(
        gradOutput: pooled, indices: indices, gradInput: $0, geometry: g, slots: 1)
    }
    #expect(y == expected && invalid == 0)
    let gradient = testNumbers(g.inputCount, seed: 58)
    let dx = filled(g.outputCount) {
      MaxUnpooling.backward(
        gradOutput: gradient, indices: indices, gradInput: $0, batch: g.batch, inputPixels: small,
        outputPixels: large, channels: g.channels, slots: 3)
    }
    #expect(areAdjoint(pooled, y, gradient, dx))
  }

  @Test func unpoolingReportsForeignIndices() {
    let indices: [Float] = [0, -1, .nan, 1e30, 4, 3, 1.5, -.infinity]
    var invalid = 0
    let y = filled(4) {
      invalid = MaxUnpooling.forward(
        [1, 2, 3, 4, 5, 6, 7, 8], indices: indices, $0, batch: 1, inputPixels: 8, outputPixels: 4,
        channels: 1, slots: 1)
    }
    #expect(y == [1, 0, 0, 6] && invalid == 6)
    let dx = filled(8) {
      MaxUnpooling.backward(
        gradOutput: [10, 20, 30, 40], indices: indices, gradInput: $0, batch: 1, inputPixels: 8,
        outputPixels: 4, channels: 1, slots: 1)
    }
    #expect(dx == [10, 0, 0, 0, 0, 40, 0, 0])
  }
}

struct ResamplingTests {
  static let cases = [
    (1, 1, 1, 1, 1, 1), (2, 3, 4, 3, 6, 8), (1, 5, 7, 8, 8, 9), (3, 4, 4, 17, 3, 2),
    (9, 8, 8, 5, 1, 1), (1, 1, 1, 70, 4, 3), (2, 16, 16, 32, 32, 32),
  ].map {
    ResamplingGeometry(
      batch: $0.0, inputHeight: $0.1, inputWidth: $0.2, channels: $0.3, outputHeight: $0.4,
      outputWidth: $0.5)
  }

  @Test(arguments: cases, [0, 1, 2])
  func upsampling(g: ResamplingGeometry, mode: Int) {
    let x = testNumbers(g.batch * g.inputHeight * g.inputWidth * g.channels, seed: 61)
    let count = g.batch * g.outputHeight * g.outputWidth * g.channels
    let gradient = testNumbers(count, seed: 62)
    let y = filled(count) {
      if mode == 0 {
        Upsampling.nearestForward(x, $0, geometry: g, slots: 3)
      } else {
        Upsampling.bilinearForward(x, $0, alignCorners: mode == 2, geometry: g, slots: 3)
      }
    }
    let expected =
      mode == 0
      ? ReferenceUpsampling.nearest(doubles(x), g)
      : ReferenceUpsampling.bilinear(doubles(x), alignCorners: mode == 2, g)
    #expect(relativeError(y, expected) < 1e-6)
    let dx = filled(x.count) {
      if mode == 0 {
        Upsampling.nearestBackward(gradOutput: gradient, gradInput: $0, geometry: g, slots: 3)
      } else {
        Upsampling.bilinearBackward(
          gradOutput: gradient, gradInput: $0, alignCorners: mode == 2, geometry: g, slots: 3)
      }
    }
    #expect(areAdjoint(x, y, gradient, dx))
  }

  /// By hand: one row of four pixels from one of two.
  @Test func knownAnswers() {
    let g = ResamplingGeometry(
      batch: 1, inputHeight: 1, inputWidth: 2, channels: 1, outputHeight: 1, outputWidth: 4)
    let corners = filled(4) {
      Upsampling.bilinearForward([0, 3], $0, alignCorners: true, geometry: g, slots: 1)
    }
    #expect(relativeError(corners, [0, 1, 2, 3] as [Double]) < 1e-6)
    let edges = filled(4) {
      Upsampling.bilinearForward([0, 4], $0, alignCorners: false, geometry: g, slots: 1)
    }
    #expect(edges == [0, 1, 3, 4])
  }

  @Test(arguments: [
    (1, 1, 1, 1, 0, 0, 0, 0), (2, 4, 5, 3, 1, 2, 3, 0), (9, 6, 6, 17, 2, 2, 2, 2),
    (1, 5, 4, 64, 4, 3, 0, 3), (2, 7, 7, 8, -1, 2, 1, -2), (1, 3, 9, 70, 1, 0, 0, 5),
  ])
  func padding(n: Int, h: Int, w: Int, c: Int, top: Int, bottom: Int, left: Int, right: Int) {
    let g = PaddingGeometry(
      batch: n, inputHeight: h, inputWidth: w, channels: c, top: top, bottom: bottom, left: left,
      right: right)
    let x = testNumbers(n * h * w * c, seed: 63)
    let count = n * g.outputHeight * g.outputWidth * c
    let gradient = testNumbers(count, seed: 64)
    for mode in [PaddingMode.constant(0), .constant(2.5), .reflect, .replicate] {
      let y = filled(count) { Padding.forward(x, $0, mode: mode, geometry: g, slots: 3) }
      #expect(doubles(y) == ReferencePadding.forward(doubles(x), mode: mode, g))
      let dx = filled(x.count) {
        Padding.backward(gradOutput: gradient, gradInput: $0, mode: mode, geometry: g, slots: 3)
      }
      if mode != .constant(2.5) { #expect(areAdjoint(x, y, gradient, dx)) }
    }
  }
}
