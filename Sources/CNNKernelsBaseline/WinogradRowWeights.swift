import CNNKernelTypes

// Weights into the domain of filtering along lines, and their gradients out of it.

func transformRowWeight(
  _ weight: borrowing WinogradRowWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  switch weight.taps {
  case 5: transformRowWeight5(weight, first, target)
  case 6: transformRowWeight6(weight, first, target)
  default: transformRowWeight7(weight, first, target)
  }
}

@inline(never)
private func transformRowWeight5(
  _ weight: borrowing WinogradRowWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  transformRowWeight(weight, 5, first, target)
}

@inline(never)
private func transformRowWeight6(
  _ weight: borrowing WinogradRowWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  transformRowWeight(weight, 6, first, target)
}

@inline(never)
private func transformRowWeight7(
  _ weight: borrowing WinogradRowWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  transformRowWeight(weight, 7, first, target)
}

@inline(__always)
private func transformRowWeight(
  _ weight: borrowing WinogradRowWeight, _ taps: Int, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  let step = weight.channels
  var place = target
  var row = 0
  while row < weight.rows {
    var channel = 0
    while channel < weight.channels {
      var half = 0
      while half < 16 {
        let depth = weight.rows * taps * step
        let x = first + (half * depth + row * taps * step + channel)
        let outputs = weight.outputs - half
        var c = RowCoefficients()
        c.v0 = column(x, depth, outputs)
        c.v1 = column(x + step, depth, outputs)
        c.v2 = column(x + 2 * step, depth, outputs)
        c.v3 = column(x + 3 * step, depth, outputs)
        c.v4 = column(x + 4 * step, depth, outputs)
        if taps > 5 { c.v5 = column(x + 5 * step, depth, outputs) }
        if taps > 6 { c.v6 = column(x + 6 * step, depth, outputs) }
        c.evaluate(taps, scaled: true, place + half, weight.positionStride)
        half += 8
      }
      place += 16
      channel += 1
    }
    row += 1
  }
}

/// Reads the same weight of up to eight outputs.
@inline(__always)
private func column(_ x: UnsafePointer<Float>, _ stride: Int, _ count: Int) -> Vector {
  if count >= 8 {
    return Vector(
      x[0], x[stride], x[2 * stride], x[3 * stride], x[4 * stride], x[5 * stride],
      x[6 * stride], x[7 * stride])
  }
  var result = Vector.zero
  var i = 0
  while i < count {
    result[i] = x[i * stride]
    i += 1
  }
  return result
}

func transformRowWeightGradient(
  _ weight: borrowing WinogradRowWeight, _ sums: UnsafePointer<Float>,
  _ first: UnsafeMutablePointer<Float>
) {
  switch weight.taps {
  case 5: transformRowWeightGradient5(weight, sums, first)
  case 6: transformRowWeightGradient6(weight, sums, first)
  default: transformRowWeightGradient7(weight, sums, first)
  }
}

@inline(never)
private func transformRowWeightGradient5(
  _ weight: borrowing WinogradRowWeight, _ sums: UnsafePointer<Float>,
  _ first: UnsafeMutablePointer<Float>
) {
  transformRowWeightGradient(weight, 5, sums, first)
}

@inline(never)
private func transformRowWeightGradient6(
  _ weight: borrowing WinogradRowWeight, _ sums: UnsafePointer<Float>,
  _ first: UnsafeMutablePointer<Float>
) {
  transformRowWeightGradient(weight, 6, sums, first)
}

@inline(never)
private func transformRowWeightGradient7(
  _ weight: borrowing WinogradRowWeight, _ sums: UnsafePointer<Float>,
  _ first: UnsafeMutablePointer<Float>
) {
  transformRowWeightGradient(weight, 7, sums, first)
}

@inline(__always)
private func transformRowWeightGradient(
  _ weight: borrowing WinogradRowWeight, _ taps: Int, _ sums: UnsafePointer<Float>,
  _ first: UnsafeMutablePointer<Float>
) {
  let step = weight.channels
  let depth = weight.rows * taps * step
  var source = sums
  var row = 0
  while row < weight.rows {
    var channel = 0
    while channel < weight.channels {
      var half = 0
      while half < weight.outputs {
        let positions = RowPositions(source + half, weight.positionStride, scaled: true)
        let place = first + (half * depth + row * taps * step + channel)
        let outputs = min(8, weight.outputs - half)
        var tap = 0
        while tap < taps {
          let gradient = positions.interpolated(tap, taps)
          var output = 0
          while output < outputs {
            place[output * depth + tap * step] += gradient[output]
            output += 1
          }
          tap += 1
        }
        half += 8
      }
      source += 16
      channel += 1
    }
    row += 1
  }
}
