import CNNKernelTypes

/// The largest of a row; -infinity for an empty one.
@inline(__always)
func rowMaximum(_ x: FloatPointer, _ count: Int) -> Float {
  var best = lanes(-.infinity)
  var i = 0
  while i &+ 8 <= count {
    best = larger(load(x + i), best)
    i &+= 8
  }
  if i < count { best = larger(load(x + i, count &- i, rest: -.infinity), best) }
  return largest(best)
}

/// Σ exp(x - shift), keeping the terms in y if there is one.
@inline(__always)
func exponentialSum(
  _ x: FloatPointer, _ shift: Float, _ y: MutableFloatPointer?, _ count: Int
) -> Float {
  let s = lanes(shift)
  var sum = lanes(0)
  var i = 0
  while i &+ 8 <= count {
    let e = exponential(load(x + i) - s)
    if let y { store(e, y + i) }
    sum += e
    i &+= 8
  }
  if i < count {
    let rest = count &- i
    let e = exponential(load(x + i, rest, rest: -.infinity) - s)
    if let y { store(e, y + i, rest) }
    sum += e
  }
  return sumOfLanes(sum)
}

enum SoftmaxLoops: SoftmaxKernels {
  static func forward(_ x: FloatPointer, _ y: MutableFloatPointer, _ rows: Int, _ classes: Int) {
    var row = 0
    while row < rows {
      let source = x + row &* classes
      let target = y + row &* classes
      let sum = exponentialSum(source, rowMaximum(source, classes), target, classes)
      let inverse = lanes(1 / sum)
      map(target, target, classes) { $0 * inverse }
      row &+= 1
    }
  }

  static func backward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ rows: Int, _ classes: Int
  ) {
    var row = 0
    while row < rows {
      let y = output + row &* classes
      let g = gradOutput + row &* classes
      var sum = lanes(0)
      var i = 0
      while i &+ 8 <= classes {
        sum += load(y + i) * load(g + i)
        i &+= 8
      }
      if i < classes { sum += load(y + i, classes &- i) * load(g + i, classes &- i) }
      let mean = lanes(sumOfLanes(sum))
      map(y, g, gradInput + row &* classes, classes) { $0 * ($1 - mean) }
      row &+= 1
    }
  }
}
