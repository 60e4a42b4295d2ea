import CNNKernelTypes

/// Adds six elements of the window at a time by 16 output channels.
///
/// In the registers as for outputs, but the sums run over positions. A sum starts at zero in each
/// block and is then added to what is there, so that long sums are sums of short ones.
func addPanelGradient(_ block: borrowing DirectGradientBlock) {
  var first = 0
  while first < block.elementCount {
    let left = block.elementCount - first
    if left <= 4 || left == 7 || left == 8 {
      addFour(block, first, min(left, 4))
      first += 4
    } else {
      addSix(block, first, min(left, 6))
      first += 6
    }
  }
}

/// Returns where an element of the first window lies; those past the end are computed as the last
/// one, and not written.
@inline(__always)
private func element(_ block: borrowing DirectGradientBlock, _ index: Int, _ last: Int)
  -> UnsafePointer<Float>
{
  block.image + block.elements[min(index, last)]
}

@inline(__always)
private func addSix(_ block: borrowing DirectGradientBlock, _ first: Int, _ count: Int) {
  var (a0, a1, a2) = (Vector.zero, Vector.zero, Vector.zero)
  var (a3, a4, a5) = (Vector.zero, Vector.zero, Vector.zero)
  var (b0, b1, b2) = (Vector.zero, Vector.zero, Vector.zero)
  var (b3, b4, b5) = (Vector.zero, Vector.zero, Vector.zero)
  let last = first + count - 1
  let x0 = element(block, first, last)
  let x1 = element(block, first + 1, last)
  let x2 = element(block, first + 2, last)
  let x3 = element(block, first + 3, last)
  let x4 = element(block, first + 4, last)
  let x5 = element(block, first + 5, last)
  var gradient = block.gradient
  var position = 0
  while position < block.positionCount {
    let i = block.positions[position]
    let u = load(gradient)
    let v = load(gradient + 8)
    multiply(x0[i], u, v, &a0, &b0)
    multiply(x1[i], u, v, &a1, &b1)
    multiply(x2[i], u, v, &a2, &b2)
    multiply(x3[i], u, v, &a3, &b3)
    multiply(x4[i], u, v, &a4, &b4)
    multiply(x5[i], u, v, &a5, &b5)
    gradient += 16
    position += 1
  }
  let sums = block.sums + first * 16
  add(a0, b0, sums)
  if count > 1 { add(a1, b1, sums + 16) }
  if count > 2 { add(a2, b2, sums + 32) }
  if count > 3 { add(a3, b3, sums + 48) }
  if count > 4 { add(a4, b4, sums + 64) }
  if count > 5 { add(a5, b5, sums + 80) }
}

@inline(__always)
private func addFour(_ block: borrowing DirectGradientBlock, _ first: Int, _ count: Int) {
  var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  var (b0, b1, b2, b3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  let last = first + count - 1
  let x0 = element(block, first, last)
  let x1 = element(block, first + 1, last)
  let x2 = element(block, first + 2, last)
  let x3 = element(block, first + 3, last)
  var gradient = block.gradient
  var position = 0
  while position < block.positionCount {
    let i = block.positions[position]
    let u = load(gradient)
    let v = load(gradient + 8)
    multiply(x0[i], u, v, &a0, &b0)
    multiply(x1[i], u, v, &a1, &b1)
    multiply(x2[i], u, v, &a2, &b2)
    multiply(x3[i], u, v, &a3, &b3)
    gradient += 16
    position += 1
  }
  let sums = block.sums + first * 16
  add(a0, b0, sums)
  if count > 1 { add(a1, b1, sums + 16) }
  if count > 2 { add(a2, b2, sums + 32) }
  if count > 3 { add(a3, b3, sums + 48) }
}

@inline(__always)
private func add(_ a: Vector, _ b: Vector, _ sums: UnsafeMutablePointer<Float>) {
  store(load(sums) + a, sums)
  store(load(sums + 8) + b, sums + 8)
}

/// Copies up to 16 channels of the output's gradient, zeros for those that are missing, and adds
/// their sums over the positions to `bias`.
func packGradient(
  _ source: UnsafePointer<Float>, _ stride: Int, _ columns: Int, _ positions: Int,
  _ target: UnsafeMutablePointer<Float>, _ bias: UnsafeMutablePointer<Float>
) {
  var a = Vector.zero
  var b = Vector.zero
  var position = 0
  while position < positions {
    let x = source + position * stride
    let y = target + position * 16
    if columns == 16 {
      let u = load(x)
      let v = load(x + 8)
      a += u
      b += v
      store(u, y)
      store(v, y + 8)
    } else {
      var c = 0
      while c < 16 {
        y[c] = c < columns ? x[c] : 0
        c += 1
      }
      a += load(y)
      b += load(y + 8)
    }
    position += 1
  }
  store(load(bias) + a, bias)
  store(load(bias + 8) + b, bias + 8)
}

/// Adds sums `[elements, 16]` to rows: `rows[row · stride + i] += sums[i · 16 + row]`.
///
/// In pieces of 16 elements, which stay in the first cache while they are read column by column.
func unpackRows(
  _ sums: UnsafePointer<Float>, _ rows: UnsafeMutablePointer<Float>, _ stride: Int, _ count: Int,
  _ length: Int
) {
  var start = 0
  while start < length {
    let end = min(start + 16, length)
    var row = 0
    while row < count {
      let target = rows + row * stride
      var i = start
      var source = sums + start * 16 + row
      while i + 8 <= end {
        let column = Vector(
          source[0], source[16], source[32], source[48], source[64], source[80], source[96],
          source[112])
        store(load(target + i) + column, target + i)
        source += 128
        i += 8
      }
      while i < end {
        target[i] += source[0]
        source += 16
        i += 1
      }
      row += 1
    }
    start = end
  }
}
