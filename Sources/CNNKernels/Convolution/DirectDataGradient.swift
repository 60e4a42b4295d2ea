import CNNKernelTypes
import Glibc

/// The gradient of a convolution's input as direct convolutions of the output's gradient.
///
/// Without stride it is one convolution with the weight turned around. With a stride s, the input's
/// lines fall into s classes by their residue: those of a class meet every s-th line of the kernel
/// alone, and their gradients are a convolution without stride with that part of the kernel (columns
/// likewise). Each class writes its own pixels, so nothing is added up in memory, and all pixels can
/// be computed side by side.
struct DirectDataGradient {
  let geometry: ConvolutionGeometry
  let batch: Int
  let kernels: KernelTable

  /// The lines (or columns) of the input with the same residue.
  private struct AxisClass {
    /// The first of them, and how many there are.
    let first: Int
    let count: Int
    /// The first line of the kernel that they meet, the distance to the next, and how many there are.
    let residue: Int
    let step: Int
    let taps: Int
    /// Zeros in front of the output's gradient.
    let padding: Int
  }

  private static func axisClass(
    _ residue: Int, stride: Int, input: Int, kernel: Int, dilation: Int, padding: Int
  ) -> AxisClass {
    let distance = (residue - padding % stride + stride) % stride
    let count = distance < input ? (input - 1 - distance) / stride + 1 : 0
    let taps = residue < kernel ? (kernel - 1 - residue) / stride + 1 : 0
    let start = (distance + padding - residue) / stride
    return AxisClass(
      first: distance, count: count, residue: residue, step: stride, taps: taps,
      padding: (taps - 1) * dilation - start)
  }

  private func vertical(_ residue: Int) -> AxisClass {
    let g = geometry
    return DirectDataGradient.axisClass(
      residue, stride: g.strideHeight, input: g.inputHeight, kernel: g.kernelHeight,
      dilation: g.dilationHeight, padding: g.padTop)
  }

  private func horizontal(_ residue: Int) -> AxisClass {
    let g = geometry
    return DirectDataGradient.axisClass(
      residue, stride: g.strideWidth, input: g.inputWidth, kernel: g.kernelWidth,
      dilation: g.dilationWidth, padding: g.padLeft)
  }

  private var classCount: Int { geometry.strideHeight * geometry.strideWidth }

  /// The convolution of a class; no pixels or no taps mean that there is nothing to compute.
  private struct Part {
    let rows: AxisClass
    let columns: AxisClass
    let convolution: DirectConvolution

    var isEmpty: Bool { rows.count == 0 || columns.count == 0 }
    var isZero: Bool { rows.taps == 0 || columns.taps == 0 }
  }

  private func part(_ index: Int) -> Part {
    let g = geometry
    let rows = vertical(index / g.strideWidth)
    let columns = horizontal(index % g.strideWidth)
    let twin = ConvolutionGeometry(
      inputHeight: g.outputHeight, inputWidth: g.outputWidth, inputChannels: g.outputChannels,
      outputHeight: rows.count, outputWidth: columns.count, outputChannels: g.inputChannels,
      kernelHeight: rows.taps, kernelWidth: columns.taps, dilationHeight: g.dilationHeight,
      dilationWidth: g.dilationWidth, padTop: rows.padding, padLeft: columns.padding,
      groups: g.groups)
    let line = g.inputWidth * g.inputChannels
    return Part(
      rows: rows, columns: columns,
      convolution: DirectConvolution(
        geometry: twin, batch: batch, kernels: kernels,
        placement: DirectConvolution.OutputPlacement(
          pixelStride: g.strideWidth * g.inputChannels, lineStride: g.strideHeight * line,
          sampleStride: g.inputCount)))
  }

  /// The most classes, so that neither planning nor packing takes longer than the work.
  private static let maximumStride = 8

  /// Returns whether the gradient can be computed so.
  ///
  /// It can not with stride and dilation along the same axis, with a stride above 8, or where padding
  /// is wider than the part of the kernel that some pixel meets.
  static func supports(_ g: ConvolutionGeometry) -> Bool {
    guard g.isValid, g.strideHeight <= maximumStride, g.strideWidth <= maximumStride,
      g.strideHeight == 1 || g.dilationHeight == 1, g.strideWidth == 1 || g.dilationWidth == 1
    else { return false }
    let gradient = DirectDataGradient(geometry: g, batch: 1, kernels: Kernels.active)
    func fits(_ part: AxisClass) -> Bool { part.count == 0 || part.taps == 0 || part.padding >= 0 }
    return (0..<g.strideHeight).allSatisfy { fits(gradient.vertical($0)) }
      && (0..<g.strideWidth).allSatisfy { fits(gradient.horizontal($0)) }
  }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  func scratchCount(slots: Int) -> Int? {
    var largest = 0
    var index = 0
    while index < classCount {
      let part = part(index)
      if !part.isEmpty, !part.isZero {
        guard let count = part.convolution.scratchCount(slots: slots, packed: false) else {
          return nil
        }
        largest = max(largest, count)
      }
      index += 1
    }
    return largest
  }

  /// Computes the gradient of the input, which is overwritten.
  func compute(
    gradOutput: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    var index = 0
    if (0..<classCount).contains(where: { part($0).isZero }) { clear(gradInput, slots) }
    while index < classCount {
      let part = part(index)
      index += 1
      guard !part.isEmpty, !part.isZero else { continue }
      pack(part, weight, to: scratch, slots)
      part.convolution.multiply(
        input: gradOutput, panels: scratch, epilogue: ConvolutionEpilogue(),
        output: gradInput + (part.rows.first * g.inputWidth + part.columns.first) * g.inputChannels,
        scratch: scratch + (part.convolution.packedWeightCount ?? 0), slots: slots)
    }
  }

  /// For pixels that no window reaches.
  private func clear(_ gradInput: UnsafeMutablePointer<Float>, _ slots: Int) {
    ThreadPool.parallelRanges(
      count: batch * geometry.inputCount, grain: Grain.memory, slots: slots
    ) { range, _ in
      memset(gradInput + range.lowerBound, 0, range.count * MemoryLayout<Float>.stride)
    }
  }

  /// Packs a class's part of the weight, turned around: 16 input channels beside each other.
  private func pack(
    _ part: Part, _ weight: UnsafePointer<Float>, to packed: UnsafeMutablePointer<Float>,
    _ slots: Int
  ) {
    let g = geometry
    let (rows, columns) = (part.rows, part.columns)
    part.convolution.forEachPanel(packed, slots) { target, first, channels in
      let group = first / g.groupInputChannels
      let source =
        weight + group * g.groupOutputChannels * g.depth + first % g.groupInputChannels
      var next = target
      var tap = 0
      while tap < rows.taps * columns.taps {
        let kh = rows.residue + (rows.taps - 1 - tap / columns.taps) * rows.step
        let kw = columns.residue + (columns.taps - 1 - tap % columns.taps) * columns.step
        let row = source + (kh * g.kernelWidth + kw) * g.groupInputChannels
        var channel = 0
        while channel < g.groupOutputChannels {
          part.convolution.copyRow(row + channel * g.depth, channels, to: next)
          next += DirectConvolution.panelWidth
          channel += 1
        }
        tap += 1
      }
    }
  }
}
