import CNNKernels
import CNNLayerKit

/// What one step of prediction does after a convolution or a linear layer:
/// `activation(sum · scale + shift + addend)`, with a batch norm folded into scale and shift.
///
/// With running mean m and variance v, batch norm computes
/// `weight · (x + bias - m) / √(v + epsilon) + shift`, so `scale = weight / √(v + epsilon)` and
/// `shift' = shift + (bias - m) · scale` (Jacob et al. 2018, section 3.2).
struct FusedTail: Sendable {
  private(set) var normalization: (any ChannelAffine)?
  private(set) var activation: ConvolutionEpilogue.Activation = .none
  /// Whether a sum was absorbed, whose other term is the last input.
  private(set) var hasAddend = false

  /// Whether nothing was absorbed, so that the layer in front can still be trained.
  var isEmpty: Bool { normalization == nil && activation == .none && !hasAddend }

  /// The tail with a sum at its end, or nil if that is not of this form.
  var withAddend: FusedTail? {
    guard !hasAddend, activation == .none else { return nil }
    var tail = self
    tail.hasAddend = true
    return tail
  }

  /// Returns the tail with `next` at its end, or nil if that is not of this form.
  func absorbing(_ next: any Layer, channels: Int) -> FusedTail? {
    var tail = self
    if isEmpty, let next = next as? any ChannelAffine, next.channels == channels {
      tail.normalization = next
      return tail
    }
    guard activation == .none, next.parameters.isEmpty, next.states.isEmpty else { return nil }
    switch next.elementaryFunction {
    case .rectifier?: tail.activation = .relu
    case .leakyRectifier(let negativeSlope)?: tail.activation = .leakyRelu(slope: negativeSlope)
    default: return nil
    }
    return tail
  }

  /// The parameters of what was absorbed.
  var parameters: [ParameterDeclaration] { normalization?.parameters ?? [] }
  /// The states of what was absorbed.
  var states: [ParameterDeclaration] { normalization?.states ?? [] }
  /// Scale and shift of each channel, if there is a batch norm.
  var preparedCount: Int { normalization.map { 2 * $0.channels } ?? 0 }

  /// Writes scale and shift.
  ///
  /// - Parameters:
  ///   - firstParameter: How many parameters the layer in front has.
  ///   - bias: The bias of the layer in front, if it has one.
  func prepare(
    _ call: borrowing PrepareCall, firstParameter: Int, bias: UnsafePointer<Float>?
  ) throws(CNNError) {
    guard let normalization else { return }
    let (scale, shift) = try folded(call.prepared, channels: normalization.channels)
    for channel in 0..<normalization.channels {
      let own = try normalization.scaleAndShift(
        of: channel, parameters: call.parameters.dropFirst(firstParameter), states: call.states)
      scale[channel] = Float(own.scale)
      shift[channel] = Float(own.shift + Double(bias.map { $0[channel] } ?? 0) * own.scale)
    }
  }

  /// Returns what the kernel does with its sums.
  func epilogue(
    prepared: UnsafeMutableBufferPointer<Float>, bias: UnsafePointer<Float>?,
    addend: UnsafePointer<Float>? = nil
  ) throws(CNNError) -> ConvolutionEpilogue {
    guard let normalization else {
      return ConvolutionEpilogue(shift: bias, addend: addend, activation: activation)
    }
    let (scale, shift) = try folded(prepared, channels: normalization.channels)
    return ConvolutionEpilogue(scale: scale, shift: shift, addend: addend, activation: activation)
  }

  /// Returns where scale and shift lie.
  private func folded(
    _ prepared: UnsafeMutableBufferPointer<Float>, channels: Int
  ) throws(CNNError) -> (scale: UnsafeMutablePointer<Float>, shift: UnsafeMutablePointer<Float>) {
    guard let base = prepared.baseAddress, prepared.count >= 2 * channels else {
      throw CNNError(.internal, "the call has no prepared scale and shift for batch_norm")
    }
    return (base, base + channels)
  }

  /// Throws `unsupported` unless nothing was absorbed.
  func requireTrainable(_ type: String) throws(CNNError) {
    guard isEmpty else {
      throw CNNError(
        .unsupported, "\(type) fused with the layers behind it can only predict; train it unfused")
    }
  }
}
