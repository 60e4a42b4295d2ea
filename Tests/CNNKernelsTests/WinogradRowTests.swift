import CNNKernelTypes
import CNNKernels
import Testing

/// The transforms of minimal filtering along lines against the matrices that they stand for.
@Suite struct WinogradRowTests {
  static let variants = [Kernels.baseline, Kernels.active]

  /// Returns matrix · x for each of 16 channels that lie beside each other.
  private func apply(_ matrix: [[Double]], _ x: [Float]) -> [Float] {
    matrix.flatMap { row in
      (0..<16).map { channel in
        Float(row.indices.reduce(0) { $0 + row[$1] * Double(x[$1 * 16 + channel]) })
      }
    }
  }

  @Test(arguments: [5, 6, 7]) func matricesComputeCorrelations(taps: Int) {
    let matrices = ReferenceWinograd(points: 10, kernelSize: taps)
    let d = testNumbers(160, seed: 1)
    let g = testNumbers(taps * 16, seed: 2)
    let products = zip(apply(matrices.g, g), apply(matrices.transposedB, d)).map { $0 * $1 }
    let y = apply(ReferenceWinograd.transposed(matrices.a), products)
    var expected = [Float](repeating: 0, count: (11 - taps) * 16)
    for index in expected.indices {
      for tap in 0..<taps { expected[index] += g[tap * 16 + index % 16] * d[index + tap * 16] }
    }
    #expect(relativeError(y, expected) < 1e-5)
  }

  @Test(arguments: [5, 6, 7]) func tilesAreTransformedByTheMatrices(taps: Int) {
    let pixels = 11 - taps
    let matrices = ReferenceWinograd(points: 10, kernelSize: taps)
    let input = testNumbers(160 + 8, seed: 3)
    let gradient = testNumbers(pixels * 16, seed: 4)
    let affine = [Float](repeating: 1, count: 16) + [Float](repeating: 0, count: 16)
    let lines = WinogradLines(
      pixels: pixels, tiles: 1, lines: 1, width: pixels, pixelStride: 16, lineStride: 0,
      channels: 16, positionStride: 16)
    for kernels in Self.variants {
      var transformed = [Float](repeating: .nan, count: 160)
      kernels.winogradRows.transformInput(pixels, 16, 1, input, &transformed, 16, 0)
      #expect(relativeError(transformed, apply(matrices.transposedB, input)) < 1e-6)
      kernels.winogradRows.transformGradient(lines, gradient, &transformed)
      #expect(relativeError(transformed, apply(matrices.a, gradient)) < 1e-6)
      var output = [Float](repeating: .nan, count: gradient.count)
      kernels.winogradRows.transformOutput(lines, input, affine, 1, &output)
      let expected = apply(ReferenceWinograd.transposed(matrices.a), input)
      #expect(relativeError(output, expected) < 1e-6)
    }
  }

  @Test(arguments: [5, 6, 7]) func weightsAreTransformedByTheMatrices(taps: Int) {
    let matrices = ReferenceWinograd(points: 10, kernelSize: taps)
    let numbers = testNumbers(taps * 16, seed: 5)
    let sums = testNumbers(160, seed: 6)
    // One row, one channel: `[output][tap]`.
    let weight = (0..<(taps * 16)).map { numbers[$0 % taps * 16 + $0 / taps] }
    let description = WinogradRowWeight(
      taps: taps, rows: 1, channels: 1, outputs: 16, positionStride: 16)
    for kernels in Self.variants {
      var transformed = [Float](repeating: .nan, count: 160)
      kernels.winogradRows.transformWeight(description, weight, &transformed)
      #expect(relativeError(transformed, apply(matrices.g, numbers)) < 1e-6)
      var gradient = weight
      kernels.winogradRows.transformWeightGradient(description, sums, &gradient)
      let added = apply(ReferenceWinograd.transposed(matrices.g), sums)
      let expected = weight.indices.map { weight[$0] + added[$0 % taps * 16 + $0 / taps] }
      #expect(relativeError(gradient, expected) < 1e-6)
    }
  }
}
