import CNNKernelTypes

func makeDepthwiseKernels() -> DepthwiseKernels {
  DepthwiseKernels(
    combinePixels: { combinePixels($0, $1, $2, $3, $4, $5, $6, $7, $8) },
    addPixelProducts: { addPixelProducts($0, $1, $2, $3, $4, $5, $6, $7) })
}

/// Reads eight floats that lie `step` apart.
@inline(__always)
private func load(_ x: UnsafePointer<Float>, step: Int) -> Vector {
  if step == 1 { return load(x) }
  var v = Vector()
  v[0] = x[0]
  v[1] = x[step]
  v[2] = x[2 * step]
  v[3] = x[3 * step]
  v[4] = x[4 * step]
  v[5] = x[5 * step]
  v[6] = x[6 * step]
  v[7] = x[7 * step]
  return v
}

@inline(__always)
private func store(_ v: Vector, _ y: UnsafeMutablePointer<Float>, step: Int) {
  if step == 1 { return store(v, y) }
  y[0] = v[0]
  y[step] = v[1]
  y[2 * step] = v[2]
  y[3 * step] = v[3]
  y[4 * step] = v[4]
  y[5 * step] = v[5]
  y[6 * step] = v[6]
  y[7 * step] = v[7]
}

/// Channels in strips of 32, then 8, then one; each sum stays in a register over all terms.
private func combinePixels(
  _ sources: UnsafePointer<Float>, _ sourceStarts: UnsafePointer<Int>,
  _ weights: UnsafePointer<Float>, _ weightStarts: UnsafePointer<Int>, _ count: Int,
  _ channels: Int, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
) {
  var c = 0
  if sourceStep == 1 {
    while c + 32 <= channels {
      var s0 = Vector.zero
      var s1 = Vector.zero
      var s2 = Vector.zero
      var s3 = Vector.zero
      var i = 0
      while i < count {
        let x = sources + (sourceStarts[i] + c)
        let w = weights + (weightStarts[i] + c)
        addProduct(&s0, load(x), load(w))
        addProduct(&s1, load(x + 8), load(w + 8))
        addProduct(&s2, load(x + 16), load(w + 16))
        addProduct(&s3, load(x + 24), load(w + 24))
        i += 1
      }
      let y = target + c * targetStep
      store(s0, y, step: targetStep)
      store(s1, y + 8 * targetStep, step: targetStep)
      store(s2, y + 16 * targetStep, step: targetStep)
      store(s3, y + 24 * targetStep, step: targetStep)
      c += 32
    }
  }
  while c + 8 <= channels {
    var sum = Vector.zero
    var i = 0
    while i < count {
      let x = sources + (sourceStarts[i] + c * sourceStep)
      addProduct(&sum, load(x, step: sourceStep), load(weights + (weightStarts[i] + c)))
      i += 1
    }
    store(sum, target + c * targetStep, step: targetStep)
    c += 8
  }
  while c < channels {
    var sum: Float = 0
    var i = 0
    while i < count {
      sum += sources[sourceStarts[i] + c * sourceStep] * weights[weightStarts[i] + c]
      i += 1
    }
    target[c * targetStep] = sum
    c += 1
  }
}

private func addPixelProducts(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafePointer<Float>, _ yStride: Int,
  _ yStep: Int, _ pixels: Int, _ channels: Int, _ sums: UnsafeMutablePointer<Float>
) {
  var c = 0
  if yStep == 1 {
    while c + 32 <= channels {
      var s0 = load(sums + c)
      var s1 = load(sums + c + 8)
      var s2 = load(sums + c + 16)
      var s3 = load(sums + c + 24)
      var u = x + c
      var v = y + c
      var pixel = 0
      while pixel < pixels {
        addProduct(&s0, load(u), load(v))
        addProduct(&s1, load(u + 8), load(v + 8))
        addProduct(&s2, load(u + 16), load(v + 16))
        addProduct(&s3, load(u + 24), load(v + 24))
        u += xStride
        v += yStride
        pixel += 1
      }
      store(s0, sums + c)
      store(s1, sums + c + 8)
      store(s2, sums + c + 16)
      store(s3, sums + c + 24)
      c += 32
    }
  }
  while c + 8 <= channels {
    var sum = load(sums + c)
    var pixel = 0
    while pixel < pixels {
      addProduct(
        &sum, load(x + pixel * xStride + c), load(y + pixel * yStride + c * yStep, step: yStep))
      pixel += 1
    }
    store(sum, sums + c)
    c += 8
  }
  while c < channels {
    var sum = sums[c]
    var pixel = 0
    while pixel < pixels {
      sum += x[pixel * xStride + c] * y[pixel * yStride + c * yStep]
      pixel += 1
    }
    sums[c] = sum
    c += 1
  }
}
