// The one-dimensional transforms of the Winograd family, over vectors of eight channels.
//
// All stand for matrices of the Cook-Toom construction with the points 0, 1, -1, 2, -2, 1/2, -1/2
// and infinity for tiles of 8, without the halves for tiles of 6 (`ReferenceWinograd` generates
// them, and tests compare). The rows of the points p and -p share their even part E and their odd
// part O: they are E + O and E - O.
//
// `evaluate` computes the values of a polynomial at the points. With `scaled` each is divided by
// the product of the distances to the other points: that is G of a kernel; without, it is A.
// `interpolate` is the transpose of `evaluate`: Aᵀ, or with `scaled` Gᵀ.

/// Returns x + factor · y.
@inline(__always)
private func add(_ x: Vector, _ factor: Float, _ y: Vector) -> Vector {
  var sum = x
  addProduct(&sum, lanes(factor), y)
  return sum
}

/// The matrix Bᵀ.
@inline(__always)
func winogradInput(
  _ points: Int, _ source: UnsafePointer<Float>, _ stride: Int,
  _ target: UnsafeMutablePointer<Float>, _ targetStride: Int
) {
  if points == 8 {
    winogradInput8(source, stride, target, targetStride)
  } else {
    winogradInput6(source, stride, target, targetStride)
  }
}

/// The values of the polynomial with `count` coefficients, 2 to 7, at all points.
@inline(__always)
func winogradEvaluate(
  _ points: Int, _ count: Int, scaled: Bool, _ source: UnsafePointer<Float>, _ stride: Int,
  _ target: UnsafeMutablePointer<Float>, _ targetStride: Int
) {
  let v0 = load(source)
  let v1 = load(source + stride)
  let v2 = count > 2 ? load(source + 2 * stride) : Vector.zero
  let v3 = count > 3 ? load(source + 3 * stride) : Vector.zero
  let v4 = count > 4 ? load(source + 4 * stride) : Vector.zero
  let v5 = count > 5 ? load(source + 5 * stride) : Vector.zero
  let v6 = count > 6 ? load(source + 6 * stride) : Vector.zero
  let last = load(source + (count - 1) * stride)
  store(scaled ? (points == 8 ? -v0 : 0.25 * v0) : v0, target)
  store(last, target + (points - 1) * targetStride)
  var pair = 0
  while pair < (points - 2) / 2 {
    let p: Float = pair == 0 ? 1 : pair == 1 ? 2 : 0.5
    let q = p * p
    var even = v0
    if count > 2 { even = add(even, q, v2) }
    if count > 4 { even = add(even, q * q, v4) }
    if count > 6 { even = add(even, q * q * q, v6) }
    var odd = v1
    if count > 3 { odd = add(odd, q, v3) }
    if count > 5 { odd = add(odd, q * q, v5) }
    let scale = scaled ? winogradScale(points, pair) : 1
    if scaled { even *= scale }
    store(add(even, scale * p, odd), target + (1 + 2 * pair) * targetStride)
    store(add(even, -scale * p, odd), target + (2 + 2 * pair) * targetStride)
    pair += 1
  }
}

/// One over the product of a point's distances to the others, the same for p and -p.
@inline(__always)
private func winogradScale(_ points: Int, _ pair: Int) -> Float {
  if points == 8 { return pair == 0 ? -2 / 9 : pair == 1 ? 1 / 90 : 32 / 45 }
  return pair == 0 ? -1 / 6 : 1 / 24
}

/// The transpose of `winogradEvaluate`.
@inline(__always)
func winogradInterpolate(
  _ points: Int, _ count: Int, scaled: Bool, _ source: UnsafePointer<Float>, _ stride: Int,
  _ target: UnsafeMutablePointer<Float>, _ targetStride: Int
) {
  let m0 = load(source)
  let first = scaled ? (points == 8 ? -m0 : 0.25 * m0) : m0
  let last = load(source + (points - 1) * stride)
  var s1 = load(source + stride) + load(source + 2 * stride)
  var d1 = load(source + stride) - load(source + 2 * stride)
  var s2 = load(source + 3 * stride) + load(source + 4 * stride)
  var d2 = load(source + 3 * stride) - load(source + 4 * stride)
  var s3 = points == 8 ? load(source + 5 * stride) + load(source + 6 * stride) : Vector.zero
  var d3 = points == 8 ? load(source + 5 * stride) - load(source + 6 * stride) : Vector.zero
  if scaled {
    s1 *= winogradScale(points, 0)
    d1 *= winogradScale(points, 0)
    s2 *= winogradScale(points, 1)
    d2 *= winogradScale(points, 1)
    s3 *= winogradScale(points, 2)
    d3 *= winogradScale(points, 2)
  }
  var power: Float = 1
  var i = 0
  while i < count {
    let even = i & 1 == 0
    var y = add(even ? s1 : d1, power, even ? s2 : d2)
    if points == 8 { y = add(y, 1 / power, even ? s3 : d3) }
    if i == 0 { y += first }
    if i == count - 1 { y += last }
    store(y, target + i * targetStride)
    power *= 2
    i += 1
  }
}

@inline(__always)
private func winogradInput8(
  _ source: UnsafePointer<Float>, _ stride: Int, _ target: UnsafeMutablePointer<Float>,
  _ targetStride: Int
) {
  let d1 = load(source + stride)
  let d2 = load(source + 2 * stride)
  let d3 = load(source + 3 * stride)
  let d4 = load(source + 4 * stride)
  let d5 = load(source + 5 * stride)
  let d6 = load(source + 6 * stride)
  store(add(d6 - load(source), 5.25, d2 - d4), target)
  store(add(load(source + 7 * stride) - d1, 5.25, d3 - d5), target + 7 * targetStride)
  let even1 = add(d2 + d6, -4.25, d4)
  let odd1 = add(d1 + d5, -4.25, d3)
  store(even1 + odd1, target + targetStride)
  store(even1 - odd1, target + 2 * targetStride)
  let even2 = add(add(d6, 0.25, d2), -1.25, d4)
  let odd2 = add(add(d5, 0.25, d1), -1.25, d3)
  store(add(even2, 2, odd2), target + 3 * targetStride)
  store(add(even2, -2, odd2), target + 4 * targetStride)
  let even3 = add(add(d6, 4, d2), -5, d4)
  let odd3 = add(add(d5, 4, d1), -5, d3)
  store(add(even3, 0.5, odd3), target + 5 * targetStride)
  store(add(even3, -0.5, odd3), target + 6 * targetStride)
}

@inline(__always)
private func winogradInput6(
  _ source: UnsafePointer<Float>, _ stride: Int, _ target: UnsafeMutablePointer<Float>,
  _ targetStride: Int
) {
  let d1 = load(source + stride)
  let d2 = load(source + 2 * stride)
  let d3 = load(source + 3 * stride)
  let d4 = load(source + 4 * stride)
  store(add(add(d4, 4, load(source)), -5, d2), target)
  store(add(add(load(source + 5 * stride), 4, d1), -5, d3), target + 5 * targetStride)
  let even1 = add(d4, -4, d2)
  let odd1 = add(d3, -4, d1)
  store(even1 + odd1, target + targetStride)
  store(even1 - odd1, target + 2 * targetStride)
  let even2 = d4 - d2
  let odd2 = d3 - d1
  store(add(even2, 2, odd2), target + 3 * targetStride)
  store(add(even2, -2, odd2), target + 4 * targetStride)
}
