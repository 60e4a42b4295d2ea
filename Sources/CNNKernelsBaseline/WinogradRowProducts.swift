import CNNKernelTypes

/// Six tiles at a time by 16 output channels, as in direct convolution; four where the rest is
/// computed faster so.
///
/// A window is short, so that tables say where windows lie: to work it out would take as long as to
/// multiply.
func multiplyRowPositions(
  _ product: borrowing WinogradRowProduct, _ input: UnsafePointer<Float>,
  _ weight: UnsafePointer<Float>, _ products: UnsafeMutablePointer<Float>
) {
  var position = 0
  while position < 10 {
    let image = input + position * product.inputStride
    let panel = weight + position * product.weightStride
    let target = products + position * product.productStride
    var tile = 0
    while tile < product.tiles {
      let left = product.tiles - tile
      if left <= 4 || left == 7 || left == 8 {
        multiplyFour(
          image, product.places + tile, min(left, 4), product.depth, panel, target + tile * 16)
        tile += 4
      } else {
        multiplySix(
          image, product.places + tile, min(left, 6), product.depth, panel, target + tile * 16)
        tile += 6
      }
    }
    position += 1
  }
}

@inline(__always)
private func multiplySix(
  _ image: UnsafePointer<Float>, _ places: UnsafePointer<Int>, _ tiles: Int, _ depth: Int,
  _ panel: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>
) {
  var (a0, b0) = (Vector.zero, Vector.zero)
  var (a1, b1) = (Vector.zero, Vector.zero)
  var (a2, b2) = (Vector.zero, Vector.zero)
  var (a3, b3) = (Vector.zero, Vector.zero)
  var (a4, b4) = (Vector.zero, Vector.zero)
  var (a5, b5) = (Vector.zero, Vector.zero)
  // Tiles past the end are computed as the last one, and not written.
  let x0 = image + places[0]
  let x1 = image + places[min(1, tiles - 1)]
  let x2 = image + places[min(2, tiles - 1)]
  let x3 = image + places[min(3, tiles - 1)]
  let x4 = image + places[min(4, tiles - 1)]
  let x5 = image + places[min(5, tiles - 1)]
  var weights = panel
  var i = 0
  while i < depth {
    let u = load(weights)
    let v = load(weights + 8)
    multiply(x0[i], u, v, &a0, &b0)
    multiply(x1[i], u, v, &a1, &b1)
    multiply(x2[i], u, v, &a2, &b2)
    multiply(x3[i], u, v, &a3, &b3)
    multiply(x4[i], u, v, &a4, &b4)
    multiply(x5[i], u, v, &a5, &b5)
    weights += 16
    i += 1
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
  _ image: UnsafePointer<Float>, _ places: UnsafePointer<Int>, _ tiles: Int, _ depth: Int,
  _ panel: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>
) {
  var (a0, b0) = (Vector.zero, Vector.zero)
  var (a1, b1) = (Vector.zero, Vector.zero)
  var (a2, b2) = (Vector.zero, Vector.zero)
  var (a3, b3) = (Vector.zero, Vector.zero)
  // Tiles past the end are computed as the last one, and not written.
  let x0 = image + places[0]
  let x1 = image + places[min(1, tiles - 1)]
  let x2 = image + places[min(2, tiles - 1)]
  let x3 = image + places[min(3, tiles - 1)]
  var weights = panel
  var i = 0
  while i < depth {
    let u = load(weights)
    let v = load(weights + 8)
    multiply(x0[i], u, v, &a0, &b0)
    multiply(x1[i], u, v, &a1, &b1)
    multiply(x2[i], u, v, &a2, &b2)
    multiply(x3[i], u, v, &a3, &b3)
    weights += 16
    i += 1
  }
  write(a0, b0, target)
  if tiles > 1 { write(a1, b1, target + 16) }
  if tiles > 2 { write(a2, b2, target + 32) }
  if tiles > 3 { write(a3, b3, target + 48) }
}

@inline(__always)
private func write(_ a: Vector, _ b: Vector, _ target: UnsafeMutablePointer<Float>) {
  store(a, target)
  store(b, target + 8)
}
