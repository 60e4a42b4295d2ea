import CNNKernelTypes

func makeDenseKernels() -> DenseKernels {
  DenseKernels(multiplyRows: { multiplyRows($0) }, multiply: { multiplyProduct($0) })
}

/// Three vectors of sums that take part in the same product.
struct ThreeSums {
  var x = Vector.zero
  var y = Vector.zero
  var z = Vector.zero

  @inline(__always)
  init() {}

  /// Sums that were written, or zeros.
  @inline(__always)
  init(_ memory: UnsafePointer<Float>, _ resumes: Bool) {
    if resumes {
      x = load(memory)
      y = load(memory + 8)
      z = load(memory + 16)
    }
  }

  @inline(__always)
  mutating func add(_ factor: Vector, _ u: Vector, _ v: Vector, _ w: Vector) {
    addProduct(&x, factor, u)
    addProduct(&y, factor, v)
    addProduct(&z, factor, w)
  }

  @inline(__always)
  func write(_ memory: UnsafeMutablePointer<Float>) {
    store(x, memory)
    store(y, memory + 8)
    store(z, memory + 16)
  }
}

/// A product in tiles of 4 rows by 24 columns, twelve sums in registers.
///
/// B is copied in blocks of 96 KB, up to 512 rows deep, in which the 24 columns of a tile lie one
/// below the other; all rows of A are multiplied with a block before the next one. Each element of C
/// is a sum over such a depth in the order of k, and these sums in the order of k.
func multiplyProduct(_ p: borrowing DenseProduct) {
  guard p.m > 0, p.n > 0, p.k > 0 else { return }
  let depth = min(p.k, DenseLimits.panelDepth)
  let tiles = DenseLimits.panelCount / (depth * DenseLimits.tileColumns)
  let width = min(tiles, 40) * DenseLimits.tileColumns
  var column = 0
  while column < p.n {
    let columns = min(width, p.n - column)
    var start = 0
    while start < p.k {
      let count = min(depth, p.k - start)
      packColumns(p.b + start * p.bStride + column, p.bStride, count, columns, p.scratch)
      multiplyPanel(p, p.scratch, column, columns, start, count)
      start += count
    }
    column += columns
  }
}

/// Copies `rows` rows of `columns` columns, 24 columns at a time, with zeros in the missing ones.
private func packColumns(
  _ b: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ columns: Int,
  _ panel: UnsafeMutablePointer<Float>
) {
  var row = 0
  while row < rows {
    let source = b + row * stride
    var target = panel + row * 24
    var column = 0
    while column &+ 24 <= columns {
      store(load(source + column), target)
      store(load(source + column + 8), target + 8)
      store(load(source + column + 16), target + 16)
      target += rows * 24
      column &+= 24
    }
    if column < columns {
      var i = 0
      while i < 24 {
        target[i] = column &+ i < columns ? source[column &+ i] : 0
        i &+= 1
      }
    }
    row += 1
  }
}

private func multiplyPanel(
  _ p: borrowing DenseProduct, _ panel: UnsafePointer<Float>, _ column: Int, _ columns: Int,
  _ start: Int, _ count: Int
) {
  let last = p.m - 1
  let adds = p.adds || start > 0
  var row = 0
  while row < p.m {
    // Rows past the end are computed as the last one, which is then written with the same numbers.
    let rows = (row, min(row + 1, last), min(row + 2, last), min(row + 3, last))
    let a = p.a + start
    let c = p.c + column
    let stride = p.aStride
    var tile = panel
    var offset = 0
    while offset < columns {
      multiplyTile(
        TileRows(
          p0: a + rows.0 * stride, p1: a + rows.1 * stride, p2: a + rows.2 * stride,
          p3: a + rows.3 * stride), tile, count,
        TileTargets(
          c0: c + rows.0 * p.cStride + offset, c1: c + rows.1 * p.cStride + offset,
          c2: c + rows.2 * p.cStride + offset, c3: c + rows.3 * p.cStride + offset),
        min(24, columns - offset), adds)
      tile += count * 24
      offset += 24
    }
    row += 4
  }
}

private struct TileRows {
  let p0: UnsafePointer<Float>
  let p1: UnsafePointer<Float>
  let p2: UnsafePointer<Float>
  let p3: UnsafePointer<Float>
}

private struct TileTargets {
  let c0: UnsafeMutablePointer<Float>
  let c1: UnsafeMutablePointer<Float>
  let c2: UnsafeMutablePointer<Float>
  let c3: UnsafeMutablePointer<Float>
}

@inline(never)
private func multiplyTile(
  _ rows: TileRows, _ panel: UnsafePointer<Float>, _ count: Int, _ targets: TileTargets,
  _ columns: Int, _ adds: Bool
) {
  let (p0, p1, p2, p3) = (rows.p0, rows.p1, rows.p2, rows.p3)
  var a = ThreeSums()
  var b = ThreeSums()
  var c = ThreeSums()
  var d = ThreeSums()
  var q = panel
  var i = 0
  while i < count {
    let u = load(q)
    let v = load(q + 8)
    let w = load(q + 16)
    a.add(Vector(repeating: p0[i]), u, v, w)
    b.add(Vector(repeating: p1[i]), u, v, w)
    c.add(Vector(repeating: p2[i]), u, v, w)
    d.add(Vector(repeating: p3[i]), u, v, w)
    q += 24
    i &+= 1
  }
  // All are read before one is written, because the last ones may be the same.
  if columns == 24 {
    if adds {
      a.addStored(targets.c0)
      b.addStored(targets.c1)
      c.addStored(targets.c2)
      d.addStored(targets.c3)
    }
    a.write(targets.c0)
    b.write(targets.c1)
    c.write(targets.c2)
    d.write(targets.c3)
  } else {
    if adds {
      a.addStored(targets.c0, columns)
      b.addStored(targets.c1, columns)
      c.addStored(targets.c2, columns)
      d.addStored(targets.c3, columns)
    }
    a.write(targets.c0, columns)
    b.write(targets.c1, columns)
    c.write(targets.c2, columns)
    d.write(targets.c3, columns)
  }
}

extension ThreeSums {
  @inline(__always)
  fileprivate mutating func addStored(_ memory: UnsafePointer<Float>) {
    x += load(memory)
    y += load(memory + 8)
    z += load(memory + 16)
  }

  @inline(__always)
  fileprivate mutating func addStored(_ memory: UnsafePointer<Float>, _ count: Int) {
    x += loadUpTo8(memory, count)
    y += loadUpTo8(memory + 8, count &- 8)
    z += loadUpTo8(memory + 16, count &- 16)
  }

  @inline(__always)
  fileprivate func write(_ memory: UnsafeMutablePointer<Float>, _ count: Int) {
    storeUpTo8(x, memory, count)
    storeUpTo8(y, memory + 8, count &- 8)
    storeUpTo8(z, memory + 16, count &- 16)
  }
}

/// Reads eight numbers, or as many of them as there are.
@inline(__always)
private func loadUpTo8(_ p: UnsafePointer<Float>, _ count: Int) -> Vector {
  if count >= 8 { return load(p) }
  return count > 0 ? load(p, count) : .zero
}

/// Writes eight numbers, or as many of them as there is room for.
@inline(__always)
private func storeUpTo8(_ v: Vector, _ p: UnsafeMutablePointer<Float>, _ count: Int) {
  if count >= 8 {
    store(v, p)
  } else if count > 0 {
    store(v, p, count)
  }
}
