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

  static func normalize(
    _ x: FloatPointer, _ mean: FloatPointer, _ inverseDeviation: FloatPointer,
    _ scale: FloatPointer, _ shift: FloatPointer, _ y: MutableFloatPointer, _ pitch: Int,
    _ rows: Int, _ columns: Int
  ) {
    // Row by row, as memory lies: eight columns of all rows would keep one set of the cache busy.
    var row = 0
    while row < rows {
      let source = x + row &* pitch
      let target = y + row &* pitch
      var c = 0
      while c &+ 8 <= columns {
        let factor = load(inverseDeviation + c) * load(scale + c)
        store((load(source + c) - load(mean + c)) * factor + load(shift + c), target + c)
        c &+= 8
      }
      if c < columns {
        let rest = columns &- c
        let factor = load(inverseDeviation + c, rest) * load(scale + c, rest)
        let centred = load(source + c, rest) - load(mean + c, rest)
        store(centred * factor + load(shift + c, rest), target + c, rest)
      }
      row &+= 1
    }
  }

  static func gradientSums(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ pitch: Int, _ rows: Int, _ columns: Int,
    _ mean: FloatPointer, _ inverseDeviation: FloatPointer, _ sums: MutableFloatPointer,
    _ products: MutableFloatPointer
  ) {
    ElementwiseLoops.fill(sums, columns, 0)
    ElementwiseLoops.fill(products, columns, 0)
    var start = 0
    while start < rows {
      let height = rows &- start > blockHeight ? blockHeight : rows &- start
      let offset = start &* pitch
      var c = 0
      while c &+ 16 <= columns {
        gradientSums16(
          x + (offset &+ c), gradOutput + (offset &+ c), pitch, height, mean + c,
          inverseDeviation + c, sums + c, products + c)
        c &+= 16
      }
      while c < columns {
        let width = columns &- c
        let source = x + (offset &+ c)
        let gradient = gradOutput + (offset &+ c)
        var sum = lanes(0)
        var product = lanes(0)
        var r = 0
        if width >= 8 {
          let m = load(mean + c)
          while r < height {
            let g = load(gradient + r &* pitch)
            sum += g
            product += g * (load(source + r &* pitch) - m)
            r &+= 1
          }
          store(load(sums + c) + sum, sums + c)
          store(load(products + c) + product * load(inverseDeviation + c), products + c)
        } else {
          let m = load(mean + c, width)
          while r < height {
            let g = load(gradient + r &* pitch, width)
            sum += g
            product += g * (load(source + r &* pitch, width) - m)
            r &+= 1
          }
          store(load(sums + c, width) + sum, sums + c, width)
          let d = load(inverseDeviation + c, width)
          store(load(products + c, width) + product * d, products + c, width)
        }
        c &+= 8
      }
      start &+= height
    }
  }

  static func inputGradient(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ pitch: Int, _ rows: Int, _ columns: Int, _ mean: FloatPointer,
    _ inverseDeviation: FloatPointer, _ scale: FloatPointer, _ sums: FloatPointer,
    _ products: FloatPointer, _ inverseCount: Float
  ) {
    let n = lanes(inverseCount)
    var row = 0
    while row < rows {
      var c = 0
      while c < columns {
        let offset = row &* pitch &+ c
        let width = columns &- c
        if width >= 8 {
          let d = load(inverseDeviation + c)
          let slope = load(products + c) * (n * d)
          let centred = load(x + offset) - load(mean + c)
          let gradient = load(gradOutput + offset) - load(sums + c) * n
          store((load(scale + c) * d) * (gradient - centred * slope), gradInput + offset)
        } else {
          let d = load(inverseDeviation + c, width)
          let slope = load(products + c, width) * (n * d)
          let centred = load(x + offset, width) - load(mean + c, width)
          let gradient = load(gradOutput + offset, width) - load(sums + c, width) * n
          let v = (load(scale + c, width) * d) * (gradient - centred * slope)
          store(v, gradInput + offset, width)
        }
        c &+= 8
      }
      row &+= 1
    }
  }

  /// The sums of 16 columns over a block of rows, added to what is there.
  @inline(__always)
  private static func gradientSums16(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ pitch: Int, _ rows: Int,
    _ mean: FloatPointer, _ inverseDeviation: FloatPointer, _ sums: MutableFloatPointer,
    _ products: MutableFloatPointer
  ) {
    let m = load(mean)
    let n = load(mean + 8)
    var sum = lanes(0)
    var product = sum
    var sum8 = sum
    var product8 = sum
    var offset = 0
    var r = 0
    while r < rows {
      let g = load(gradOutput + offset)
      let h = load(gradOutput + (offset &+ 8))
      sum += g
      sum8 += h
      product += g * (load(x + offset) - m)
      product8 += h * (load(x + (offset &+ 8)) - n)
      offset &+= pitch
      r &+= 1
    }
    store(load(sums) + sum, sums)
    store(load(sums + 8) + sum8, sums + 8)
    store(load(products) + product * load(inverseDeviation), products)
    store(load(products + 8) + product8 * load(inverseDeviation + 8), products + 8)
  }
}
