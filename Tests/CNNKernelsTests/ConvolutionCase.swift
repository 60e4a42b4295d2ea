import CNNKernels
import Testing

/// A convolution to test, written down briefly.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  var geometry: ConvolutionGeometry
  var batch: Int

  /// - Parameters:
  ///   - padding: Top, left, bottom, right.
  init(
    _ height: Int, _ width: Int, _ channels: Int, to outputs: Int, kernel: (Int, Int),
    stride: (Int, Int) = (1, 1), dilation: (Int, Int) = (1, 1),
    padding: (Int, Int, Int, Int) = (0, 0, 0, 0), groups: Int = 1, batch: Int = 1
  ) {
    func size(_ input: Int, _ pad: Int, _ kernel: Int, _ dilation: Int, _ stride: Int) -> Int {
      (input + pad - (kernel - 1) * dilation - 1) / stride + 1
    }
    geometry = ConvolutionGeometry(
      inputHeight: height, inputWidth: width, inputChannels: channels,
      outputHeight: size(height, padding.0 + padding.2, kernel.0, dilation.0, stride.0),
      outputWidth: size(width, padding.1 + padding.3, kernel.1, dilation.1, stride.1),
      outputChannels: outputs, kernelHeight: kernel.0, kernelWidth: kernel.1,
      strideHeight: stride.0, strideWidth: stride.1, dilationHeight: dilation.0,
      dilationWidth: dilation.1, padTop: padding.0, padLeft: padding.1, groups: groups)
    self.batch = batch
  }

  var testDescription: String {
    let g = geometry
    return "\(batch)x\(g.inputHeight)x\(g.inputWidth)x\(g.inputChannels) to \(g.outputHeight)x"
      + "\(g.outputWidth)x\(g.outputChannels), kernel \(g.kernelHeight)x\(g.kernelWidth), stride "
      + "\(g.strideHeight)x\(g.strideWidth), dilation \(g.dilationHeight)x\(g.dilationWidth), "
      + "pad \(g.padTop) \(g.padLeft), groups \(g.groups)"
  }

  var inputCount: Int {
    batch * geometry.inputHeight * geometry.inputWidth * geometry.inputChannels
  }
  var outputCount: Int {
    batch * geometry.outputHeight * geometry.outputWidth * geometry.outputChannels
  }
  var weightCount: Int {
    geometry.outputChannels * geometry.kernelHeight * geometry.kernelWidth
      * (geometry.inputChannels / geometry.groups)
  }
  var input: [Float] { testNumbers(inputCount, seed: 1) }
  var weight: [Float] { testNumbers(weightCount, seed: 2) }
  var gradOutput: [Float] { testNumbers(outputCount, seed: 3) }
  var scale: [Float] { testNumbers(geometry.outputChannels, seed: 4) }
  var shift: [Float] { testNumbers(geometry.outputChannels, seed: 5) }

  /// The algorithms that can compute a pass, each of which is tested.
  func algorithms(_ pass: ConvolutionPass) -> [ConvolutionAlgorithm] {
    ConvolutionAlgorithm.allCases.filter { Convolution.supports($0, geometry, pass: pass) }
  }

  /// The largest error of a pass; what an algorithm cannot compute, the usual one does.
  func tolerance(_ algorithm: ConvolutionAlgorithm?, _ pass: ConvolutionPass) -> Float {
    guard let algorithm, Convolution.supports(algorithm, geometry, pass: pass) else {
      return Convolution.algorithm(for: geometry, pass: pass).tolerance
    }
    return algorithm.tolerance
  }

  /// The algorithms that can compute any pass.
  var algorithms: [ConvolutionAlgorithm] {
    ConvolutionAlgorithm.allCases.filter { algorithm in
      ConvolutionPass.allCases.contains {
        Convolution.supports(algorithm, geometry, pass: $0)
      }
    }
  }

  static let all: [ConvolutionCase] = {
    var cases: [ConvolutionCase] = []
    for (index, channels) in [1, 3, 8, 17, 64].enumerated() {
      for (turn, size) in [1, 2, 3, 5, 7, 13].enumerated() {
        let kernel = (min(size, 1 + (index + turn) % 3), min(size, 1 + turn % 4))
        cases.append(
          ConvolutionCase(
            size, [13, 7, 5, 3, 2, 13][turn], channels, to: [17, 1, 8, 3, 64][(index + turn) % 5],
            kernel: (kernel.0, min(kernel.1, [13, 7, 5, 3, 2, 13][turn])),
            stride: (1 + turn % 3, 1 + index % 3), padding: (turn % 2, index % 2, index % 3, 1),
            batch: turn % 2 == 0 ? 3 : 1))
      }
    }
    return cases + special + grouped + direct + winograd + cut + rows
  }()

  static let special = [
    ConvolutionCase(7, 7, 17, to: 8, kernel: (1, 1), batch: 3),
    ConvolutionCase(1, 1, 64, to: 17, kernel: (1, 1), batch: 3),
    ConvolutionCase(13, 13, 8, to: 17, kernel: (1, 1), stride: (2, 2)),
    ConvolutionCase(13, 11, 8, to: 8, kernel: (3, 3), dilation: (2, 2), padding: (2, 2, 2, 2)),
    ConvolutionCase(
      13, 11, 3, to: 5, kernel: (3, 2), stride: (2, 3), dilation: (2, 1), padding: (2, 0, 1, 1),
      batch: 3),
    ConvolutionCase(9, 9, 3, to: 32, kernel: (7, 7), padding: (3, 3, 3, 3), batch: 3),
    ConvolutionCase(23, 23, 3, to: 24, kernel: (11, 11), stride: (4, 4), batch: 2),
    ConvolutionCase(5, 5, 4, to: 6, kernel: (3, 3), stride: (3, 3), padding: (0, 0, 1, 1)),
    ConvolutionCase(3, 3, 2, to: 4, kernel: (3, 3), padding: (5, 4, 5, 4)),
    ConvolutionCase(4, 4, 64, to: 64, kernel: (3, 3), padding: (1, 1, 1, 1), batch: 3),
    ConvolutionCase(28, 28, 16, to: 40, kernel: (3, 3), padding: (1, 1, 1, 1), batch: 2),
    ConvolutionCase(6, 6, 3, to: 4, kernel: (2, 2), stride: (3, 3)),
    ConvolutionCase(6, 40, 19, to: 150, kernel: (3, 5), padding: (1, 2, 1, 2), batch: 2),
    ConvolutionCase(5, 5, 160, to: 33, kernel: (3, 3), padding: (1, 1, 1, 1)),
  ]

  static let grouped = [
    ConvolutionCase(7, 7, 8, to: 12, kernel: (3, 3), padding: (1, 1, 1, 1), groups: 2, batch: 3),
    ConvolutionCase(
      7, 5, 9, to: 6, kernel: (3, 2), stride: (2, 1), padding: (0, 1, 1, 0), groups: 3),
    ConvolutionCase(
      8, 8, 64, to: 64, kernel: (3, 3), dilation: (2, 1), padding: (2, 1, 2, 1), groups: 4),
    ConvolutionCase(13, 7, 17, to: 17, kernel: (3, 3), padding: (1, 1, 1, 1), groups: 17, batch: 3),
    ConvolutionCase(
      13, 13, 17, to: 34, kernel: (5, 3), stride: (2, 3), padding: (2, 0, 1, 1), groups: 17),
    ConvolutionCase(
      9, 9, 64, to: 64, kernel: (3, 3), stride: (2, 2), padding: (0, 0, 1, 1), groups: 64, batch: 3),
    ConvolutionCase(
      7, 7, 8, to: 16, kernel: (3, 3), dilation: (2, 2), padding: (2, 2, 2, 2), groups: 8),
    ConvolutionCase(5, 5, 3, to: 9, kernel: (2, 2), groups: 3, batch: 2),
    ConvolutionCase(7, 7, 40, to: 40, kernel: (1, 1), groups: 40, batch: 2),
    ConvolutionCase(
      30, 30, 24, to: 24, kernel: (3, 3), padding: (1, 1, 1, 1), groups: 24, batch: 2),
  ]

  /// Square kernels of 3, 5 and 7 without stride: tiles that fit, tiles that do not, and planes
  /// that are smaller than a tile.
  static let winograd: [ConvolutionCase] = {
    var cases: [ConvolutionCase] = []
    let paddings = [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2), (1, 0, 2, 1), (0, 2, 1, 1)]
    for (turn, size) in [1, 2, 3, 5, 7, 13, 31].enumerated() {
      for (index, kernel) in [3, 5, 7].enumerated() {
        let choice = turn + index
        let padding = size < kernel ? (3, 3, 3, 3) : paddings[choice % 5]
        cases.append(
          ConvolutionCase(
            size, size == 31 ? 19 : size, [1, 3, 8, 17, 64][choice % 5],
            to: [17, 64, 1, 8, 3][turn % 5], kernel: (kernel, kernel), padding: padding,
            batch: choice % 2 == 0 ? 3 : 1))
      }
    }
    return cases + [
      // More input channels than are multiplied at a time, and more weights than are held.
      ConvolutionCase(5, 5, 210, to: 225, kernel: (3, 3), padding: (1, 1, 1, 1), batch: 2),
      // More tiles than are transformed at a time.
      ConvolutionCase(13, 13, 300, to: 3, kernel: (3, 3), padding: (1, 1, 1, 1), batch: 8),
      ConvolutionCase(20, 20, 3, to: 300, kernel: (3, 3), batch: 6),
    ]
  }()

  /// Square kernels that are cut into small ones: large ones, and such with a stride.
  static let cut: [ConvolutionCase] = {
    let kernels = [(7, 1), (11, 1), (9, 1), (3, 2), (5, 2), (7, 2), (11, 4), (13, 3)]
    return kernels.enumerated().map { turn, kernel in
      ConvolutionCase(
        [29, 16, 13, 31][turn % 4], [31, 13, 17, 14][turn % 4], [3, 16, 17, 32, 1][turn % 5],
        to: [8, 17, 3][turn % 3], kernel: (kernel.0, kernel.0), stride: (kernel.1, kernel.1),
        padding: [(3, 3, 3, 3), (0, 1, 2, 0), (5, 4, 5, 6)][turn % 3], batch: 1 + turn % 3)
    }
  }()
}
