import CNNKernelTypes

/// What happens to a convolution's sums before they are stored:
/// `activation(sum · scale + shift + addend)`.
///
/// A bias is a shift; a batch norm of fixed statistics is a scale and a shift; what another path of a
/// residual block brings is an addend.
package struct ConvolutionEpilogue {
  /// The function at the end.
  package enum Activation: Sendable, Hashable {
    /// The identity.
    case none
    /// The larger of x and 0.
    case relu
    /// x where it is positive, elsewhere x times the slope.
    case leakyRelu(slope: Float)
  }

  /// One factor for each output channel, or nil for 1.
  package var scale: UnsafePointer<Float>?
  /// One term for each output channel, or nil for 0.
  package var shift: UnsafePointer<Float>?
  /// One term for each output number, in the order of the output, or nil for 0.
  ///
  /// May be the memory of the output. Only where `Convolution.takesAddend(_:)` says so.
  package var addend: UnsafePointer<Float>?
  /// The function at the end.
  package var activation: Activation

  package init(
    scale: UnsafePointer<Float>? = nil, shift: UnsafePointer<Float>? = nil,
    addend: UnsafePointer<Float>? = nil, activation: Activation = .none
  ) {
    self.scale = scale
    self.shift = shift
    self.addend = addend
    self.activation = activation
  }

  var isIdentity: Bool { scale == nil && shift == nil && activation == .none }

  /// The factor of negative numbers: 1 where there is no activation.
  var slope: Float {
    switch activation {
    case .none: 1
    case .relu: 0
    case .leakyRelu(let slope): slope
    }
  }

  /// Applies everything but addends to a block of rows whose first column is the channel `channel`.
  func apply(
    _ block: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int, channel: Int = 0,
    kernels: KernelTable
  ) {
    guard !isIdentity else { return }
    kernels.convolution.scaleShiftActivate(
      block, rows, columns, stride, scale.map { $0 + channel }, shift.map { $0 + channel }, slope)
  }
}

extension ConvolutionEpilogue {
  /// Applies everything but addends to `rows` x `channels` numbers in place, on up to `slots` threads.
  package func apply(
    to matrix: UnsafeMutablePointer<Float>, rows: Int, channels: Int, slots: Int
  ) {
    guard !isIdentity, channels > 0 else { return }
    ThreadPool.parallelRanges(
      count: rows, grain: max(1, (1 << 15) / channels), slots: slots
    ) { range, _ in
      apply(
        matrix + range.lowerBound * channels, rows: range.count, columns: channels,
        stride: channels, kernels: Kernels.active)
    }
  }
}
