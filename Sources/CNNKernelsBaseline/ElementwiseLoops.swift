import CNNKernelTypes

enum ElementwiseLoops: ElementwiseKernels {
  static func fill(_ y: MutableFloatPointer, _ count: Int, _ value: Float) {
    let v = lanes(value)
    var i = 0
    while i &+ 8 <= count {
      store(v, y + i)
      i &+= 8
    }
    if i < count { store(v, y + i, count &- i) }
  }

  static func add(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int
  ) {
    map(a, b, y, count) { $0 + $1 }
  }

  static func addRectified(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int
  ) {
    let zero = lanes(0)
    map(a, b, y, count) {
      let sum = $0 + $1
      return sum.replacing(with: zero, where: sum .< zero)
    }
  }

  static func multiply(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int
  ) {
    map(a, b, y, count) { $0 * $1 }
  }

  static func multiplyAccumulate(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int
  ) {
    update(a, b, y, count) { $2 + $0 * $1 }
  }

  static func axpy(
    _ factor: Float, _ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int
  ) {
    let f = lanes(factor)
    map(x, y, y, count) { $1 + f * $0 }
  }

  static func blend(
    _ a: FloatPointer, _ b: FloatPointer, _ weight: Float, _ y: MutableFloatPointer, _ count: Int
  ) {
    let w = lanes(weight)
    map(a, b, y, count) { $0 + w * ($1 - $0) }
  }

  static func scale(
    _ factor: Float, _ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int
  ) {
    let f = lanes(factor)
    map(x, y, count) { f * $0 }
  }

  static func transpose(
    _ x: FloatPointer, _ xPitch: Int, _ y: MutableFloatPointer, _ yPitch: Int,
    _ rows: Int, _ columns: Int
  ) {
    let wholeRows = rows & ~7
    let wholeColumns = columns & ~7
    // The inner loop runs along the longer pitch, whose lines would otherwise push each other out
    // of the cache before they are full.
    if yPitch >= xPitch {
      var column = 0
      while column < wholeColumns {
        var row = 0
        while row < wholeRows {
          transposeTile(
            x + (row &* xPitch &+ column), xPitch, y + (column &* yPitch &+ row), yPitch)
          row &+= 8
        }
        column &+= 8
      }
    } else {
      var row = 0
      while row < wholeRows {
        var column = 0
        while column < wholeColumns {
          transposeTile(
            x + (row &* xPitch &+ column), xPitch, y + (column &* yPitch &+ row), yPitch)
          column &+= 8
        }
        row &+= 8
      }
    }
    transposeSingly(x, xPitch, y, yPitch, 0, wholeRows, wholeColumns, columns)
    transposeSingly(x, xPitch, y, yPitch, wholeRows, rows, 0, columns)
  }

  /// Transposes the part from `top` to `bottom` and from `left` to `right` number by number.
  private static func transposeSingly(
    _ x: FloatPointer, _ xPitch: Int, _ y: MutableFloatPointer, _ yPitch: Int, _ top: Int,
    _ bottom: Int, _ left: Int, _ right: Int
  ) {
    var column = left
    while column < right {
      let target = y + column &* yPitch
      var row = top
      while row < bottom {
        target[row] = x[row &* xPitch &+ column]
        row &+= 1
      }
      column &+= 1
    }
  }

  /// Interleaves the lower halves, and the upper halves, of both registers' four-lane parts.
  @inline(__always)
  private static func interleave(_ a: SIMD4<Float>, _ b: SIMD4<Float>)
    -> (SIMD4<Float>, SIMD4<Float>)
  {
    (SIMD4(a[0], b[0], a[1], b[1]), SIMD4(a[2], b[2], a[3], b[3]))
  }

  @inline(__always)
  private static func transposeTile(
    _ x: FloatPointer, _ xPitch: Int, _ y: MutableFloatPointer, _ yPitch: Int
  ) {
    transposeQuarter(x, xPitch, y, yPitch)
    transposeQuarter(x + 4, xPitch, y + 4 &* yPitch, yPitch)
    transposeQuarter(x + 4 &* xPitch, xPitch, y + 4, yPitch)
    transposeQuarter(x + (4 &* xPitch &+ 4), xPitch, y + (4 &* yPitch &+ 4), yPitch)
  }

  @inline(__always)
  private static func transposeQuarter(
    _ x: FloatPointer, _ xPitch: Int, _ y: MutableFloatPointer, _ yPitch: Int
  ) {
    let r0 = UnsafeRawPointer(x).loadUnaligned(as: SIMD4<Float>.self)
    let r1 = UnsafeRawPointer(x + xPitch).loadUnaligned(as: SIMD4<Float>.self)
    let r2 = UnsafeRawPointer(x + 2 &* xPitch).loadUnaligned(as: SIMD4<Float>.self)
    let r3 = UnsafeRawPointer(x + 3 &* xPitch).loadUnaligned(as: SIMD4<Float>.self)
    let (a, b) = interleave(r0, r2)
    let (c, d) = interleave(r1, r3)
    let (y0, y1) = interleave(a, c)
    let (y2, y3) = interleave(b, d)
    UnsafeMutableRawPointer(y).storeBytes(of: y0, as: SIMD4<Float>.self)
    UnsafeMutableRawPointer(y + yPitch).storeBytes(of: y1, as: SIMD4<Float>.self)
    UnsafeMutableRawPointer(y + 2 &* yPitch).storeBytes(of: y2, as: SIMD4<Float>.self)
    UnsafeMutableRawPointer(y + 3 &* yPitch).storeBytes(of: y3, as: SIMD4<Float>.self)
  }
}
