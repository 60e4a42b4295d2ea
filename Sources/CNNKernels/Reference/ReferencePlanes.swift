/// Plain loops that say what `Pooling` computes; for tests.
package enum ReferencePooling {
  /// The largest element of each window and its index in the plane; 0 and -1 for empty windows.
  package static func max(_ x: [Double], _ g: PoolingGeometry)
    -> (output: [Double], indices: [Int])
  {
    var output: [Double] = []
    var indices: [Int] = []
    forEachWindow(g) { n, c, cells, _ in
      var best: (value: Double, index: Int)?
      for cell in cells {
        let value = x[(n * g.inputHeight * g.inputWidth + cell) * g.channels + c]
        if best.map({ value > $0.value }) ?? true { best = (value, cell) }
      }
      output.append(best?.value ?? 0)
      indices.append(best?.index ?? -1)
    }
    return (output, indices)
  }

  /// The mean of each window.
  package static func average(_ x: [Double], countIncludePad: Bool, _ g: PoolingGeometry)
    -> [Double]
  {
    var output: [Double] = []
    forEachWindow(g) { n, c, cells, padded in
      let sum = cells.reduce(0) {
        $0 + x[(n * g.inputHeight * g.inputWidth + $1) * g.channels + c]
      }
      let divisor = countIncludePad ? padded : cells.count
      output.append(divisor > 0 ? sum / Double(divisor) : 0)
    }
    return output
  }

  /// Calls `body` with the cells of the plane in each window, and their number with padding.
  private static func forEachWindow(
    _ g: PoolingGeometry, _ body: (_ n: Int, _ c: Int, _ cells: [Int], _ padded: Int) -> Void
  ) {
    for n in 0..<g.batch {
      for oh in 0..<g.outputHeight {
        for ow in 0..<g.outputWidth {
          var cells: [Int] = []
          var padded = 0
          for kh in 0..<g.kernelHeight {
            for kw in 0..<g.kernelWidth {
              let ih = oh * g.strideHeight - g.paddingTop + kh * g.dilationHeight
              let iw = ow * g.strideWidth - g.paddingLeft + kw * g.dilationWidth
              if ih < g.inputHeight + g.paddingBottom, iw < g.inputWidth + g.paddingRight {
                padded += 1
              }
              if (0..<g.inputHeight).contains(ih), (0..<g.inputWidth).contains(iw) {
                cells.append(ih * g.inputWidth + iw)
              }
            }
          }
          for c in 0..<g.channels { body(n, c, cells, padded) }
        }
      }
    }
  }
}

/// Plain loops that say what `Upsampling` computes; for tests.
package enum ReferenceUpsampling {
  /// The pixel at the same relative place.
  package static func nearest(_ x: [Double], _ g: ResamplingGeometry) -> [Double] {
    resample(g) { n, oh, ow, c in
      x[
        ((n * g.inputHeight + oh * g.inputHeight / g.outputHeight) * g.inputWidth + ow
          * g.inputWidth / g.outputWidth) * g.channels + c]
    }
  }

  /// Bilinear interpolation.
  package static func bilinear(_ x: [Double], alignCorners: Bool, _ g: ResamplingGeometry)
    -> [Double]
  {
    func weights(_ index: Int, _ input: Int, _ output: Int) -> [(Int, Double)] {
      let place =
        alignCorners
        ? (output > 1 ? Double(index) * Double(input - 1) / Double(output - 1) : 0)
        : Swift.max(0, (Double(index) + 0.5) * Double(input) / Double(output) - 0.5)
      let low = Swift.min(Int(place), input - 1)
      let share = Swift.min(place - Double(low), 1)
      return [(low, 1 - share), (Swift.min(low + 1, input - 1), share)]
    }
    return resample(g) { n, oh, ow, c in
      var sum = 0.0
      for (y, wy) in weights(oh, g.inputHeight, g.outputHeight) {
        for (column, wx) in weights(ow, g.inputWidth, g.outputWidth) {
          sum += wy * wx * x[((n * g.inputHeight + y) * g.inputWidth + column) * g.channels + c]
        }
      }
      return sum
    }
  }

  private static func resample(
    _ g: ResamplingGeometry, _ value: (_ n: Int, _ oh: Int, _ ow: Int, _ c: Int) -> Double
  ) -> [Double] {
    var output: [Double] = []
    for n in 0..<g.batch {
      for oh in 0..<g.outputHeight {
        for ow in 0..<g.outputWidth {
          for c in 0..<g.channels { output.append(value(n, oh, ow, c)) }
        }
      }
    }
    return output
  }
}

/// Plain loops that say what `Padding` computes; for tests.
package enum ReferencePadding {
  /// The padded planes.
  package static func forward(_ x: [Double], mode: PaddingMode, _ g: PaddingGeometry)
    -> [Double]
  {
    var output: [Double] = []
    for n in 0..<g.batch {
      for oh in 0..<g.outputHeight {
        for ow in 0..<g.outputWidth {
          var (y, column) = (oh - g.top, ow - g.left)
          switch mode {
          case .constant: break
          case .replicate:
            y = min(max(y, 0), g.inputHeight - 1)
            column = min(max(column, 0), g.inputWidth - 1)
          case .reflect:
            y = y < 0 ? -y : y >= g.inputHeight ? 2 * g.inputHeight - 2 - y : y
            column =
              column < 0
              ? -column : column >= g.inputWidth ? 2 * g.inputWidth - 2 - column : column
          }
          let isInside = (0..<g.inputHeight).contains(y) && (0..<g.inputWidth).contains(column)
          for c in 0..<g.channels {
            if isInside {
              output.append(
                x[((n * g.inputHeight + y) * g.inputWidth + column) * g.channels + c])
            } else if case .constant(let value) = mode {
              output.append(Double(value))
            }
          }
        }
      }
    }
    return output
  }
}
