import CNNKernelTypes

func makeConvolutionKernels() -> ConvolutionKernels {
  ConvolutionKernels(
    scaleShiftActivate: { scaleShiftActivate($0, $1, $2, $3, $4, $5, $6) },
    addColumnSums: { addColumnSums($0, $1, $2, $3, $4) },
    add: { add($0, $1, $2) })
}

@inline(__always)
func activate(_ x: Vector, _ slope: Vector) -> Vector {
  // A product with a slope of 0 would turn minus infinity into NaN.
  let negative = slope.replacing(with: x * slope, where: slope .!= .zero)
  return x.replacing(with: negative, where: x .< .zero)
}

@inline(__always)
func activate(_ x: Float, _ slope: Float) -> Float {
  x < 0 ? (slope == 0 ? 0 : x * slope) : x
}

private func scaleShiftActivate(
  _ block: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ stride: Int,
  _ scale: UnsafePointer<Float>?, _ shift: UnsafePointer<Float>?, _ slope: Float
) {
  let slopes = Vector(repeating: slope)
  var row = 0
  while row < rows {
    let line = block + row * stride
    var i = 0
    while i + 8 <= columns {
      var x = load(line + i)
      if let scale { x *= load(scale + i) }
      if let shift { x += load(shift + i) }
      store(slope == 1 ? x : activate(x, slopes), line + i)
      i += 8
    }
    while i < columns {
      var x = line[i]
      if let scale { x *= scale[i] }
      if let shift { x += shift[i] }
      line[i] = slope == 1 ? x : activate(x, slope)
      i += 1
    }
    row += 1
  }
}

private func addColumnSums(
  _ block: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ stride: Int,
  _ sums: UnsafeMutablePointer<Float>
) {
  var i = 0
  while i + 16 <= columns {
    var a = Vector.zero
    var b = Vector.zero
    var row = 0
    while row < rows {
      a += load(block + row * stride + i)
      b += load(block + row * stride + i + 8)
      row += 1
    }
    store(load(sums + i) + a, sums + i)
    store(load(sums + i + 8) + b, sums + i + 8)
    i += 16
  }
  while i < columns {
    var sum: Float = 0
    var row = 0
    while row < rows {
      sum += block[row * stride + i]
      row += 1
    }
    sums[i] += sum
    i += 1
  }
}

private func add(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
  var i = 0
  while i + 8 <= count {
    store(load(y + i) + load(x + i), y + i)
    i += 8
  }
  while i < count {
    y[i] += x[i]
    i += 1
  }
}
