import CNNKernelTypes

/// The products of dense layers, with samples and rows of the weight as they lie in memory.
///
/// A network's large dense layers are bound by reading their weights, so each pass reads them as few
/// times as it can: once in a batch of up to 64 samples. In `forward` a sample's outputs have the
/// same bits in any batch.
package enum Dense {
  /// Returns the number of floats that `forward` needs as scratch memory; sizes as in a tensor.
  package static func forwardScratchCount(batch: Int, slots: Int) -> Int {
    max(slots, 1) * DenseLimits.scratchCount(samples: batch)
  }

  /// Returns the number of floats that `backwardInput` needs as scratch memory.
  package static func backwardScratchCount(slots: Int) -> Int {
    max(slots, 1) * DenseLimits.panelCount
  }

  /// output = epilogue(input · weightᵀ) for input [batch, inFeatures], weight
  /// [outFeatures, inFeatures] and output [batch, outFeatures].
  ///
  /// - Parameter scratch: `forwardScratchCount` floats.
  package static func forward(
    batch: Int, inFeatures: Int, outFeatures: Int, input: UnsafePointer<Float>,
    weight: UnsafePointer<Float>, epilogue: ConvolutionEpilogue,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    guard batch > 0, outFeatures > 0 else { return }
    let kernels = Kernels.active
    let blocks = ThreadPool.chunkCount(of: batch, grain: DenseLimits.samples)
    // Blocks of about the same size, in whole tiles of four.
    let samples = min(batch, (ThreadPool.chunkCount(of: batch, grain: blocks) + 3) & ~3)
    let sampleBlocks = ThreadPool.chunkCount(of: batch, grain: samples)
    let rows = forwardRows(samples: samples, inFeatures: inFeatures)
    let rowBlocks = ThreadPool.chunkCount(of: outFeatures, grain: rows)
    let scratchCount = DenseLimits.scratchCount(samples: batch)
    ThreadPool.parallelFor(chunks: rowBlocks * sampleBlocks, slots: slots) { chunk, slot in
      let row = chunk / sampleBlocks * rows
      let sample = chunk % sampleBlocks * samples
      let block = DenseRows(
        weight: weight + row * inFeatures, rows: min(rows, outFeatures - row), length: inFeatures,
        input: input + sample * inFeatures, samples: min(samples, batch - sample),
        output: output + sample * outFeatures + row, outputStride: outFeatures,
        scratch: scratch + slot * scratchCount)
      kernels.dense.multiplyRows(block)
      epilogue.apply(
        block.output, rows: block.samples, columns: block.rows, stride: outFeatures, channel: row,
        kernels: kernels)
    }
  }

  /// Rows of a chunk: whole panels, at least 256 KB of the weight and half a million products.
  private static func forwardRows(samples: Int, inFeatures: Int) -> Int {
    let panel = max(inFeatures, 1) * DenseLimits.panelRows
    let panels = max(65_536 / panel, 524_288 / panel / samples, 1)
    return panels * DenseLimits.panelRows
  }

  /// gradInput = gradOutput · weight; overwritten.
  ///
  /// - Parameter scratch: `backwardScratchCount` floats.
  package static func backwardInput(
    batch: Int, inFeatures: Int, outFeatures: Int, gradOutput: UnsafePointer<Float>,
    weight: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    guard batch > 1 else {
      return MatrixMultiply.multiplyParallel(
        m: batch, n: inFeatures, k: outFeatures, a: gradOutput, lda: outFeatures, b: weight,
        ldb: inFeatures, c: gradInput, ldc: inFeatures, slots: slots)
    }
    // Columns are cut by size alone: up to 4 million products, or a panel of 512 rows.
    let kernel = Kernels.active.dense.multiply
    let unit = 2 * DenseLimits.tileColumns
    let grain = max(4_194_304 / batch / max(outFeatures, 1), unit) / unit * unit
    ThreadPool.parallelRanges(count: inFeatures, grain: grain, slots: slots) { columns, slot in
      kernel(
        DenseProduct(
          m: batch, n: columns.count, k: outFeatures, a: gradOutput, aStride: outFeatures,
          b: weight + columns.lowerBound, bStride: inFeatures, c: gradInput + columns.lowerBound,
          cStride: inFeatures, adds: false, scratch: scratch + slot * DenseLimits.panelCount))
    }
  }
}
