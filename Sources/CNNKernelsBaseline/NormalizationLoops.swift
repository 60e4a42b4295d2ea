import CNNKernelTypes

enum NormalizationLoops: NormalizationKernels {
  /// Rows of a block whose mean is known before its squares are summed, all from the first cache.
  private static let blockHeight = 32

  static func columnMoments(
    _ x: FloatPointer, _ pitch: Int, _ rows: Int, _ columns: Int, _ mean: MutableFloatPointer,
    _ squares: MutableFloatPointer
  ) {
    ElementwiseLoops.fill(mean, columns, 0)
    ElementwiseLoops.fill(squares, columns, 0)
    var start = 0
    while start < rows {
      let height = rows &- start > blockHeight ? blockHeight : rows &- start
      let block = x + start &* pitch
      // Chan, Golub, LeVeque 1979: joins the moments of `start` and of `height` rows.
      let share = Float(height) / Float(start &+ height)
      let weight = Float(start) * share
      var c = 0
      while c &+ 32 <= columns {
        let (m, s) = blockMoments32(block + c, pitch, height)
        join(m.0, s.0, mean + c, squares + c, share, weight)
        join(m.1, s.1, mean + (c &+ 8), squares + (c &+ 8), share, weight)
        join(m.2, s.2, mean + (c &+ 16), squares + (c &+ 16), share, weight)
        join(m.3, s.3, mean + (c &+ 24), squares + (c &+ 24), share, weight)
        c &+= 32
      }
      while c &+ 8 <= columns {
        let (m, s) = blockMoments(block + c, pitch, height)
        join(m, s, mean + c, squares + c, share, weight)
        c &+= 8
      }
      while c < columns {
        let (m, s) = blockMoments(scalar: block + c, pitch, height)
        let delta = m - mean[c]
        mean[c] += delta * share
        squares[c] += s + delta * delta * weight
        c &+= 1
      }
      start &+= height
    }
  }

  /// Joins the moments of a block with those of the rows before it.
  @inline(__always)
  private static func join(
    _ m: Vector, _ s: Vector, _ mean: MutableFloatPointer, _ squares: MutableFloatPointer,
    _ share: Float, _ weight: Float
  ) {
    let old = load(mean)
    let delta = m - old
    store(old + delta * lanes(share), mean)
    store(load(squares) + (s + delta * delta * lanes(weight)), squares)
  }

  private typealias Four = (Vector, Vector, Vector, Vector)

  /// The moments of 32 columns, which are whole cache lines of each row.
  @inline(__always)
  private static func blockMoments32(_ x: FloatPointer, _ pitch: Int, _ rows: Int)
    -> (mean: Four, squares: Four)
  {
    var a = lanes(0)
    var b = a
    var c = a
    var d = a
    var row = x
    var r = 0
    while r < rows {
      a += load(row)
      b += load(row + 8)
      c += load(row + 16)
      d += load(row + 24)
      row += pitch
      r &+= 1
    }
    let n = lanes(1 / Float(rows))
    let mean = (a * n, b * n, c * n, d * n)
    a = lanes(0)
    b = a
    c = a
    d = a
    row = x
    r = 0
    while r < rows {
      let u = load(row) - mean.0
      let v = load(row + 8) - mean.1
      let w = load(row + 16) - mean.2
      let z = load(row + 24) - mean.3
      a += u * u
      b += v * v
      c += w * w
      d += z * z
      row += pitch
      r &+= 1
    }
    return (mean, (a, b, c, d))
  }

  @inline(__always)
  private static func blockMoments(_ x: FloatPointer, _ pitch: Int, _ rows: Int)
    -> (mean: Vector, squares: Vector)
  {
    var even = lanes(0)
    var odd = lanes(0)
    var r = 0
    while r &+ 2 <= rows {
      even += load(x + r &* pitch)
      odd += load(x + (r &+ 1) &* pitch)
      r &+= 2
    }
    if r < rows { even += load(x + r &* pitch) }
    let mean = (even + odd) * lanes(1 / Float(rows))
    even = lanes(0)
    odd = lanes(0)
    r = 0
    while r &+ 2 <= rows {
      let a = load(x + r &* pitch) - mean
      let b = load(x + (r &+ 1) &* pitch) - mean
      even += a * a
      odd += b * b
      r &+= 2
    }
    if r < rows {
      let a = load(x + r &* pitch) - mean
      even += a * a
    }
    return (mean, even + odd)
  }

  @inline(__always)
  private static func blockMoments(scalar x: FloatPointer, _ pitch: Int, _ rows: Int)
    -> (mean: Float, squares: Float)
  {
    var sum: Float = 0
    var r = 0
    while r < rows {
      sum += x[r &* pitch]
      r &+= 1
    }
    let mean = sum * (1 / Float(rows))
    var squares: Float = 0
    r = 0
    while r < rows {
      let d = x[r &* pitch] - mean
      squares += d * d
      r &+= 1
    }
    return (mean, squares)
  }
}
