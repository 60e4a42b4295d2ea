import CNNKernelTypes

func makeDirectKernels() -> DirectKernels {
  #if CNN_FMA || arch(arm64)
    let isFast = true
  #else
    let isFast = false
  #endif
  return DirectKernels(
    isFast: isFast, multiplyPanel: { multiplyPanel($0) },
    packRows: { packRows($0, $1, $2, $3, $4) },
    gradient: DirectGradientKernels(
      addPanel: { addPanelGradient($0) }, pack: { packGradient($0, $1, $2, $3, $4, $5) },
      unpack: { unpackRows($0, $1, $2, $3, $4) }))
}

/// In strips that stay in the first cache while the rows are written into them one by one.
private func packRows(
  _ rows: UnsafePointer<Float>, _ stride: Int, _ count: Int, _ length: Int,
  _ target: UnsafeMutablePointer<Float>
) {
  var start = 0
  while start < length {
    let end = min(start + 256, length)
    var row = 0
    while row < 16 {
      let source = rows + row * stride
      var i = start
      while i < end {
        target[i * 16 + row] = row < count ? source[i] : 0
        i += 1
      }
      row += 1
    }
    start = end
  }
}

/// Computes six pixels at a time by 16 channels.
///
/// Twelve sums, two vectors of weights and an input fill the registers, and are more than the
/// multiply-add units have under way. Four pixels where the rest is computed faster so.
///
/// Each sum runs over the window in its order, whichever pixels are beside it.
private func multiplyPanel(_ block: borrowing DirectBlock) {
  let count = block.width * block.lines
  var done = 0
  var place = Place(line: 0, column: 0)
  while done < count {
    let left = count - done
    if left <= 4 || left == 7 || left == 8 {
      multiplyFour(block, &place, min(left, 4))
      done += 4
    } else {
      multiplySix(block, &place, min(left, 6))
      done += 6
    }
  }
}

/// An output pixel of a block.
private struct Place {
  var line: Int
  var column: Int
}

/// Steps to the next pixel.
@inline(__always)
private func advance(_ place: inout Place, _ block: borrowing DirectBlock) {
  place.column += 1
  if place.column == block.width {
    place.column = 0
    place.line += 1
  }
}

/// Returns where the window of `place` begins, and steps on if there is another pixel: those past
/// the end are computed as the last one, and not written.
@inline(__always)
private func window(_ place: inout Place, _ block: borrowing DirectBlock, _ hasNext: Bool)
  -> UnsafePointer<Float>
{
  let start = block.image + (place.line * block.lineStride + place.column * block.pixelStride)
  if hasNext { advance(&place, block) }
  return start
}

@inline(__always)
private func multiplySix(_ block: borrowing DirectBlock, _ place: inout Place, _ pixels: Int) {
  var (a0, a1, a2) = (Vector.zero, Vector.zero, Vector.zero)
  var (a3, a4, a5) = (Vector.zero, Vector.zero, Vector.zero)
  var (b0, b1, b2) = (Vector.zero, Vector.zero, Vector.zero)
  var (b3, b4, b5) = (Vector.zero, Vector.zero, Vector.zero)
  var next = place
  let p0 = window(&next, block, pixels > 1)
  let p1 = window(&next, block, pixels > 2)
  let p2 = window(&next, block, pixels > 3)
  let p3 = window(&next, block, pixels > 4)
  let p4 = window(&next, block, pixels > 5)
  let p5 = window(&next, block, false)
  var weights = block.panel
  let length = block.runLength
  var run = 0
  while run < block.runCount {
    let start = block.runs[run]
    let (x0, x1, x2) = (p0 + start, p1 + start, p2 + start)
    let (x3, x4, x5) = (p3 + start, p4 + start, p5 + start)
    var i = 0
    while i < length {
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
    run += 1
  }
  write(a0, b0, &place, block)
  if pixels > 1 { write(a1, b1, &place, block) }
  if pixels > 2 { write(a2, b2, &place, block) }
  if pixels > 3 { write(a3, b3, &place, block) }
  if pixels > 4 { write(a4, b4, &place, block) }
  if pixels > 5 { write(a5, b5, &place, block) }
}

@inline(__always)
private func multiplyFour(_ block: borrowing DirectBlock, _ place: inout Place, _ pixels: Int) {
  var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  var (b0, b1, b2, b3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  var next = place
  let p0 = window(&next, block, pixels > 1)
  let p1 = window(&next, block, pixels > 2)
  let p2 = window(&next, block, pixels > 3)
  let p3 = window(&next, block, false)
  var weights = block.panel
  let length = block.runLength
  var run = 0
  while run < block.runCount {
    let start = block.runs[run]
    let (x0, x1, x2, x3) = (p0 + start, p1 + start, p2 + start, p3 + start)
    var i = 0
    while i < length {
      let u = load(weights)
      let v = load(weights + 8)
      multiply(x0[i], u, v, &a0, &b0)
      multiply(x1[i], u, v, &a1, &b1)
      multiply(x2[i], u, v, &a2, &b2)
      multiply(x3[i], u, v, &a3, &b3)
      weights += 16
      i += 1
    }
    run += 1
  }
  write(a0, b0, &place, block)
  if pixels > 1 { write(a1, b1, &place, block) }
  if pixels > 2 { write(a2, b2, &place, block) }
  if pixels > 3 { write(a3, b3, &place, block) }
}

/// Adds the products of an input with 16 weights to 16 sums.
@inline(__always)
func multiply(
  _ x: Float, _ u: Vector, _ v: Vector, _ a: inout Vector, _ b: inout Vector
) {
  let factor = Vector(repeating: x)
  addProduct(&a, factor, u)
  addProduct(&b, factor, v)
}

/// Writes the outputs of a pixel, and steps to the next.
@inline(__always)
private func write(
  _ a: Vector, _ b: Vector, _ place: inout Place, _ block: borrowing DirectBlock
) {
  let offset = place.line * block.outputLineStride + place.column * block.outputStride
  let y = block.output + offset
  let addend = block.addend.map { $0 + offset }
  advance(&place, block)
  if block.columns == 16 {
    store(finish(a, block, 0, addend), y)
    store(finish(b, block, 8, addend), y + 8)
    return
  }
  var c = 0
  while c < block.columns {
    var sum = c < 8 ? a[c] : b[c - 8]
    if let scale = block.scale { sum *= scale[c] }
    if let shift = block.shift { sum += shift[c] }
    if let addend { sum += addend[c] }
    y[c] = block.slope == 1 ? sum : activate(sum, block.slope)
    c += 1
  }
}

/// Returns what is stored for the sums of eight channels.
@inline(__always)
private func finish(
  _ sums: Vector, _ block: borrowing DirectBlock, _ channel: Int, _ addend: UnsafePointer<Float>?
) -> Vector {
  var x = sums
  if let scale = block.scale { x *= load(scale + channel) }
  if let shift = block.shift { x += load(shift + channel) }
  if let addend { x += load(addend + channel) }
  return block.slope == 1 ? x : activate(x, Vector(repeating: block.slope))
}
