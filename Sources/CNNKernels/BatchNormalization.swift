/// Batch normalisation over [rows, channels].
///
/// Ioffe and Szegedy (2015). Rows are the samples (feature form), or N · H · W pixels (spatial form):
/// output = (input - mean) / √(variance + epsilon) · scale + shift, for each channel.
package enum BatchNormalization {
  private static var kernels: any NormalizationKernels.Type { Kernels.active.vector.normalization }

  /// Normalises with the moments of the batch, and moves the running ones towards them.
  ///
  /// The variance divides by the number of rows. Moments are made block by block with two passes over
  /// each block and joined by Chan's rule, so a large mean costs no digits. The running variance
  /// takes the unbiased variance, which divides by rows - 1, as in PyTorch (0 for a single row).
  ///
  /// - Parameters:
  ///   - output: [rows, channels]; not the input, which backward needs.
  ///   - rectifies: Whether a rectifier follows: output = max(that, 0).
  ///   - momentum: The share of the old running value, 0.9 usually.
  ///   - savedMean: [channels], written for backward.
  ///   - savedInverseDeviation: [channels], 1 / √(variance + epsilon), written for backward.
  package static func forwardTraining(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, rows: Int,
    channels: Int, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, epsilon: Float,
    momentum: Float, rectifies: Bool = false, savedMean: UnsafeMutablePointer<Float>,
    savedInverseDeviation: UnsafeMutablePointer<Float>, runningMean: UnsafeMutablePointer<Float>,
    runningVariance: UnsafeMutablePointer<Float>, slots: Int
  ) {
    guard rows > 0, channels > 0 else { return }
    ColumnReduction.run(rows: rows, columns: channels, slots: slots) { part, mean, squares in
      kernels.columnMoments(
        input + part.firstRow * channels + part.firstColumn, channels, part.rows, part.columns,
        mean, squares)
    } combine: { block in
      for c in 0..<block.columns {
        let moments = joinedMoments(block, c, rows)
        let variance = moments.squares / Double(rows)
        let unbiased = rows > 1 ? moments.squares / Double(rows - 1) : 0
        let channel = block.firstColumn + c
        let share = Double(momentum)
        savedMean[channel] = Float(moments.mean)
        savedInverseDeviation[channel] = Float(1 / (variance + Double(epsilon)).squareRoot())
        runningMean[channel] = Float(
          share * Double(runningMean[channel]) + (1 - share) * moments.mean)
        runningVariance[channel] = Float(
          share * Double(runningVariance[channel]) + (1 - share) * unbiased)
      }
    }
    normalize(
      input, output, rows: rows, channels: channels, mean: savedMean,
      inverseDeviation: savedInverseDeviation, scale: scale, shift: shift, rectifies: rectifies,
      slots: slots)
  }

  private static func normalize(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, rows: Int, channels: Int,
    mean: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, rectifies: Bool, slots: Int
  ) {
    let grain = Grain.rows(Grain.memory, columns: channels)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      let start = range.lowerBound * channels
      kernels.normalize(
        input + start, mean, inverseDeviation, scale, shift, output + start, channels,
        range.count, channels, rectifies)
    }
  }

  /// Normalises with the running moments, which stay as they are, and writes for `backward` what
  /// `forwardTraining` writes.
  package static func forwardRunning(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, rows: Int,
    channels: Int, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, epsilon: Float,
    rectifies: Bool, savedMean: UnsafeMutablePointer<Float>,
    savedInverseDeviation: UnsafeMutablePointer<Float>, runningMean: UnsafePointer<Float>,
    runningVariance: UnsafePointer<Float>, slots: Int
  ) {
    guard rows > 0, channels > 0 else { return }
    for c in 0..<channels {
      savedMean[c] = runningMean[c]
      savedInverseDeviation[c] = 1 / (runningVariance[c] + epsilon).squareRoot()
    }
    normalize(
      input, output, rows: rows, channels: channels, mean: savedMean,
      inverseDeviation: savedInverseDeviation, scale: scale, shift: shift, rectifies: rectifies,
      slots: slots)
  }

  /// Joins the moments of all chunks of rows of a column.
  private static func joinedMoments(_ block: ColumnReduction.Block, _ column: Int, _ rows: Int)
    -> (mean: Double, squares: Double)
  {
    var mean = 0.0
    var squares = 0.0
    for chunk in 0..<block.chunks {
      let before = Double(chunk * block.chunkRows)
      let count = Double(min(block.chunkRows, rows - chunk * block.chunkRows))
      let delta = Double(block.first(chunk)[column]) - mean
      mean += delta * count / (before + count)
      squares +=
        Double(block.second(chunk)[column]) + delta * delta * before * count / (before + count)
    }
    return (mean, squares)
  }

  /// Normalises with the running moments; may work in place.
  package static func forwardInference(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, rows: Int,
    channels: Int, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, epsilon: Float,
    runningMean: UnsafePointer<Float>, runningVariance: UnsafePointer<Float>, slots: Int
  ) {
    guard rows > 0, channels > 0 else { return }
    let grain = Grain.rows(Grain.memory, columns: channels)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      var memory = InlineArray<128, Float>(repeating: 0)
      withUnsafeMutablePointer(to: &memory) { pointer in
        let inverse = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
        var first = 0
        while first < channels {
          let width = min(128, channels - first)
          for c in 0..<width {
            inverse[c] = 1 / (runningVariance[first + c] + epsilon).squareRoot()
          }
          let start = range.lowerBound * channels + first
          kernels.normalize(
            input + start, runningMean + first, inverse, scale + first, shift + first,
            output + start, channels, range.count, width, false)
          first += width
        }
      }
    }
  }

  /// How many floats of scratch memory `backward` needs.
  package static func backwardScratchCount(channels: Int) -> Int { 2 * channels }

  /// The gradients of `forwardTraining`, or of `forwardRunning`.
  ///
  /// With x̂ the normalised input and n the number of rows, gradShift += Σ gradOutput,
  /// gradScale += Σ gradOutput · x̂, and gradInput = scale · inverseDeviation · (gradOutput -
  /// (Σ gradOutput) / n - x̂ · (Σ gradOutput · x̂) / n), the simplified form of the chain rule.
  /// Running moments do not depend on the input, so the two sums are left out of `gradInput` then.
  ///
  /// - Parameters:
  ///   - rectifier: The shift, if a rectifier followed: then no gradient passes where the output was
  ///     not positive, which shows in the input. Nil if there was none.
  ///   - isOfBatch: Whether the moments were those of the batch.
  ///   - gradInput: Overwritten; may be `gradOutput`. Nil where nobody wants it; likewise
  ///     `gradScale` and `gradShift`.
  ///   - scratch: `backwardScratchCount(channels:)` floats.
  package static func backward(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>?, rows: Int, channels: Int,
    scale: UnsafePointer<Float>, rectifier: UnsafePointer<Float>? = nil, isOfBatch: Bool = true,
    savedMean: UnsafePointer<Float>, savedInverseDeviation: UnsafePointer<Float>,
    gradScale: UnsafeMutablePointer<Float>?,
    gradShift: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    guard rows > 0, channels > 0 else { return }
    let sums = scratch
    let products = scratch + channels
    if isOfBatch || gradScale != nil || gradShift != nil {
      addGradientSums(
        input: input, gradOutput: gradOutput, rows: rows, channels: channels, scale: scale,
        rectifier: rectifier, savedMean: savedMean, savedInverseDeviation: savedInverseDeviation,
        gradScale: gradScale, gradShift: gradShift, scratch: scratch, slots: slots)
    }
    if !isOfBatch { scratch.update(repeating: 0, count: 2 * channels) }
    guard let gradInput else { return }
    let grain = Grain.rows(Grain.memory, columns: channels)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      let start = range.lowerBound * channels
      kernels.inputGradient(
        input + start, gradOutput + start, gradInput + start, channels, range.count, channels,
        savedMean, savedInverseDeviation, scale, rectifier, sums, products, 1 / Float(rows))
    }
  }

  /// Adds up both sums of `backward`, over all rows for each channel.
  private static func addGradientSums(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>, rows: Int, channels: Int,
    scale: UnsafePointer<Float>, rectifier: UnsafePointer<Float>?,
    savedMean: UnsafePointer<Float>, savedInverseDeviation: UnsafePointer<Float>,
    gradScale: UnsafeMutablePointer<Float>?, gradShift: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let sums = scratch
    let products = scratch + channels
    ColumnReduction.run(rows: rows, columns: channels, slots: slots) { part, sum, product in
      let start = part.firstRow * channels + part.firstColumn
      kernels.gradientSums(
        input + start, gradOutput + start, channels, part.rows, part.columns,
        savedMean + part.firstColumn, savedInverseDeviation + part.firstColumn,
        scale + part.firstColumn, rectifier.map { $0 + part.firstColumn }, sum, product)
    } combine: { block in
      for c in 0..<block.columns {
        var sum = 0.0
        var product = 0.0
        for chunk in 0..<block.chunks {
          sum += Double(block.first(chunk)[c])
          product += Double(block.second(chunk)[c])
        }
        let channel = block.firstColumn + c
        sums[channel] = Float(sum)
        products[channel] = Float(product)
        if let gradShift { gradShift[channel] += Float(sum) }
        if let gradScale { gradScale[channel] += Float(product) }
      }
    }
  }
}
