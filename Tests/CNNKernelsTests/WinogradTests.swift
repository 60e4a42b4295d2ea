import CNNKernelTypes
import CNNKernels
import Testing

/// The transforms of the Winograd family against the matrices that they stand for.
@Suite struct WinogradTests {
  struct Size: Sendable, CustomTestStringConvertible {
    var points: Int
    var kernelSize: Int
    var pixels: Int { points - kernelSize + 1 }
    var positions: Int { points * points }
    var matrices: ReferenceWinograd { ReferenceWinograd(points: points, kernelSize: kernelSize) }
    var testDescription: String { "F(\(pixels)x\(pixels), \(kernelSize)x\(kernelSize))" }

    /// A whole tile of 16 channels in an image of just its size.
    func tile(_ side: Int) -> WinogradTile {
      WinogradTile(
        points: points, pixels: side, origin: 0, lineStride: side * 16, pixelStride: 16, top: 0,
        bottom: side, left: 0, right: side, channels: 16, positionStride: 16, panelStride: 0)
    }
  }
  static let sizes = [6, 8].flatMap { points in (2...5).map { (points, $0) } }.map {
    Size(points: $0, kernelSize: $1)
  }
  static let variants = [Kernels.baseline, Kernels.active]

  /// The numbers of one of 16 channels.
  private func channel(_ index: Int, of numbers: [Float]) -> [Float] {
    stride(from: index, to: numbers.count, by: 16).map { numbers[$0] }
  }

  /// Expects that each channel of `actual` is the transform of the same channel of `source`.
  private func expectTransform(
    _ left: [[Double]], of source: [Float], _ actual: [Float], _ comment: Comment
  ) {
    for index in 0..<16 {
      let expected = ReferenceWinograd.transform(left, channel(index, of: source)).map { Float($0) }
      #expect(relativeError(channel(index, of: actual), expected) < 1e-6, comment)
    }
  }

  @Test(arguments: sizes) func matricesComputeCorrelations(size: Size) {
    let matrices = size.matrices
    let d = testNumbers(size.points, seed: 1).map(Double.init)
    let g = testNumbers(size.kernelSize, seed: 2).map(Double.init)
    func apply(_ matrix: [[Double]], _ x: [Double]) -> [Double] {
      matrix.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    let products = zip(apply(matrices.g, g), apply(matrices.transposedB, d)).map { $0 * $1 }
    let y = apply(ReferenceWinograd.transposed(matrices.a), products)
    for i in 0..<size.pixels {
      let expected = g.indices.reduce(0) { $0 + g[$1] * d[i + $1] }
      #expect(abs(y[i] - expected) < 1e-12)
    }
  }

  @Test(arguments: sizes) func tilesAreTransformedByTheMatrices(size: Size) {
    let matrices = size.matrices
    let input = testNumbers(size.positions * 16, seed: 3)
    let gradient = testNumbers(size.pixels * size.pixels * 16, seed: 4)
    let affine = [Float](repeating: 1, count: 16) + [Float](repeating: 0, count: 16)
    for kernels in Self.variants {
      withScratch(4096) { temporary in
        var transformed = [Float](repeating: .nan, count: input.count)
        kernels.winograd.transformInput(size.tile(size.points), input, &transformed, temporary)
        expectTransform(matrices.transposedB, of: input, transformed, "input")
        kernels.winograd.transformGradient(
          size.tile(size.pixels), gradient, &transformed, temporary)
        expectTransform(matrices.a, of: gradient, transformed, "gradient")
        var output = [Float](repeating: .nan, count: gradient.count)
        kernels.winograd.transformOutput(
          size.tile(size.pixels), input, affine, 1, &output, temporary)
        expectTransform(ReferenceWinograd.transposed(matrices.a), of: input, output, "output")
      }
    }
  }

  @Test(arguments: sizes) func weightsAreTransformedByTheMatrices(size: Size) {
    let matrices = size.matrices
    let taps = size.kernelSize * size.kernelSize
    let weight = testNumbers(taps * 16, seed: 5)
    let sums = testNumbers(size.positions * 16, seed: 6)
    for kernels in Self.variants {
      withScratch(4096) { temporary in
        var transformed = [Float](repeating: .nan, count: sums.count)
        kernels.winograd.transformWeight(
          WinogradWeight(
            points: size.points, kernelSize: size.kernelSize, tapStride: 16, channelStride: 0,
            outputStride: 1, channels: 1, outputs: 16, positionStride: 16),
          weight, &transformed, temporary)
        expectTransform(matrices.g, of: weight, transformed, "weight")
        var gradient = [Float](repeating: 0, count: weight.count)
        kernels.winograd.transformWeightGradient(
          WinogradGradient(
            points: size.points, tiles: 0, outputs: 1, channels: 16, outputPositionStride: 0,
            inputPositionStride: 0, panelStride: 0, sumPositionStride: 16, sumStride: 0,
            kernelSize: size.kernelSize, depth: 0, tapStride: 16),
          sums, &gradient, temporary)
        expectTransform(ReferenceWinograd.transposed(matrices.g), of: sums, gradient, "gradient")
      }
    }
  }

  // MARK: Kernels that are cut

  @Test(arguments: [
    // kernel, stride, size of the small kernels, how many there are along an axis
    (3, 1, 3, 1), (7, 1, 4, 2), (7, 1, 2, 4), (5, 1, 3, 2), (7, 2, 4, 2), (11, 4, 3, 4),
    (3, 2, 2, 2),
    (11, 1, 4, 3), (9, 2, 2, 6), (2, 1, 2, 1),
  ]) func everyTapIsInOneSmallKernel(kernel: Int, stride: Int, size: Int, count: Int) {
    let split = KernelSplit(kernelSize: kernel, stride: stride, size: size)
    #expect(split.count == count)
    #expect(split.isWhole == (count == 1))
    var uses = [Int](repeating: 0, count: kernel)
    for part in 0..<count {
      for tap in 0..<size where split.offset(part) + tap * stride < kernel {
        uses[split.offset(part) + tap * stride] += 1
      }
    }
    #expect(uses == [Int](repeating: 1, count: kernel))
  }

  @Test func cutWeightsAreJoinedAgain() {
    let split = KernelSplit(kernelSize: 7, stride: 2, size: 2)
    let weight = testNumbers(5 * 49 * 3, seed: 7)
    var cut = [Float](repeating: .nan, count: split.weightCount(outputs: 5, channels: 3) ?? 0)
    split.cut(weight, outputs: 5, channels: 3, to: &cut, slots: 2)
    #expect(cut.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } == weight.count)
    var joined = weight
    split.addJoined(
      cut, outputs: 5, channels: 3, to: &joined, slots: 2, kernels: Kernels.active)
    #expect(joined == weight.map { 2 * $0 })
  }
}
