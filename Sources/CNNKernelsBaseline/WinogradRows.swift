import CNNKernelTypes

// One-dimensional minimal filtering along lines: tiles of 4, 5 or 6 pixels, kernels of 7, 6 or 5
// taps, ten positions.
//
// The matrices are those of the Cook-Toom construction with the points 0, 1, -1, 2, -2, 1/2, -1/2,
// 3/4, -3/4 and infinity (`ReferenceWinograd` generates them, and tests compare). The rows of the
// points p and -p share their even part E and their odd part O: they are E + O and E - O. Sizes are
// literals by the time that the compiler sees the loops; for this each has a function by itself,
// because the compiler stops putting functions into one that has become too large.

func makeWinogradRowKernels() -> WinogradRowKernels {
  WinogradRowKernels(
    transformInput: { transformRowInput($0, $1, $2, $3, $4, $5, $6) },
    transformGradient: { transformRowGradient($0, $1, $2) },
    multiply: { multiplyRowPositions($0, $1, $2, $3) },
    transformOutput: { transformRowOutput($0, $1, $2, $3, $4) },
    transformWeight: { transformRowWeight($0, $1, $2) },
    transformWeightGradient: { transformRowWeightGradient($0, $1, $2) })
}

/// Returns x + factor · y.
@inline(__always)
private func add(_ x: Vector, _ factor: Float, _ y: Vector) -> Vector {
  var sum = x
  addProduct(&sum, lanes(factor), y)
  return sum
}

// MARK: Input

private func transformRowInput(
  _ pixels: Int, _ channels: Int, _ tiles: Int, _ line: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ positionStride: Int, _ tileStride: Int
) {
  var tile = 0
  while tile < tiles {
    let source = line + tile * pixels * channels
    let place = target + tile * tileStride
    var channel = 0
    while channel < channels {
      transformTile(source + channel, channels, place + channel, positionStride)
      channel += 8
    }
    tile += 1
  }
}

/// The matrix Bᵀ.
@inline(__always)
private func transformTile(
  _ x: UnsafePointer<Float>, _ stride: Int, _ target: UnsafeMutablePointer<Float>, _ step: Int
) {
  let (d1, d2) = (load(x + stride), load(x + 2 * stride))
  let (d3, d4) = (load(x + 3 * stride), load(x + 4 * stride))
  let (d5, d6) = (load(x + 5 * stride), load(x + 6 * stride))
  let (d7, d8) = (load(x + 7 * stride), load(x + 8 * stride))
  // The polynomials in x² that are zero at all squares, and at all but one.
  let first = add(add(add(d8, -5.8125, d6), 8.203125, d4), -3.953125, d2)
  store(add(first, 0.5625, load(x)), target)
  let last = add(add(add(load(x + 9 * stride), -5.8125, d7), 8.203125, d5), -3.953125, d3)
  store(add(last, 0.5625, d1), target + 9 * step)
  let even1 = add(add(add(d8, -4.8125, d6), 3.390625, d4), -0.5625, d2)
  let odd1 = add(add(add(d7, -4.8125, d5), 3.390625, d3), -0.5625, d1)
  store(even1 + odd1, target + step)
  store(even1 - odd1, target + 2 * step)
  let even2 = add(add(add(d8, -1.8125, d6), 0.953125, d4), -0.140625, d2)
  let odd2 = add(add(add(d7, -1.8125, d5), 0.953125, d3), -0.140625, d1)
  store(add(even2, 2, odd2), target + 3 * step)
  store(add(even2, -2, odd2), target + 4 * step)
  let even3 = add(add(add(d8, -5.5625, d6), 6.8125, d4), -2.25, d2)
  let odd3 = add(add(add(d7, -5.5625, d5), 6.8125, d3), -2.25, d1)
  store(add(even3, 0.5, odd3), target + 5 * step)
  store(add(even3, -0.5, odd3), target + 6 * step)
  let even4 = add(add(add(d8, -5.25, d6), 5.25, d4), -1, d2)
  let odd4 = add(add(add(d7, -5.25, d5), 5.25, d3), -1, d1)
  store(add(even4, 0.75, odd4), target + 7 * step)
  store(add(even4, -0.75, odd4), target + 8 * step)
}

// MARK: Evaluation and interpolation

/// The positive points.
@inline(__always)
private func point(_ pair: Int) -> Float {
  pair == 0 ? 1 : pair == 1 ? 2 : pair == 2 ? 0.5 : 0.75
}

/// One over the product of a point's distances to the others, the same for p and -p.
@inline(__always)
private func scale(_ pair: Int) -> Float {
  pair == 0 ? -32 / 63 : pair == 1 ? 8 / 2475 : pair == 2 ? -512 / 225 : 32768 / 17325
}

/// The same for the point 0.
@inline(__always)
private func scaleOfZero() -> Float { 16 / 9 }

/// Up to seven coefficients of a polynomial.
struct RowCoefficients {
  var (v0, v1, v2, v3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  var (v4, v5, v6) = (Vector.zero, Vector.zero, Vector.zero)

  /// Writes the values of the polynomial with `count` coefficients at all points: the matrix A, or
  /// with `scaled` G.
  @inline(__always)
  func evaluate(
    _ count: Int, scaled: Bool, _ target: UnsafeMutablePointer<Float>, _ step: Int
  ) {
    store(scaled ? scaleOfZero() * v0 : v0, target)
    store(count == 4 ? v3 : count == 5 ? v4 : count == 6 ? v5 : v6, target + 9 * step)
    var pair = 0
    while pair < 4 {
      let p = point(pair)
      let q = p * p
      var even = add(v0, q, v2)
      if count > 4 { even = add(even, q * q, v4) }
      if count > 6 { even = add(even, q * q * q, v6) }
      var odd = add(v1, q, v3)
      if count > 5 { odd = add(odd, q * q, v5) }
      let factor = scaled ? scale(pair) : 1
      if scaled { even *= factor }
      store(add(even, factor * p, odd), target + (1 + 2 * pair) * step)
      store(add(even, -factor * p, odd), target + (2 + 2 * pair) * step)
      pair += 1
    }
  }
}

/// Ten positions, of which p and -p are kept as their sum and difference.
struct RowPositions {
  let first: Vector
  let last: Vector
  let (s1, s2, s3, s4): (Vector, Vector, Vector, Vector)
  let (d1, d2, d3, d4): (Vector, Vector, Vector, Vector)

  @inline(__always)
  init(_ x: UnsafePointer<Float>, _ step: Int, scaled: Bool) {
    let zero = load(x)
    first = scaled ? scaleOfZero() * zero : zero
    last = load(x + 9 * step)
    (s1, d1) = RowPositions.pair(x + step, step, scaled ? scale(0) : 1)
    (s2, d2) = RowPositions.pair(x + 3 * step, step, scaled ? scale(1) : 1)
    (s3, d3) = RowPositions.pair(x + 5 * step, step, scaled ? scale(2) : 1)
    (s4, d4) = RowPositions.pair(x + 7 * step, step, scaled ? scale(3) : 1)
  }

  @inline(__always)
  private static func pair(
    _ x: UnsafePointer<Float>, _ step: Int, _ scale: Float
  ) -> (Vector, Vector) {
    let (a, b) = (load(x), load(x + step))
    return scale == 1 ? (a + b, a - b) : (scale * (a + b), scale * (a - b))
  }

  /// Row `index` of the transpose of `evaluate` for `count` coefficients: Aᵀ or Gᵀ.
  @inline(__always)
  func interpolated(_ index: Int, _ count: Int) -> Vector {
    var (two, threeQuarters): (Float, Float) = (1, 1)
    var power = 0
    while power < index {
      two *= 2
      threeQuarters *= 0.75
      power += 1
    }
    var y = index & 1 == 0 ? add(s1, two, s2) : add(d1, two, d2)
    y = add(y, 1 / two, index & 1 == 0 ? s3 : d3)
    y = add(y, threeQuarters, index & 1 == 0 ? s4 : d4)
    if index == 0 { y += first }
    if index == count - 1 { y += last }
    return y
  }
}

// MARK: Gradient of the output

private func transformRowGradient(
  _ lines: borrowing WinogradLines, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  switch lines.pixels {
  case 4: transformRowGradient4(lines, image, target)
  case 5: transformRowGradient5(lines, image, target)
  default: transformRowGradient6(lines, image, target)
  }
}

@inline(never)
private func transformRowGradient4(
  _ lines: borrowing WinogradLines, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  transformRowGradient(lines, 4, image, target)
}

@inline(never)
private func transformRowGradient5(
  _ lines: borrowing WinogradLines, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  transformRowGradient(lines, 5, image, target)
}

@inline(never)
private func transformRowGradient6(
  _ lines: borrowing WinogradLines, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  transformRowGradient(lines, 6, image, target)
}

@inline(__always)
private func transformRowGradient(
  _ lines: borrowing WinogradLines, _ pixels: Int, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>
) {
  let stride = lines.pixelStride
  var place = target
  var line = 0
  while line < lines.lines {
    var tile = 0
    while tile < lines.tiles {
      let source = image + (line * lines.lineStride + tile * pixels * stride)
      let inside = min(pixels, lines.width - tile * pixels)
      var half = 0
      while half < 16 {
        let count = lines.channels - half
        var c = RowCoefficients()
        let x = source + half
        if inside == pixels, count >= 8 {
          c.v0 = load(x)
          c.v1 = load(x + stride)
          c.v2 = load(x + 2 * stride)
          c.v3 = load(x + 3 * stride)
          if pixels > 4 { c.v4 = load(x + 4 * stride) }
          if pixels > 5 { c.v5 = load(x + 5 * stride) }
        } else if count > 0 {
          c.v0 = part(x, count)
          if inside > 1 { c.v1 = part(x + stride, count) }
          if inside > 2 { c.v2 = part(x + 2 * stride, count) }
          if inside > 3 { c.v3 = part(x + 3 * stride, count) }
          if inside > 4 { c.v4 = part(x + 4 * stride, count) }
          if inside > 5 { c.v5 = part(x + 5 * stride, count) }
        }
        c.evaluate(pixels, scaled: false, place + half, lines.positionStride)
        half += 8
      }
      place += 16
      tile += 1
    }
    line += 1
  }
}

@inline(__always)
private func part(_ x: UnsafePointer<Float>, _ count: Int) -> Vector {
  count >= 8 ? load(x) : load(x, count)
}

// MARK: Output

private func transformRowOutput(
  _ lines: borrowing WinogradLines, _ products: UnsafePointer<Float>,
  _ affine: UnsafePointer<Float>, _ slope: Float, _ image: UnsafeMutablePointer<Float>
) {
  switch lines.pixels {
  case 4: transformRowOutput4(lines, products, affine, slope, image)
  case 5: transformRowOutput5(lines, products, affine, slope, image)
  default: transformRowOutput6(lines, products, affine, slope, image)
  }
}

@inline(never)
private func transformRowOutput4(
  _ lines: borrowing WinogradLines, _ products: UnsafePointer<Float>,
  _ affine: UnsafePointer<Float>, _ slope: Float, _ image: UnsafeMutablePointer<Float>
) {
  transformRowOutput(lines, 4, products, affine, slope, image)
}

@inline(never)
private func transformRowOutput5(
  _ lines: borrowing WinogradLines, _ products: UnsafePointer<Float>,
  _ affine: UnsafePointer<Float>, _ slope: Float, _ image: UnsafeMutablePointer<Float>
) {
  transformRowOutput(lines, 5, products, affine, slope, image)
}

@inline(never)
private func transformRowOutput6(
  _ lines: borrowing WinogradLines, _ products: UnsafePointer<Float>,
  _ affine: UnsafePointer<Float>, _ slope: Float, _ image: UnsafeMutablePointer<Float>
) {
  transformRowOutput(lines, 6, products, affine, slope, image)
}

@inline(__always)
private func transformRowOutput(
  _ lines: borrowing WinogradLines, _ pixels: Int, _ products: UnsafePointer<Float>,
  _ affine: UnsafePointer<Float>, _ slope: Float, _ image: UnsafeMutablePointer<Float>
) {
  let stride = lines.pixelStride
  let slopes = Vector(repeating: slope)
  var source = products
  var line = 0
  while line < lines.lines {
    var place = image + line * lines.lineStride
    var tile = 0
    while tile < lines.tiles {
      let inside = min(pixels, lines.width - tile * pixels)
      var half = 0
      while half < lines.channels {
        let channels = min(8, lines.channels - half)
        let scale = load(affine + half)
        let shift = load(affine + 16 + half)
        let positions = RowPositions(source + half, lines.positionStride, scaled: false)
        var pixel = 0
        while pixel < pixels {
          var y = shift
          addProduct(&y, positions.interpolated(pixel, pixels), scale)
          if slope != 1 { y = activate(y, slopes) }
          if pixel < inside {
            let target = place + (pixel * stride + half)
            if channels == 8 { store(y, target) } else { store(y, target, channels) }
          }
          pixel += 1
        }
        half += 8
      }
      source += 16
      place += pixels * stride
      tile += 1
    }
    line += 1
  }
}
