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
}
