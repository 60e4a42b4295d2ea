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
      while c &+ 8 <= columns {
        let (m, s) = blockMoments(block + c, pitch, height)
        let old = load(mean + c)
        let delta = m - old
        store(old + delta * lanes(share), mean + c)
        store(load(squares + c) + (s + delta * delta * lanes(weight)), squares + c)
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
    var c = 0
    while c < columns {
      let width = columns &- c
      let isFull = width >= 8
      let m = isFull ? load(mean + c) : load(mean + c, width)
      let d = isFull ? load(inverseDeviation + c) : load(inverseDeviation + c, width)
      let g = d * (isFull ? load(scale + c) : load(scale + c, width))
      let b = isFull ? load(shift + c) : load(shift + c, width)
      var source = x + c
      var target = y + c
      var r = 0
      while r < rows {
        if isFull {
          store((load(source) - m) * g + b, target)
        } else {
          store((load(source, width) - m) * g + b, target, width)
        }
        source += pitch
        target += pitch
        r &+= 1
      }
      c &+= 8
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
    var c = 0
    while c < columns {
      let width = columns &- c < 8 ? columns &- c : 8
      let m = load(mean + c, width)
      let d = load(inverseDeviation + c, width)
      let factor = load(scale + c, width) * d
      let sum = load(sums + c, width) * n
      let slope = load(products + c, width) * n * d
      var offset = c
      var r = 0
      if width == 8 {
        while r < rows {
          let centred = load(x + offset) - m
          store(factor * ((load(gradOutput + offset) - sum) - centred * slope), gradInput + offset)
          offset &+= pitch
          r &+= 1
        }
      } else {
        while r < rows {
          let centred = load(x + offset, width) - m
          let v = factor * ((load(gradOutput + offset, width) - sum) - centred * slope)
          store(v, gradInput + offset, width)
          offset &+= pitch
          r &+= 1
        }
      }
      c &+= 8
    }
  }
}
