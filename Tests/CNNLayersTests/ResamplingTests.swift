import CNNLayerKit
import Testing

@Suite struct ResamplingTests {
  private static let square: [Float] = [1, 2, 3, 4]

  @Test func nearest() throws {
    let y = try run("upsample2d", ["scale_factor": 2], [[2, 2, 1]], [ResamplingTests.square])
    #expect(y[0] == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])
    let smaller = try run(
      "upsample2d", ["size": [1, 2]], [[2, 4, 1]], [[1, 2, 3, 4, 5, 6, 7, 8]])
    #expect(smaller[0] == [1, 3])
  }

  /// PyTorch's own example.
  ///
  /// torch.nn.Upsample(scale_factor=2, mode="bilinear")(torch.tensor([[[[1., 2.], [3., 4.]]]]))
  @Test func bilinear() throws {
    let y = try run(
      "upsample2d", ["scale_factor": 2, "mode": "bilinear"], [[2, 2, 1]], [ResamplingTests.square])
    expectClose(
      y[0],
      [
        1, 1.25, 1.75, 2,
        1.5, 1.75, 2.25, 2.5,
        2.5, 2.75, 3.25, 3.5,
        3, 3.25, 3.75, 4,
      ])
  }

  /// The same with align_corners=True.
  @Test func bilinearWithAlignedCorners() throws {
    let y = try run(
      "upsample2d", ["scale_factor": 2, "mode": "bilinear", "align_corners": true], [[2, 2, 1]],
      [ResamplingTests.square])
    let expected = (0..<16).map { index -> Float in
      let (row, column) = (Float(index / 4), Float(index % 4))
      return 1 + column / 3 + 2 * row / 3
    }
    expectClose(y[0], expected)
  }

  @Test func constantPadding() throws {
    let y = try run(
      "pad2d", ["padding": [[1, 0], [0, 2]], "value": -1], [[2, 2, 1]], [ResamplingTests.square])
    #expect(y[0] == [-1, -1, -1, -1, 1, 2, -1, -1, 3, 4, -1, -1])
  }

  /// PyTorch's own example.
  ///
  /// torch.nn.ReflectionPad2d(2)(torch.arange(9.).reshape(1, 1, 3, 3))
  @Test func reflectedPadding() throws {
    let y = try run(
      "pad2d", ["padding": 2, "mode": "reflect"], [[3, 3, 1]], [(0..<9).map { Float($0) }])
    let rows = [2, 1, 0, 1, 2, 1, 0]
    #expect(y[0] == rows.flatMap { row in rows.map { Float(3 * row + $0) } })
  }

  @Test func replicatedPadding() throws {
    let y = try run(
      "pad2d", ["padding": [1, 2], "mode": "replicate"], [[2, 2, 1]], [ResamplingTests.square])
    let (top, bottom): ([Float], [Float]) = ([1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4])
    #expect(y[0] == top + top + bottom + bottom)
  }
}
