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

/// Columns in strips of 32, each summed over all rows in registers.
private func combineRows(
  _ x: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ stride: Int, _ count: Int,
  _ length: Int, _ add: Bool, _ y: UnsafeMutablePointer<Float>
) {
  var i = 0
  while i + 32 <= length {
    var a = Vector.zero
    var b = Vector.zero
    var c = Vector.zero
    var d = Vector.zero
    var source = rows + i
    var row = 0
    while row < count {
      let factor = Vector(repeating: x[row])
      addProduct(&a, factor, load(source))
      addProduct(&b, factor, load(source + 8))
      addProduct(&c, factor, load(source + 16))
      addProduct(&d, factor, load(source + 24))
      source += stride
      row += 1
    }
    writeVector(a, add, y + i)
    writeVector(b, add, y + i + 8)
    writeVector(c, add, y + i + 16)
    writeVector(d, add, y + i + 24)
    i += 32
  }
  while i < length {
    var sum: Float = 0
    var row = 0
    while row < count {
      sum += x[row] * rows[row * stride + i]
      row += 1
    }
    write(sum, add, y + i)
    i += 1
  }
}

@inline(__always)
private func writeVector(_ sum: Vector, _ add: Bool, _ y: UnsafeMutablePointer<Float>) {
  store(add ? load(y) + sum : sum, y)
}
