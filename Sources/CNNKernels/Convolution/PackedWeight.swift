import CNNKernelTypes

/// Weights brought into the form that an algorithm multiplies with, once for many forward passes.
///
/// The form depends on geometry and algorithm alone, not on batch, threads or processor.
extension Convolution {
  /// Returns the number of floats that `packWeight` writes: 0 where the forward pass reads the
  /// weight as it is, or where the geometry is not valid.
  package static func packedWeightCount(
    _ geometry: ConvolutionGeometry, algorithm: ConvolutionAlgorithm? = nil
  ) -> Int {
    guard geometry.isValid else { return 0 }
    let algorithm = packingAlgorithm(algorithm, geometry)
    switch algorithm {
    case .direct: return direct(geometry, 1, Kernels.active).packedWeightCount ?? 0
    case .winograd6, .winograd8:
      return winograd(geometry, 1, points(algorithm), Kernels.active).packedWeightCount ?? 0
    case .winogradRows: return winogradRows(geometry, 1, Kernels.active).packedWeightCount ?? 0
    case .im2row, .pointwise, .depthwise: return 0
    }
  }

  /// Writes the `packedWeightCount` numbers that `forward` may be given as `packedWeight`.
  ///
  /// - Parameters:
  ///   - packed: Where to write, aligned to 64 bytes.
  ///   - slots: The most threads that will work on the call.
  package static func packWeight(
    _ geometry: ConvolutionGeometry, weight: UnsafePointer<Float>,
    packed: UnsafeMutablePointer<Float>, slots: Int, algorithm: ConvolutionAlgorithm? = nil,
    kernels: KernelTable = Kernels.active
  ) {
    let algorithm = packingAlgorithm(algorithm, geometry)
    switch algorithm {
    case .direct:
      direct(geometry, 1, kernels).packWeight(weight, packed: packed, slots: slots)
    case .winograd6, .winograd8:
      winograd(geometry, 1, points(algorithm), kernels).packWeight(
        weight, packed: packed, slots: slots)
    case .winogradRows:
      winogradRows(geometry, 1, kernels).packWeight(weight, packed: packed, slots: slots)
    case .im2row, .pointwise, .depthwise: break
    }
  }

  /// Returns the algorithm that a weight is packed for: direct convolution where only small batches
  /// have use for a packed weight.
  private static func packingAlgorithm(
    _ wanted: ConvolutionAlgorithm?, _ geometry: ConvolutionGeometry
  ) -> ConvolutionAlgorithm {
    let usual = resolve(wanted, geometry, .forward)
    return wanted == nil && isQuickerDirect(geometry, usual) ? .direct : usual
  }
}
