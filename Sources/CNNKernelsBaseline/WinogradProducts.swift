import CNNKernelTypes
import CVector

func makeWinogradKernels() -> WinogradKernels {
  WinogradKernels(
    transformInput: { transformInput($0, $1, $2, $3) },
    gatherTile: { gatherTile($0, $1, $2, $3) },
    transformGradient: { transformGradient($0, $1, $2, $3) },
    transformOutput: { transformOutput($0, $1, $2, $3, $4, $5) },
    transformWeight: { transformWeight($0, $1, $2, $3) },
    multiply: { multiplyPositions($0, $1, $2, $3) },
    multiplyGradient: { multiplyGradient($0, $1, $2, $3) },
    transformWeightGradient: { transformWeightGradient($0, $1, $2, $3) })
}

/// Six tiles at a time by 16 output channels, as in direct convolution; four where the rest is
/// computed faster so.
private func multiplyPositions(
  _ product: borrowing WinogradProduct, _ input: UnsafePointer<Float>,
  _ weight: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>
) {
  var position = 0
  while position < product.positions {
    let tiles = input + position * product.positionStride
    let panel = weight + position * product.weightStride
    let target = result + position * product.resultStride
    let ahead = position + 1 < product.positions ? product.positionStride : 0
    var tile = 0
    while tile < product.tiles {
      let left = product.tiles - tile
      let place = tile * 16
      if left <= 4 || left == 7 || left == 8 {
        multiplyFour(product, tiles + place, min(left, 4), ahead, panel, target + place)
        tile += 4
      } else {
        multiplySix(product, tiles + place, min(left, 6), ahead, panel, target + place)
        tile += 6
      }
    }
    position += 1
  }
}

@inline(__always)
private func multiplySix(
  _ product: borrowing WinogradProduct, _ input: UnsafePointer<Float>, _ tiles: Int,
  _ ahead: Int, _ panel: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>
) {
  // Tiles past the end are computed as the first one, and not written.
  let o1 = tiles > 1 ? 16 : 0
  let o2 = tiles > 2 ? 32 : 0
  let o3 = tiles > 3 ? 48 : 0
  let o4 = tiles > 4 ? 64 : 0
  let o5 = tiles > 5 ? 80 : 0
  var (a0, b0) = (Vector.zero, Vector.zero)
  var (a1, b1) = (Vector.zero, Vector.zero)
  var (a2, b2) = (Vector.zero, Vector.zero)
  var (a3, b3) = (Vector.zero, Vector.zero)
  var (a4, b4) = (Vector.zero, Vector.zero)
  var (a5, b5) = (Vector.zero, Vector.zero)
  if product.adds {
    (a0, b0) = (load(target), load(target + 8))
    (a1, b1) = (load(target + o1), load(target + o1 + 8))
    (a2, b2) = (load(target + o2), load(target + o2 + 8))
    (a3, b3) = (load(target + o3), load(target + o3 + 8))
    (a4, b4) = (load(target + o4), load(target + o4 + 8))
    (a5, b5) = (load(target + o5), load(target + o5 + 8))
  }
  var x = input
  var weights = panel
  var left = product.channels
  while left > 0 {
    let end = min(16, left)
    prefetch(x + ahead)
    var i = 0
    while i < end {
      let u = load(weights)
      let v = load(weights + 8)
      multiply(x[i], u, v, &a0, &b0)
      multiply(x[i + o1], u, v, &a1, &b1)
      multiply(x[i + o2], u, v, &a2, &b2)
      multiply(x[i + o3], u, v, &a3, &b3)
      multiply(x[i + o4], u, v, &a4, &b4)
      multiply(x[i + o5], u, v, &a5, &b5)
      weights += 16
      i += 1
    }
    x += product.panelStride
    left -= 16
  }
  write(a0, b0, target)
  if tiles > 1 { write(a1, b1, target + 16) }
  if tiles > 2 { write(a2, b2, target + 32) }
  if tiles > 3 { write(a3, b3, target + 48) }
  if tiles > 4 { write(a4, b4, target + 64) }
  if tiles > 5 { write(a5, b5, target + 80) }
}

@inline(__always)
private func multiplyFour(
  _ product: borrowing WinogradProduct, _ input: UnsafePointer<Float>, _ tiles: Int,
  _ ahead: Int, _ panel: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>
) {
  // Tiles past the end are computed as the first one, and not written.
  let o1 = tiles > 1 ? 16 : 0
  let o2 = tiles > 2 ? 32 : 0
  let o3 = tiles > 3 ? 48 : 0
  var (a0, b0) = (Vector.zero, Vector.zero)
  var (a1, b1) = (Vector.zero, Vector.zero)
  var (a2, b2) = (Vector.zero, Vector.zero)
  var (a3, b3) = (Vector.zero, Vector.zero)
  if product.adds {
    (a0, b0) = (load(target), load(target + 8))
    (a1, b1) = (load(target + o1), load(target + o1 + 8))
    (a2, b2) = (load(target + o2), load(target + o2 + 8))
    (a3, b3) = (load(target + o3), load(target + o3 + 8))
  }
  var x = input
  var weights = panel
  var left = product.channels
  while left > 0 {
    let end = min(16, left)
    prefetch(x + ahead)
    var i = 0
    while i < end {
      let u = load(weights)
      let v = load(weights + 8)
      multiply(x[i], u, v, &a0, &b0)
      multiply(x[i + o1], u, v, &a1, &b1)
      multiply(x[i + o2], u, v, &a2, &b2)
      multiply(x[i + o3], u, v, &a3, &b3)
      weights += 16
      i += 1
    }
    x += product.panelStride
    left -= 16
  }
  write(a0, b0, target)
  if tiles > 1 { write(a1, b1, target + 16) }
  if tiles > 2 { write(a2, b2, target + 32) }
  if tiles > 3 { write(a3, b3, target + 48) }
}

/// Fetches six tiles' lines, those of the next position: they come from memory that is shared by
/// threads, in pieces that are too short for the processor to foresee.
@inline(__always)
private func prefetch(_ place: UnsafePointer<Float>) {
  cnn_vector_prefetch(place)
  cnn_vector_prefetch(place + 16)
  cnn_vector_prefetch(place + 32)
  cnn_vector_prefetch(place + 48)
  cnn_vector_prefetch(place + 64)
  cnn_vector_prefetch(place + 80)
}

@inline(__always)
private func write(_ a: Vector, _ b: Vector, _ target: UnsafeMutablePointer<Float>) {
  store(a, target)
  store(b, target + 8)
}

/// Six output channels by a panel of 16 inputs at a time, over all tiles; of a panel of outputs the
/// last four.
private func multiplyGradient(
  _ gradient: borrowing WinogradGradient, _ outputs: UnsafePointer<Float>,
  _ inputs: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>
) {
  var position = 0
  while position < gradient.points * gradient.points {
    var output = 0
    while output < gradient.outputs {
      let lane = output & 15
      let d =
        outputs + position * gradient.outputPositionStride
        + (output >> 4) * gradient.panelStride + lane
      let target = sums + position * gradient.sumPositionStride + output * gradient.sumStride
      var channel = 0
      while channel < gradient.channels {
        let x =
          inputs + position * gradient.inputPositionStride
          + (channel >> 4) * gradient.panelStride
        // The first to read a panel fetches that of the next position.
        var ahead = x
        if position + 1 < gradient.points * gradient.points {
          if output == 0 {
            ahead = x + gradient.inputPositionStride
          } else if channel == 0, lane == 6 {
            ahead = d - lane + gradient.outputPositionStride
          }
        }
        if lane == 12 {
          multiplyOuterFour(d, x, ahead, gradient.tiles, target + channel, gradient.sumStride)
        } else {
          multiplyOuterSix(d, x, ahead, gradient.tiles, target + channel, gradient.sumStride)
        }
        channel += 16
      }
      output += lane == 12 ? 4 : 6
    }
    position += 1
  }
}

@inline(__always)
private func multiplyOuterSix(
  _ outputs: UnsafePointer<Float>, _ inputs: UnsafePointer<Float>,
  _ ahead: UnsafePointer<Float>, _ tiles: Int, _ target: UnsafeMutablePointer<Float>, _ stride: Int
) {
  var (a0, b0) = (Vector.zero, Vector.zero)
  var (a1, b1) = (Vector.zero, Vector.zero)
  var (a2, b2) = (Vector.zero, Vector.zero)
  var (a3, b3) = (Vector.zero, Vector.zero)
  var (a4, b4) = (Vector.zero, Vector.zero)
  var (a5, b5) = (Vector.zero, Vector.zero)
  var i = 0
  while i < tiles * 16 {
    cnn_vector_prefetch(ahead + i)
    let u = load(inputs + i)
    let v = load(inputs + i + 8)
    multiply(outputs[i], u, v, &a0, &b0)
    multiply(outputs[i + 1], u, v, &a1, &b1)
    multiply(outputs[i + 2], u, v, &a2, &b2)
    multiply(outputs[i + 3], u, v, &a3, &b3)
    multiply(outputs[i + 4], u, v, &a4, &b4)
    multiply(outputs[i + 5], u, v, &a5, &b5)
    i += 16
  }
  write(a0, b0, target)
  write(a1, b1, target + stride)
  write(a2, b2, target + 2 * stride)
  write(a3, b3, target + 3 * stride)
  write(a4, b4, target + 4 * stride)
  write(a5, b5, target + 5 * stride)
}

@inline(__always)
private func multiplyOuterFour(
  _ outputs: UnsafePointer<Float>, _ inputs: UnsafePointer<Float>,
  _ ahead: UnsafePointer<Float>, _ tiles: Int, _ target: UnsafeMutablePointer<Float>, _ stride: Int
) {
  var (a0, b0) = (Vector.zero, Vector.zero)
  var (a1, b1) = (Vector.zero, Vector.zero)
  var (a2, b2) = (Vector.zero, Vector.zero)
  var (a3, b3) = (Vector.zero, Vector.zero)
  var i = 0
  while i < tiles * 16 {
    cnn_vector_prefetch(ahead + i)
    let u = load(inputs + i)
    let v = load(inputs + i + 8)
    multiply(outputs[i], u, v, &a0, &b0)
    multiply(outputs[i + 1], u, v, &a1, &b1)
    multiply(outputs[i + 2], u, v, &a2, &b2)
    multiply(outputs[i + 3], u, v, &a3, &b3)
    i += 16
  }
  write(a0, b0, target)
  write(a1, b1, target + stride)
  write(a2, b2, target + 2 * stride)
  write(a3, b3, target + 3 * stride)
}
