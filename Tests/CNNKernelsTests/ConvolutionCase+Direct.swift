extension ConvolutionCase {
  /// What the direct algorithms cut in their own ways: strides into classes, channels into blocks of
  /// 16, planes into units of some 200 positions.
  static let direct = [
    // Pixels that no window reaches; kernels smaller than the stride along one axis.
    ConvolutionCase(13, 13, 64, to: 64, kernel: (1, 1), stride: (2, 2), batch: 3),
    ConvolutionCase(14, 9, 17, to: 33, kernel: (2, 1), stride: (3, 2), padding: (1, 0, 0, 0)),
    ConvolutionCase(7, 7, 8, to: 17, kernel: (2, 2), stride: (2, 2), padding: (1, 1, 1, 1)),
    // Classes of different sizes.
    ConvolutionCase(
      31, 31, 17, to: 8, kernel: (7, 7), stride: (2, 2), padding: (3, 3, 3, 3), batch: 3),
    ConvolutionCase(
      31, 13, 8, to: 33, kernel: (5, 3), stride: (4, 3), padding: (2, 1, 1, 2), batch: 3),
    ConvolutionCase(
      7, 7, 64, to: 64, kernel: (3, 3), stride: (2, 2), padding: (1, 1, 1, 1), batch: 11),
    ConvolutionCase(
      31, 5, 8, to: 24, kernel: (3, 3), stride: (1, 2), dilation: (2, 1), padding: (2, 0, 1, 1)),
    ConvolutionCase(
      13, 13, 36, to: 54, kernel: (3, 3), stride: (2, 2), padding: (0, 1, 1, 0), groups: 2,
      batch: 2),
    ConvolutionCase(33, 33, 8, to: 8, kernel: (11, 3), stride: (9, 1)),
    // Several units, and lines longer than a unit.
    ConvolutionCase(31, 31, 3, to: 17, kernel: (7, 7), padding: (3, 3, 3, 3), batch: 3),
    ConvolutionCase(3, 230, 3, to: 9, kernel: (3, 3), padding: (1, 1, 1, 1), batch: 2),
    ConvolutionCase(31, 31, 17, to: 16, kernel: (3, 3), padding: (2, 0, 0, 1)),
    ConvolutionCase(13, 13, 64, to: 160, kernel: (1, 1), batch: 3),
  ]

  /// Kernels five to seven wide without stride: tiles that fit and that do not, samples in one band
  /// and in several, more lines than are multiplied at a time.
  static let rows: [ConvolutionCase] = {
    var cases: [ConvolutionCase] = []
    for (turn, size) in [1, 2, 3, 5, 7, 13, 31].enumerated() {
      for (index, width) in [5, 6, 7].enumerated() {
        let choice = turn + index
        cases.append(
          ConvolutionCase(
            [size, 7, 31][index], size, [1, 3, 8, 17, 4][choice % 5],
            to: [17, 64, 8, 33, 3][turn % 5],
            kernel: ([1, 3, 7, 5][choice % 4], width),
            padding: size < width
              ? (3, 3, 3, 3) : [(0, 0, 0, 0), (3, 3, 3, 3), (0, 2, 5, 1)][choice % 3],
            batch: choice % 2 == 0 ? 3 : 1))
      }
    }
    return cases + [
      ConvolutionCase(32, 32, 3, to: 32, kernel: (7, 7), padding: (3, 3, 3, 3), batch: 21),
      ConvolutionCase(60, 75, 3, to: 20, kernel: (7, 7), padding: (3, 3, 3, 3)),
      ConvolutionCase(9, 500, 16, to: 16, kernel: (5, 5), padding: (4, 7, 4, 7)),
      ConvolutionCase(3, 3, 2, to: 9, kernel: (5, 5), padding: (9, 8, 9, 8)),
    ]
  }()
}
