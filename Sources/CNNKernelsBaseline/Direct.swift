import CNNKernelTypes

func makeDirectKernels() -> DirectKernels {
  #if CNN_FMA || arch(arm64)
    let isFast = true
  #else
    let isFast = false
  #endif
  return DirectKernels(
    isFast: isFast, multiplyPanel: { multiplyPanel($0) },
    packRows: { packRows($0, $1, $2, $3, $4) })
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

/// Four pixels at a time by 16 channels: eight sums, which is as many as the multiply-add units
/// have under way, and room in the registers for inputs and weights.
///
/// Each sum runs over the window in its order, whichever pixels are beside it. (Six pixels would
/// need fewer loads, but the compiler then keeps sums in memory, at half the speed.)
private func multiplyPanel(_ block: borrowing DirectBlock) {
  let width = block.width
  let count = width * block.lines
  var position = 0
  var line = 0
  var column = 0
  while position < count {
    let p0 = pixel(block, line, column)
    // Pixels past the end are computed as the last one, and not written.
    let p1 = next(block, &line, &column, position + 1 < count)
    let p2 = next(block, &line, &column, position + 2 < count)
    let p3 = next(block, &line, &column, position + 3 < count)
    multiplyTile(
      block, p0, p1, p2, p3, block.output + position * block.outputStride,
      min(4, count - position))
    _ = next(block, &line, &column, position + 4 < count)
    position += 4
  }
}

@inline(__always)
private func pixel(_ block: borrowing DirectBlock, _ line: Int, _ column: Int)
  -> UnsafePointer<Float>
{
  block.image + (line * block.lineStride + column * block.pixelStride)
}

/// Steps to the next pixel, if there is one, and returns where its window begins.
@inline(__always)
private func next(
  _ block: borrowing DirectBlock, _ line: inout Int, _ column: inout Int, _ exists: Bool
) -> UnsafePointer<Float> {
  if exists {
    column += 1
    if column == block.width {
      column = 0
      line += 1
    }
  }
  return pixel(block, line, column)
}

@inline(__always)
private func multiplyTile(
  _ block: borrowing DirectBlock, _ p0: UnsafePointer<Float>, _ p1: UnsafePointer<Float>,
  _ p2: UnsafePointer<Float>, _ p3: UnsafePointer<Float>,
  _ output: UnsafeMutablePointer<Float>, _ rows: Int
) {
  var a0 = Vector.zero
  var a1 = Vector.zero
  var a2 = Vector.zero
  var a3 = Vector.zero
  var b0 = Vector.zero
  var b1 = Vector.zero
  var b2 = Vector.zero
  var b3 = Vector.zero
  var weights = block.panel
  let length = block.runLength
  var run = 0
  while run < block.runCount {
    let start = block.runs[run]
    let x0 = p0 + start
    let x1 = p1 + start
    let x2 = p2 + start
    let x3 = p3 + start
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
  let stride = block.outputStride
  let columns = block.columns
  write(a0, b0, output, columns)
  if rows > 1 { write(a1, b1, output + stride, columns) }
  if rows > 2 { write(a2, b2, output + 2 * stride, columns) }
  if rows > 3 { write(a3, b3, output + 3 * stride, columns) }
}

@inline(__always)
private func multiply(
  _ x: Float, _ u: Vector, _ v: Vector, _ a: inout Vector, _ b: inout Vector
) {
  let factor = Vector(repeating: x)
  addProduct(&a, factor, u)
  addProduct(&b, factor, v)
}

@inline(__always)
private func write(_ a: Vector, _ b: Vector, _ y: UnsafeMutablePointer<Float>, _ columns: Int) {
  if columns == 16 {
    store(a, y)
    store(b, y + 8)
    return
  }
  var c = 0
  while c < columns {
    y[c] = c < 8 ? a[c] : b[c - 8]
    c += 1
  }
}
