import CNNLayerKit

/// The weights with which pixels along one axis make those of an output.
private struct AxisWeights {
  /// For each output the first pixel, how many there are, and where their weights begin.
  private let table: BudgetedBuffer<Float>
  private let stride: Int
  let count: Int
  /// All pixels that have a weight.
  let range: Range<Int>

  /// Computes the weights of a triangle filter, antialiased where there are fewer outputs than
  /// pixels.
  ///
  /// - Parameters:
  ///   - start: Where the first output's left side is.
  ///   - extent: How many pixels all outputs cover; negative mirrors them.
  ///   - count: The number of outputs.
  ///   - size: The number of pixels.
  init(start: Float, extent: Float, count: Int, size: Int) throws(CNNError) {
    let scale = extent / Float(count)
    let support = max(1, abs(scale))
    let most = min(size, 2 * Int(support) + 3)
    stride = most + 2
    self.count = count
    table = try BudgetedBuffer(
      count: try elementCount(stride, count, of: "the weights of a crop"),
      for: "the weights of a crop")
    var lowest = size
    var highest = 0
    for output in 0..<count {
      let center = min(Float(size), max(0, start + (Float(output) + 0.5) * scale))
      let before = center - support - 0.5
      let first = min(before < 0 ? 0 : Int(before) + 1, size - 1)
      let last = min(first + most - 1, max(first, min(size - 1, Int(center + support - 0.5))))
      let entry = table.pointer + output * stride
      var sum: Float = 0
      for tap in first...last {
        let weight = max(0, 1 - abs(Float(tap) + 0.5 - center) / support)
        entry[2 + tap - first] = weight
        sum += weight
      }
      for tap in 0...last - first { entry[2 + tap] = sum > 0 ? entry[2 + tap] / sum : 0 }
      // As bits, which hold every number of a pixel.
      entry[0] = Float(bitPattern: UInt32(truncatingIfNeeded: first))
      entry[1] = Float(bitPattern: UInt32(truncatingIfNeeded: last - first + 1))
      lowest = min(lowest, first)
      highest = max(highest, last)
    }
    range = lowest..<highest + 1
  }

  /// The first pixel of an output, how many there are, and their weights.
  @inline(__always)
  subscript(output: Int) -> (first: Int, count: Int, weights: UnsafePointer<Float>) {
    let entry = table.pointer + output * stride
    return (
      Int(entry[0].bitPattern), Int(entry[1].bitPattern), UnsafePointer(entry + 2)
    )
  }
}

extension PixelSource {
  /// Resamples a rectangle that is not turned, with a triangle filter: first the rows that make a row
  /// of the output, then the pixels of that row.
  ///
  /// - Throws: `outOfMemory`.
  func resampleAligned(
    top: Float, left: Float, height: Float, width: Float, flipped: Bool, outHeight: Int,
    outWidth: Int, to output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    guard let target = output.baseAddress else { return }
    let rows = try AxisWeights(start: top, extent: height, count: outHeight, size: self.height)
    let columns = try AxisWeights(
      start: flipped ? left + width : left, extent: flipped ? -width : width, count: outWidth,
      size: self.width)
    let first = columns.range.lowerBound
    let values = columns.range.count * channels
    // One more than there is: four numbers are read for each pixel of three.
    let blended = try BudgetedBuffer<Float>(count: values + 1, for: "a row of a crop")
    let row = blended.pointer
    for y in 0..<outHeight {
      let taps = rows[y]
      var source = pixels + (taps.first * self.width + first) * channels
      blend(source, taps.weights[0], values, into: row)
      for tap in 1..<max(1, taps.count) {
        source += self.width * channels
        add(source, taps.weights[tap], values, to: row)
      }
      let line = target + y * outWidth * channels
      if channels == 3 {
        resampleRow(row, columns, first, to: line)
      } else {
        resampleRow(row, columns, first, channels: channels, to: line)
      }
    }
    extendLifetime(blended)
  }

  /// Resamples all of the picture.
  ///
  /// - Throws: `outOfMemory`.
  func resampleAll(
    height outHeight: Int, width outWidth: Int, to output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    try resampleAligned(
      top: 0, left: 0, height: Float(height), width: Float(width), flipped: false,
      outHeight: outHeight, outWidth: outWidth, to: output)
  }

  @inline(__always)
  private func blend(
    _ source: UnsafePointer<Pixel>, _ weight: Float, _ count: Int,
    into row: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count { row[i] = weight * source[i].asFloat }
  }

  @inline(__always)
  private func add(
    _ source: UnsafePointer<Pixel>, _ weight: Float, _ count: Int,
    to row: UnsafeMutablePointer<Float>
  ) {
    if weight == 0 { return }
    for i in 0..<count { row[i] += weight * source[i].asFloat }
  }

  /// Colour is the usual case; its sums stay in registers.
  private func resampleRow(
    _ row: UnsafePointer<Float>, _ columns: AxisWeights, _ first: Int,
    to line: UnsafeMutablePointer<Float>
  ) {
    for x in 0..<columns.count {
      let taps = columns[x]
      var sum = SIMD4<Float>()
      var pixel = UnsafeRawPointer(row + (taps.first - first) * 3)
      for tap in 0..<taps.count {
        sum += taps.weights[tap] * pixel.loadUnaligned(as: SIMD4<Float>.self)
        pixel += 3 * MemoryLayout<Float>.stride
      }
      line[3 * x] = sum[0]
      line[3 * x + 1] = sum[1]
      line[3 * x + 2] = sum[2]
    }
  }

  private func resampleRow(
    _ row: UnsafePointer<Float>, _ columns: AxisWeights, _ first: Int, channels: Int,
    to line: UnsafeMutablePointer<Float>
  ) {
    for x in 0..<columns.count {
      let taps = columns[x]
      for c in 0..<channels {
        var sum: Float = 0
        for tap in 0..<taps.count {
          sum += taps.weights[tap] * row[(taps.first - first + tap) * channels + c]
        }
        line[x * channels + c] = sum
      }
    }
  }
}
