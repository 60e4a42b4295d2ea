import Glibc

/// Operations on the rows and columns of matrices, [rows, columns], row by row in memory.
package enum Rows {
  private static var kernels: any RowKernels.Type { Kernels.active.vector.rows }

  /// output = input + bias, with bias [columns]; may work in place.
  package static func addBias(
    _ input: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>, rows: Int, columns: Int, slots: Int
  ) {
    let grain = Grain.rows(Grain.memory, columns: columns)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      let start = range.lowerBound * columns
      kernels.addBias(input + start, bias, output + start, range.count, columns)
    }
  }

  /// sums[c] += Σ over rows of x[row, c]: the gradient of a bias.
  package static func accumulateColumnSums(
    _ x: UnsafePointer<Float>, into sums: UnsafeMutablePointer<Float>, rows: Int, columns: Int,
    slots: Int
  ) {
    ColumnReduction.run(rows: rows, columns: columns, slots: slots) { part, a, _ in
      kernels.columnSums(
        x + part.firstRow * columns + part.firstColumn, columns, part.rows, part.columns, a)
    } combine: { block in
      for c in 0..<block.columns {
        var sum: Float = 0
        for chunk in 0..<block.chunks { sum += block.first(chunk)[c] }
        sums[block.firstColumn + c] += sum
      }
    }
  }

  /// Copies a matrix between buffers whose rows lie `sourcePitch` and `targetPitch` elements apart.
  ///
  /// With pointers moved to the first column, this joins (concat) and splits along the last axis.
  package static func copyColumns(
    from source: UnsafePointer<Float>, sourcePitch: Int, to target: UnsafeMutablePointer<Float>,
    targetPitch: Int, rows: Int, columns: Int, slots: Int
  ) {
    guard columns > 0 else { return }
    let grain = Grain.rows(Grain.memory, columns: columns)
    ThreadPool.parallelRanges(count: rows, grain: grain, slots: slots) { range, _ in
      for row in range {
        memcpy(target + row * targetPitch, source + row * sourcePitch, columns * 4)
      }
    }
  }
}

/// Transposition of matrices.
package enum Transpose {
  /// output[n, c, r] = input[n, r, c] for [batch, rows, columns]; not in place.
  ///
  /// From HWC to CHW with rows = H · W and columns = C, and back with the two exchanged.
  package static func forward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, batch: Int, rows: Int,
    columns: Int, slots: Int
  ) {
    guard batch > 0, rows > 0, columns > 0 else { return }
    let kernels = Kernels.active.vector.elementwise
    // Tiles of 64 columns and as many rows as fill half of the first cache.
    let height = columns < 64 ? max(8, Grain.memory / columns & ~7) : 64
    let bands = ThreadPool.chunkCount(of: rows, grain: height)
    let bandGrain = Grain.rows(Grain.memory, columns: min(height, rows) * columns)
    ThreadPool.parallelRanges(count: batch * bands, grain: bandGrain, slots: slots) { range, _ in
      for index in range {
        let (sample, band) = index.quotientAndRemainder(dividingBy: bands)
        let row = band * height
        let source = input + (sample * rows + row) * columns
        let target = output + sample * rows * columns + row
        var column = 0
        while column < columns {
          kernels.transpose(
            source + column, columns, target + column * rows, rows, min(height, rows - row),
            min(64, columns - column))
          column += 64
        }
      }
    }
  }
}
