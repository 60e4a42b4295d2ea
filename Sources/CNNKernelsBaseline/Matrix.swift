import CNNKernelTypes

func makeMatrixKernels() -> MatrixKernels {
  MatrixKernels(
    dotRows: { dotRows($0, $1, $2, $3, $4, $5, $6) },
    combineRows: { combineRows($0, $1, $2, $3, $4, $5, $6) })
}

/// Four rows at a time, each with two vectors of partial sums.
///
/// So loads and not the latency of additions set the pace. Every row is summed in the same order,
/// whichever rows are beside it.
private func dotRows(
  _ x: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ stride: Int, _ count: Int,
  _ length: Int, _ add: Bool, _ y: UnsafeMutablePointer<Float>
) {
  var row = 0
  while row < count {
    // Rows past the end are read as the last one, and not written.
    let last = count - 1
    let r0 = rows + row * stride
    let r1 = rows + min(row + 1, last) * stride
    let r2 = rows + min(row + 2, last) * stride
    let r3 = rows + min(row + 3, last) * stride
    var a0 = Vector.zero
    var a1 = Vector.zero
    var a2 = Vector.zero
    var a3 = Vector.zero
    var b0 = Vector.zero
    var b1 = Vector.zero
    var b2 = Vector.zero
    var b3 = Vector.zero
    var i = 0
    while i + 16 <= length {
      let u = load(x + i)
      let v = load(x + i + 8)
      addProduct(&a0, u, load(r0 + i))
      addProduct(&b0, v, load(r0 + i + 8))
      addProduct(&a1, u, load(r1 + i))
      addProduct(&b1, v, load(r1 + i + 8))
      addProduct(&a2, u, load(r2 + i))
      addProduct(&b2, v, load(r2 + i + 8))
      addProduct(&a3, u, load(r3 + i))
      addProduct(&b3, v, load(r3 + i + 8))
      i += 16
    }
    var s0 = sumOfLanes(a0 + b0)
    var s1 = sumOfLanes(a1 + b1)
    var s2 = sumOfLanes(a2 + b2)
    var s3 = sumOfLanes(a3 + b3)
    while i < length {
      s0 += x[i] * r0[i]
      s1 += x[i] * r1[i]
      s2 += x[i] * r2[i]
      s3 += x[i] * r3[i]
      i += 1
    }
    write(s0, add, y + row)
    if row + 1 < count { write(s1, add, y + row + 1) }
    if row + 2 < count { write(s2, add, y + row + 2) }
    if row + 3 < count { write(s3, add, y + row + 3) }
    row += 4
  }
}

@inline(__always)
private func write(_ sum: Float, _ add: Bool, _ y: UnsafeMutablePointer<Float>) {
  y[0] = add ? y[0] + sum : sum
}

/// Columns in strips that stay in the first cache, to which four rows are added at a time.
///
/// So the rows are read from memory in long pieces, in the order in which they lie there.
private func combineRows(
  _ x: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ stride: Int, _ count: Int,
  _ length: Int, _ add: Bool, _ y: UnsafeMutablePointer<Float>
) {
  var start = 0
  while start < length {
    let width = min(2048, length - start)
    if !add { fillZero(y + start, width) }
    var row = 0
    while row + 4 <= count {
      addFourRows(x + row, rows + row * stride + start, stride, width, y + start)
      row += 4
    }
    while row < count {
      addRow(x[row], rows + row * stride + start, width, y + start)
      row += 1
    }
    start += width
  }
}

@inline(__always)
private func fillZero(_ y: UnsafeMutablePointer<Float>, _ count: Int) {
  var i = 0
  while i < count {
    y[i] = 0
    i += 1
  }
}

@inline(__always)
private func addFourRows(
  _ x: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ stride: Int, _ count: Int,
  _ y: UnsafeMutablePointer<Float>
) {
  let r1 = rows + stride
  let r2 = r1 + stride
  let r3 = r2 + stride
  let x0 = Vector(repeating: x[0])
  let x1 = Vector(repeating: x[1])
  let x2 = Vector(repeating: x[2])
  let x3 = Vector(repeating: x[3])
  var i = 0
  while i + 8 <= count {
    var sum = load(y + i)
    addProduct(&sum, x0, load(rows + i))
    addProduct(&sum, x1, load(r1 + i))
    addProduct(&sum, x2, load(r2 + i))
    addProduct(&sum, x3, load(r3 + i))
    store(sum, y + i)
    i += 8
  }
  while i < count {
    y[i] += x[0] * rows[i] + x[1] * r1[i] + (x[2] * r2[i] + x[3] * r3[i])
    i += 1
  }
}

@inline(__always)
private func addRow(
  _ x: Float, _ row: UnsafePointer<Float>, _ count: Int, _ y: UnsafeMutablePointer<Float>
) {
  let factor = Vector(repeating: x)
  var i = 0
  while i + 8 <= count {
    var sum = load(y + i)
    addProduct(&sum, factor, load(row + i))
    store(sum, y + i)
    i += 8
  }
  while i < count {
    y[i] += x * row[i]
    i += 1
  }
}
