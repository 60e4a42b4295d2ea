import CNNKernelTypes

/// The way in which a convolution is computed; all give the same result up to rounding.
package enum ConvolutionAlgorithm: Sendable, Hashable, CaseIterable {
  /// Windows written out as rows, in blocks, times the weight: any geometry.
  case im2row
  /// The input itself, as a matrix, times the weight: 1x1 kernels without stride and padding.
  case pointwise
  /// Each channel by itself in vector registers: as many groups as input channels.
  case depthwise
  /// Windows multiplied where they lie in the image: any geometry, but for the gradient of the
  /// input with stride and dilation or with very wide padding.
  case direct
  /// Winograd's minimal filtering on tiles of 6x6: square kernels of 3 and 5 without stride.
  case winograd6
  /// The same on tiles of 8x8: square kernels of 3, 5 and 7.
  case winograd8
  /// Minimal filtering along lines: kernels five to seven wide without stride, but for the gradient
  /// of the input.
  case winogradRows
}

/// Which of its three results a convolution is to compute.
package enum ConvolutionPass: Sendable, Hashable, CaseIterable {
  /// The output.
  case forward
  /// The gradient of the input.
  case backwardData
  /// The gradients of weight and bias.
  case backwardWeights
}

/// Two-dimensional convolution (cross-correlation) in NHWC.
///
/// Nothing here allocates. `scratch` holds at least `scratchCount` floats, aligned to 64 bytes, and
/// serves one call at a time. Geometries must be valid (`ConvolutionGeometry.isValid`). The bits of
/// a result depend on the sizes and the algorithm and never on the number of threads or slots. With
/// the same algorithm the bits of a sample's output and input gradient do not depend on the batch
/// either; `algorithm(for:pass:batch:)` says where the batch decides which algorithm it is.
package enum Convolution {
  /// Returns the algorithm that is used where none is asked for.
  ///
  /// 1. Depthwise where each group has one input channel.
  /// 2. Winograd on processors with fused multiply-add, where it is quicker, along lines
  ///    (`WinogradRows.isQuickest`) or on square tiles (`WinogradConvolution.algorithm`), and the
  ///    convolution need not be precise.
  /// 3. Direct on processors with fused multiply-add, if at least half of its 16 channels at a time
  ///    are in use: each group writes 8 channels or more. For the gradient of the weight only where
  ///    the kernel is larger than 1x1: it copies images, and one use does not pay for that.
  /// 4. Pointwise where the input, as a matrix, needs no rearranging.
  /// 5. Im2row otherwise.
  package static func algorithm(
    for geometry: ConvolutionGeometry, pass: ConvolutionPass
  ) -> ConvolutionAlgorithm {
    if geometry.isDepthwise { return .depthwise }
    if Kernels.active.direct.isFast, !geometry.isPrecise {
      if WinogradRows.isQuickest(geometry, pass: pass) { return .winogradRows }
      if let algorithm = WinogradConvolution.algorithm(for: geometry, pass: pass) {
        return algorithm
      }
    }
    let written =
      pass == .backwardData ? geometry.groupInputChannels : geometry.groupOutputChannels
    let pays = pass != .backwardWeights || geometry.kernelHeight * geometry.kernelWidth > 1
    let usesDirect =
      Kernels.active.direct.isFast && written >= 8 && pays
      && supports(.direct, geometry, pass: pass)
    if usesDirect { return .direct }
    return geometry.isPointwise ? .pointwise : .im2row
  }

  /// Returns the algorithm that is used for a batch of this size where none is asked for.
  ///
  /// It is `algorithm(for:pass:)`, but for a forward pass of few samples with large weights: to
  /// transform these takes longer than to multiply with them as they are.
  package static func algorithm(
    for geometry: ConvolutionGeometry, pass: ConvolutionPass, batch: Int
  ) -> ConvolutionAlgorithm {
    let usual = algorithm(for: geometry, pass: pass)
    guard pass == .forward, isQuickerDirect(geometry, usual), batch < directBatch(geometry, usual)
    else { return usual }
    return .direct
  }

  /// Whether small batches go without the Winograd algorithm that large ones are computed with.
  static func isQuickerDirect(
    _ geometry: ConvolutionGeometry, _ algorithm: ConvolutionAlgorithm
  ) -> Bool {
    switch algorithm {
    case .winograd6, .winograd8:
      !winograd(geometry, 1, points(algorithm), Kernels.active).holdsWeight
    case .im2row, .pointwise, .depthwise, .direct, .winogradRows: false
    }
  }

  /// The smallest batch that is not small in this sense: 12 tiles or more, by measurement.
  private static func directBatch(
    _ geometry: ConvolutionGeometry, _ algorithm: ConvolutionAlgorithm
  ) -> Int {
    ThreadPool.chunkCount(
      of: 12, grain: winograd(geometry, 1, points(algorithm), Kernels.active).tilesPerSample)
  }

  /// Returns whether `algorithm` can compute convolutions of this geometry.
  package static func supports(
    _ algorithm: ConvolutionAlgorithm, _ geometry: ConvolutionGeometry, pass: ConvolutionPass
  ) -> Bool {
    switch algorithm {
    case .im2row: true
    case .pointwise: geometry.isPointwise
    case .depthwise: geometry.isDepthwise
    case .direct:
      switch pass {
      case .forward: true
      case .backwardData: DirectDataGradient.supports(geometry)
      case .backwardWeights: true
      }
    case .winograd6, .winograd8:
      WinogradConvolution.supports(geometry, points: points(algorithm))
        && (pass != .backwardData || geometry.gradientTwin != nil)
    case .winogradRows: WinogradRows.supports(geometry) && pass != .backwardData
    }
  }

  /// The side of Winograd's tiles.
  static func points(_ algorithm: ConvolutionAlgorithm) -> Int {
    algorithm == .winograd6 ? 6 : 8
  }

  /// Returns the number of floats that a call needs as scratch memory, or nil if no memory could
  /// hold them or the geometry is not valid.
  ///
  /// It never falls when batch or slots grow, so memory for the largest serves the smaller.
  /// - Parameters:
  ///   - slots: The most threads that will work on the call.
  ///   - packed: Whether `forward` will be given a packed weight.
  package static func scratchCount(
    _ geometry: ConvolutionGeometry, batch: Int, pass: ConvolutionPass, slots: Int,
    algorithm: ConvolutionAlgorithm? = nil, packed: Bool = false
  ) -> Int? {
    guard geometry.isValid, batch >= 0, slots >= 1,
      product(batch, max(geometry.inputCount, geometry.outputCount)) != nil
    else { return nil }
    let usual = resolve(algorithm, geometry, pass)
    if algorithm == nil, pass == .forward, isQuickerDirect(geometry, usual) {
      // What is packed is for direct convolution, and memory for a large batch serves a small one.
      let small = scratchCount(
        geometry, batch: min(batch, directBatch(geometry, usual)), pass: pass, slots: slots,
        algorithm: .direct, packed: packed)
      let large = scratchCount(
        geometry, batch: batch, pass: pass, slots: slots, algorithm: usual)
      guard let small, let large else { return nil }
      return max(small, large)
    }
    switch usual {
    case .depthwise:
      return depthwise(geometry, batch, Kernels.active).scratchCount(pass: pass, slots: slots)
    case .direct:
      switch pass {
      case .forward:
        return direct(geometry, batch, Kernels.active).scratchCount(slots: slots, packed: packed)
      case .backwardData:
        return dataGradient(geometry, batch, Kernels.active).scratchCount(slots: slots)
      case .backwardWeights:
        return weightGradient(geometry, batch, Kernels.active).scratchCount(slots: slots)
      }
    case .winograd6:
      return winogradScratchCount(geometry, batch, 6, pass, slots, packed)
    case .winograd8:
      return winogradScratchCount(geometry, batch, 8, pass, slots, packed)
    case .winogradRows:
      let rows = winogradRows(geometry, batch, Kernels.active)
      return pass == .forward
        ? rows.scratchCount(slots: slots, packed: packed) : rows.gradientScratchCount(slots: slots)
    case .im2row, .pointwise:
      return im2row(geometry, batch, Kernels.active).scratchCount(pass: pass, slots: slots)
    }
  }

  /// Whether the epilogue of a forward pass may have an addend.
  ///
  /// It may where every output is written once, when it is complete. Other algorithms write sums
  /// first and read them again, or belong to layers that no sum follows.
  package static func takesAddend(
    _ geometry: ConvolutionGeometry, algorithm: ConvolutionAlgorithm? = nil
  ) -> Bool {
    switch resolve(algorithm, geometry, .forward) {
    case .direct, .winograd6, .winograd8: true
    case .im2row, .pointwise, .depthwise, .winogradRows: false
    }
  }

  /// Computes `output = epilogue(convolution of input with weight)`.
  ///
  /// - Parameter packedWeight: What `packWeight` made of the same weight for the same algorithm, or
  ///   nil to do without. Only then does `scratch` need to be as large as for a weight as it is.
  package static func forward(
    _ geometry: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    weight: UnsafePointer<Float>, packedWeight: UnsafePointer<Float>? = nil,
    epilogue: ConvolutionEpilogue = ConvolutionEpilogue(),
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int,
    algorithm: ConvolutionAlgorithm? = nil, kernels: KernelTable = Kernels.active
  ) {
    let usual = resolve(algorithm, geometry, .forward)
    var packedWeight = packedWeight
    var chosen = usual
    if algorithm == nil, isQuickerDirect(geometry, usual) {
      chosen = self.algorithm(for: geometry, pass: .forward, batch: batch)
      if chosen != .direct { packedWeight = nil }
    }
    switch chosen {
    case .depthwise:
      depthwise(geometry, batch, kernels).forward(
        input: input, weight: weight, epilogue: epilogue, output: output, scratch: scratch,
        slots: slots)
    case .direct:
      direct(geometry, batch, kernels).forward(
        input: input, weight: weight, packedWeight: packedWeight, epilogue: epilogue,
        output: output, scratch: scratch, slots: slots)
    case .winograd6, .winograd8:
      winograd(geometry, batch, points(chosen), kernels).forward(
        input: input, weight: weight, packedWeight: packedWeight, epilogue: epilogue,
        output: output, scratch: scratch, slots: slots)
    case .winogradRows:
      winogradRows(geometry, batch, kernels).forward(
        input: input, weight: weight, packedWeight: packedWeight, epilogue: epilogue,
        output: output, scratch: scratch, slots: slots)
    case .im2row, .pointwise:
      im2row(geometry, batch, kernels).forward(
        input: input, weight: weight, epilogue: epilogue, output: output, scratch: scratch,
        slots: slots)
    }
  }

  /// Computes the gradient of the input; `gradInput` is overwritten.
  package static func backwardData(
    _ geometry: ConvolutionGeometry, batch: Int, gradOutput: UnsafePointer<Float>,
    weight: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, slots: Int, algorithm: ConvolutionAlgorithm? = nil,
    kernels: KernelTable = Kernels.active
  ) {
    let algorithm = resolve(algorithm, geometry, .backwardData)
    switch algorithm {
    case .depthwise:
      depthwise(geometry, batch, kernels).backwardData(
        gradOutput: gradOutput, weight: weight, gradInput: gradInput, scratch: scratch,
        slots: slots)
    case .direct:
      dataGradient(geometry, batch, kernels).compute(
        gradOutput: gradOutput, weight: weight, gradInput: gradInput, scratch: scratch,
        slots: slots)
    case .winograd6, .winograd8:
      guard let twin = geometry.gradientTwin else { return }
      winograd(twin, batch, points(algorithm), kernels).forward(
        input: gradOutput, weight: weight, order: .backwardData, output: gradInput,
        scratch: scratch, slots: slots)
    case .winogradRows: break
    case .im2row, .pointwise:
      im2row(geometry, batch, kernels).backwardData(
        gradOutput: gradOutput, weight: weight, gradInput: gradInput, scratch: scratch,
        slots: slots)
    }
  }

  /// Adds the gradients of the weight and, where wanted, of the bias.
  package static func backwardWeights(
    _ geometry: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    gradOutput: UnsafePointer<Float>, gradWeight: UnsafeMutablePointer<Float>,
    gradBias: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>, slots: Int,
    algorithm: ConvolutionAlgorithm? = nil, kernels: KernelTable = Kernels.active
  ) {
    let algorithm = resolve(algorithm, geometry, .backwardWeights)
    switch algorithm {
    case .depthwise:
      depthwise(geometry, batch, kernels).backwardWeights(
        input: input, gradOutput: gradOutput, gradWeight: gradWeight, gradBias: gradBias,
        scratch: scratch, slots: slots)
    case .direct:
      weightGradient(geometry, batch, kernels).add(
        input: input, gradOutput: gradOutput, gradWeight: gradWeight, gradBias: gradBias,
        scratch: scratch, slots: slots)
    case .winograd6, .winograd8:
      winograd(geometry, batch, points(algorithm), kernels).backwardWeights(
        input: input, gradOutput: gradOutput, gradWeight: gradWeight, gradBias: gradBias,
        scratch: scratch, slots: slots)
    case .winogradRows:
      winogradRows(geometry, batch, kernels).backwardWeights(
        input: input, gradOutput: gradOutput, gradWeight: gradWeight, gradBias: gradBias,
        scratch: scratch, slots: slots)
    case .im2row, .pointwise:
      im2row(geometry, batch, kernels).backwardWeights(
        input: input, gradOutput: gradOutput, gradWeight: gradWeight, gradBias: gradBias,
        scratch: scratch, slots: slots)
    }
  }

  /// Returns the algorithm that was asked for, if it can do the work, or else the usual one.
  static func resolve(
    _ wanted: ConvolutionAlgorithm?, _ geometry: ConvolutionGeometry, _ pass: ConvolutionPass
  ) -> ConvolutionAlgorithm {
    guard let wanted, supports(wanted, geometry, pass: pass) else {
      return algorithm(for: geometry, pass: pass)
    }
    return wanted
  }

  private static func winogradScratchCount(
    _ geometry: ConvolutionGeometry, _ batch: Int, _ points: Int, _ pass: ConvolutionPass,
    _ slots: Int, _ packed: Bool
  ) -> Int? {
    if pass == .backwardWeights {
      return winograd(geometry, batch, points, Kernels.active).gradientScratchCount(slots: slots)
    }
    let twin = pass == .backwardData ? geometry.gradientTwin : geometry
    return twin.flatMap {
      winograd($0, batch, points, Kernels.active).scratchCount(
        slots: slots, packed: packed && pass == .forward)
    }
  }

  static func winograd(
    _ geometry: ConvolutionGeometry, _ batch: Int, _ points: Int, _ kernels: KernelTable
  ) -> WinogradConvolution {
    WinogradConvolution(geometry: geometry, batch: batch, points: points, kernels: kernels)
  }

  static func winogradRows(
    _ geometry: ConvolutionGeometry, _ batch: Int, _ kernels: KernelTable
  ) -> WinogradRows {
    WinogradRows(geometry: geometry, batch: batch, kernels: kernels)
  }

  private static func im2row(_ geometry: ConvolutionGeometry, _ batch: Int, _ kernels: KernelTable)
    -> Im2RowConvolution
  {
    Im2RowConvolution(geometry: geometry, batch: batch, kernels: kernels)
  }

  private static func depthwise(
    _ geometry: ConvolutionGeometry, _ batch: Int, _ kernels: KernelTable
  ) -> DepthwiseConvolution {
    DepthwiseConvolution(geometry: geometry, batch: batch, kernels: kernels)
  }

  private static func dataGradient(
    _ geometry: ConvolutionGeometry, _ batch: Int, _ kernels: KernelTable
  ) -> DirectDataGradient {
    DirectDataGradient(geometry: geometry, batch: batch, kernels: kernels)
  }

  private static func weightGradient(
    _ geometry: ConvolutionGeometry, _ batch: Int, _ kernels: KernelTable
  ) -> DirectWeightGradient {
    DirectWeightGradient(geometry: geometry, batch: batch, kernels: kernels)
  }

  static func direct(_ geometry: ConvolutionGeometry, _ batch: Int, _ kernels: KernelTable)
    -> DirectConvolution
  {
    DirectConvolution(geometry: geometry, batch: batch, kernels: kernels)
  }
}
