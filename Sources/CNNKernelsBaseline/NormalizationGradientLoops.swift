import CNNKernelTypes

/// What batch normalisation does to eight columns.
private struct Normalizer {
  let mean: Vector
  let factor: Vector
  let shift: Vector

  @inline(__always)
  init(
    _ mean: FloatPointer, _ inverseDeviation: FloatPointer, _ scale: FloatPointer,
    _ shift: FloatPointer, _ c: Int, _ width: Int
  ) {
    if width >= 8 {
      self.mean = load(mean + c)
      factor = load(inverseDeviation + c) * load(scale + c)
      self.shift = load(shift + c)
    } else {
      self.mean = load(mean + c, width)
      factor = load(inverseDeviation + c, width) * load(scale + c, width)
      self.shift = load(shift + c, width)
    }
  }

  @inline(__always)
  func callAsFunction(_ x: Vector) -> Vector { (x - mean) * factor + shift }

  /// The gradient that a rectifier behind lets through.
  @inline(__always)
  func rectified(_ gradient: Vector, _ x: Vector) -> Vector {
    gradient.replacing(with: lanes(0), where: self(x) .<= lanes(0))
  }
}

/// Eight numbers, or `width` if that is less.
@inline(__always)
private func load(_ p: FloatPointer, atMost width: Int) -> Vector {
  width >= 8 ? load(p) : load(p, width)
}

@inline(__always)
private func store(_ v: Vector, _ p: MutableFloatPointer, atMost width: Int) {
  if width >= 8 { store(v, p) } else { store(v, p, width) }
}

extension NormalizationLoops {
  static func normalize(
    _ x: FloatPointer, _ mean: FloatPointer, _ inverseDeviation: FloatPointer,
    _ scale: FloatPointer, _ shift: FloatPointer, _ y: MutableFloatPointer, _ pitch: Int,
    _ rows: Int, _ columns: Int, _ rectifies: Bool
  ) {
    // Row by row, as memory lies: eight columns of all rows would keep one set of the cache busy.
    let zero = lanes(0)
    var row = 0
    while row < rows {
      let source = x + row &* pitch
      let target = y + row &* pitch
      var c = 0
      while c < columns {
        let width = columns &- c
        let normalize = Normalizer(mean, inverseDeviation, scale, shift, c, width)
        var v = normalize(load(source + c, atMost: width))
        if rectifies { v = v.replacing(with: zero, where: v .< zero) }
        store(v, target + c, atMost: width)
        c &+= 8
      }
      row &+= 1
    }
  }

  static func gradientSums(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ pitch: Int, _ rows: Int, _ columns: Int,
    _ mean: FloatPointer, _ inverseDeviation: FloatPointer, _ scale: FloatPointer,
    _ rectifier: FloatPointer?, _ sums: MutableFloatPointer, _ products: MutableFloatPointer
  ) {
    ElementwiseLoops.fill(sums, columns, 0)
    ElementwiseLoops.fill(products, columns, 0)
    var start = 0
    while start < rows {
      let height = rows &- start > 32 ? 32 : rows &- start
      let offset = start &* pitch
      var c = 0
      while c < columns {
        let width = columns &- c
        let source = x + (offset &+ c)
        let gradient = gradOutput + (offset &+ c)
        let d = load(inverseDeviation + c, atMost: width)
        let m = load(mean + c, atMost: width)
        var sum = lanes(0)
        var product = lanes(0)
        if let rectifier {
          let normalize = Normalizer(mean, inverseDeviation, scale, rectifier, c, width)
          var r = 0
          while r < height {
            let v = load(source + r &* pitch, atMost: width)
            let g = normalize.rectified(load(gradient + r &* pitch, atMost: width), v)
            sum += g
            product += g * (v - m)
            r &+= 1
          }
        } else {
          var r = 0
          while r < height {
            let g = load(gradient + r &* pitch, atMost: width)
            sum += g
            product += g * (load(source + r &* pitch, atMost: width) - m)
            r &+= 1
          }
        }
        store(load(sums + c, atMost: width) + sum, sums + c, atMost: width)
        store(
          load(products + c, atMost: width) + product * d, products + c, atMost: width)
        c &+= 8
      }
      start &+= height
    }
  }

  static func inputGradient(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ pitch: Int, _ rows: Int, _ columns: Int, _ mean: FloatPointer,
    _ inverseDeviation: FloatPointer, _ scale: FloatPointer, _ rectifier: FloatPointer?,
    _ sums: FloatPointer, _ products: FloatPointer, _ inverseCount: Float
  ) {
    let n = lanes(inverseCount)
    var row = 0
    while row < rows {
      var c = 0
      while c < columns {
        let offset = row &* pitch &+ c
        let width = columns &- c
        let d = load(inverseDeviation + c, atMost: width)
        let slope = load(products + c, atMost: width) * (n * d)
        let v = load(x + offset, atMost: width)
        var g = load(gradOutput + offset, atMost: width)
        if let rectifier {
          g = Normalizer(mean, inverseDeviation, scale, rectifier, c, width).rectified(g, v)
        }
        let centred = v - load(mean + c, atMost: width)
        let gradient = g - load(sums + c, atMost: width) * n
        store(
          (load(scale + c, atMost: width) * d) * (gradient - centred * slope),
          gradInput + offset, atMost: width)
        c &+= 8
      }
      row &+= 1
    }
  }
}
