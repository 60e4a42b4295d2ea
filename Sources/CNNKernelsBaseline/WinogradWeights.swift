import CNNKernelTypes
import CVector

// Weights into the Winograd domain, and their gradients out of it.

func transformWeight(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  switch (weight.points, weight.kernelSize) {
  case (8, 2): transformWeight82(weight, first, target, temporary)
  case (8, 3): transformWeight83(weight, first, target, temporary)
  case (8, 4): transformWeight84(weight, first, target, temporary)
  case (8, 5): transformWeight85(weight, first, target, temporary)
  case (6, 2): transformWeight62(weight, first, target, temporary)
  case (6, 3): transformWeight63(weight, first, target, temporary)
  case (6, 4): transformWeight64(weight, first, target, temporary)
  default: transformWeight65(weight, first, target, temporary)
  }
}

@inline(never)
private func transformWeight82(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 8, 2, first, target, temporary)
}

@inline(never)
private func transformWeight83(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 8, 3, first, target, temporary)
}

@inline(never)
private func transformWeight84(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 8, 4, first, target, temporary)
}

@inline(never)
private func transformWeight85(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 8, 5, first, target, temporary)
}

@inline(never)
private func transformWeight62(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 6, 2, first, target, temporary)
}

@inline(never)
private func transformWeight63(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 6, 3, first, target, temporary)
}

@inline(never)
private func transformWeight64(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 6, 4, first, target, temporary)
}

@inline(never)
private func transformWeight65(
  _ weight: borrowing WinogradWeight, _ first: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeight(weight, 6, 5, first, target, temporary)
}

@inline(__always)
private func transformWeight(
  _ weight: borrowing WinogradWeight, _ points: Int, _ kernelSize: Int,
  _ first: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>,
  _ temporary: UnsafeMutablePointer<Float>
) {
  let taps = kernelSize * kernelSize
  let positionStride = weight.positionStride
  let gathered = temporary + 512
  var channel = 0
  while channel < weight.channels {
    let count = min(8, weight.channels - channel)
    var output = 0
    while output < 16 {
      let lanes = weight.outputs - output
      var source = first + (output * weight.outputStride + channel * weight.channelStride)
      var (tapStride, channelStride) = (weight.tapStride, weight.channelStride)
      let isVector = weight.outputStride == 1 && lanes >= 8
      if !isVector {
        var tap = 0
        while tap < taps, lanes > 0 {
          let block = source + tap * tapStride
          gather(weight, block, lanes, count, gathered + tap * 64)
          if channel & 8 == 0, channel + 16 < weight.channels {
            prefetch(block + 16 * channelStride, min(8, lanes), weight.outputStride)
          }
          tap += 1
        }
        (source, tapStride, channelStride) = (UnsafePointer(gathered), 64, 8)
      }
      var place = target + (channel * 16 + output)
      var c = 0
      while c < count {
        if isVector, output == 0, channel + 8 < weight.channels {
          prefetch(source + 8 * channelStride, taps, tapStride)
        }
        if lanes > 0 {
          transformChannel(
            points, kernelSize, source, tapStride, place, positionStride, temporary)
        } else {
          clear(place, points * points, positionStride)
        }
        source += channelStride
        place += 16
        c += 1
      }
      output += 8
    }
    channel += count
  }
}

/// Fetches the taps of a channel that comes later.
@inline(__always)
private func prefetch(_ source: UnsafePointer<Float>, _ taps: Int, _ stride: Int) {
  var tap = 0
  while tap < taps {
    cnn_vector_prefetch(source + tap * stride)
    tap += 1
  }
}

/// Brings the weights of a tap into the form `[channel][output]`, eight by eight.
@inline(__always)
private func gather(
  _ weight: borrowing WinogradWeight, _ source: UnsafePointer<Float>, _ outputs: Int,
  _ channels: Int, _ target: UnsafeMutablePointer<Float>
) {
  if weight.outputStride == 1 {
    var c = 0
    while c < channels {
      let row = source + c * weight.channelStride
      store(outputs >= 8 ? load(row) : load(row, outputs), target + c * 8)
      c += 1
    }
  } else if outputs >= 8, channels == 8 {
    transpose(source, weight.outputStride, target)
  } else {
    var c = 0
    while c < channels {
      var o = 0
      while o < 8 {
        target[c * 8 + o] = o < outputs ? source[o * weight.outputStride + c] : 0
        o += 1
      }
      c += 1
    }
  }
}

@inline(__always)
private func clear(_ target: UnsafeMutablePointer<Float>, _ count: Int, _ stride: Int) {
  var i = 0
  while i < count {
    store(.zero, target + i * stride)
    i += 1
  }
}

@inline(__always)
private func transformChannel(
  _ points: Int, _ kernelSize: Int, _ source: UnsafePointer<Float>, _ tapStride: Int,
  _ target: UnsafeMutablePointer<Float>, _ positionStride: Int,
  _ temporary: UnsafeMutablePointer<Float>
) {
  var x = 0
  while x < kernelSize {
    winogradEvaluate(
      points, kernelSize, scaled: true, source + x * tapStride, kernelSize * tapStride,
      temporary + x * 8, 64)
    x += 1
  }
  var k = 0
  while k < points {
    winogradEvaluate(
      points, kernelSize, scaled: true, temporary + k * 64, 8,
      target + k * points * positionStride, positionStride)
    k += 1
  }
}

/// Writes eight rows of eight numbers as columns.
@inline(__always)
private func transpose(
  _ source: UnsafePointer<Float>, _ stride: Int, _ target: UnsafeMutablePointer<Float>
) {
  // Rows r and r + 4 share a vector, so that all later steps stay within halves.
  var half = 0
  while half < 8 {
    let a = halves(source + half, 4 * stride)
    let b = halves(source + half + stride, 4 * stride)
    let c = halves(source + half + 2 * stride, 4 * stride)
    let d = halves(source + half + 3 * stride, 4 * stride)
    let ab0 = Vector(a[0], b[0], a[1], b[1], a[4], b[4], a[5], b[5])
    let ab1 = Vector(a[2], b[2], a[3], b[3], a[6], b[6], a[7], b[7])
    let cd0 = Vector(c[0], d[0], c[1], d[1], c[4], d[4], c[5], d[5])
    let cd1 = Vector(c[2], d[2], c[3], d[3], c[6], d[6], c[7], d[7])
    let place = target + half * 8
    store(joined(ab0, cd0, 0), place)
    store(joined(ab0, cd0, 2), place + 8)
    store(joined(ab1, cd1, 0), place + 16)
    store(joined(ab1, cd1, 2), place + 24)
    half += 4
  }
}

@inline(__always)
private func halves(_ low: UnsafePointer<Float>, _ distance: Int) -> Vector {
  Vector(
    lowHalf: UnsafeRawPointer(low).loadUnaligned(as: SIMD4<Float>.self),
    highHalf: UnsafeRawPointer(low + distance).loadUnaligned(as: SIMD4<Float>.self))
}

@inline(__always)
private func joined(_ x: Vector, _ y: Vector, _ i: Int) -> Vector {
  Vector(x[i], x[i + 1], y[i], y[i + 1], x[i + 4], x[i + 5], y[i + 4], y[i + 5])
}

func transformWeightGradient(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  switch (gradient.points, gradient.kernelSize) {
  case (8, 2): transformWeightGradient82(gradient, sums, target, temporary)
  case (8, 3): transformWeightGradient83(gradient, sums, target, temporary)
  case (8, 4): transformWeightGradient84(gradient, sums, target, temporary)
  case (8, 5): transformWeightGradient85(gradient, sums, target, temporary)
  case (6, 2): transformWeightGradient62(gradient, sums, target, temporary)
  case (6, 3): transformWeightGradient63(gradient, sums, target, temporary)
  case (6, 4): transformWeightGradient64(gradient, sums, target, temporary)
  default: transformWeightGradient65(gradient, sums, target, temporary)
  }
}

@inline(never)
private func transformWeightGradient82(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 8, 2, sums, target, temporary)
}

@inline(never)
private func transformWeightGradient83(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 8, 3, sums, target, temporary)
}

@inline(never)
private func transformWeightGradient84(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 8, 4, sums, target, temporary)
}

@inline(never)
private func transformWeightGradient85(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 8, 5, sums, target, temporary)
}

@inline(never)
private func transformWeightGradient62(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 6, 2, sums, target, temporary)
}

@inline(never)
private func transformWeightGradient63(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 6, 3, sums, target, temporary)
}

@inline(never)
private func transformWeightGradient64(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 6, 4, sums, target, temporary)
}

@inline(never)
private func transformWeightGradient65(
  _ gradient: borrowing WinogradGradient, _ sums: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformWeightGradient(gradient, 6, 5, sums, target, temporary)
}

@inline(__always)
private func transformWeightGradient(
  _ gradient: borrowing WinogradGradient, _ points: Int, _ kernelSize: Int,
  _ sums: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>,
  _ temporary: UnsafeMutablePointer<Float>
) {
  let positionStride = gradient.sumPositionStride
  let tapStride = gradient.tapStride
  var output = 0
  while output < gradient.outputs {
    var channel = 0
    while channel < gradient.channels {
      let lanes = min(8, gradient.channels - channel)
      let source = sums + output * gradient.sumStride + channel
      var x = 0
      while x < points {
        winogradInterpolate(
          points, kernelSize, scaled: true, source + x * positionStride, points * positionStride,
          temporary + x * 8, 64)
        x += 1
      }
      let place = target + output * gradient.depth + channel
      let taps = temporary + 512
      var line = 0
      while line < kernelSize {
        winogradInterpolate(points, kernelSize, scaled: true, temporary + line * 64, 8, taps, 8)
        var tap = 0
        while tap < kernelSize {
          let number = place + (line * kernelSize + tap) * tapStride
          let sum = load(taps + tap * 8)
          if lanes == 8 {
            store(load(number) + sum, number)
          } else {
            store(load(number, lanes) + sum, number, lanes)
          }
          tap += 1
        }
        line += 1
      }
      channel += 8
    }
    output += 1
  }
}
