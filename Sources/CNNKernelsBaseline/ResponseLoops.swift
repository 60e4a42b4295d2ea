import CNNKernelTypes

/// d^-beta.
@inline(__always)
private func inversePower(_ d: Vector, _ beta: Float) -> Vector {
  // AlexNet's exponent needs two roots and no logarithm.
  if beta == 0.75 {
    let root = squareRoot(d)
    return lanes(1) / (root * squareRoot(root))
  }
  return exponential(lanes(0 - beta) * logarithm(d))
}

/// The sums of f over the windows of all channels, from c - front to c + back where that exists.
@inline(__always)
private func windowSums(
  _ channels: Int, _ front: Int, _ back: Int, _ term: (Int) -> Vector,
  _ scalarTerm: (Int) -> Float, _ result: (Int, Int, Vector) -> Void
) {
  var c = 0
  while c < channels {
    if c >= front, c &+ 8 &+ back <= channels {
      var sum = lanes(0)
      var i = c &- front
      while i <= c &+ back {
        sum += term(i)
        i &+= 1
      }
      result(c, 8, sum)
      c &+= 8
    } else {
      var sum: Float = 0
      var i = c > front ? c &- front : 0
      let end = channels &- c > back ? c &+ back : channels &- 1
      while i <= end {
        sum += scalarTerm(i)
        i &+= 1
      }
      result(c, 1, lanes(sum))
      c &+= 1
    }
  }
}

extension NormalizationLoops {
  static func responseForward(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ denominator: MutableFloatPointer,
    _ pixels: Int, _ channels: Int, _ response: ResponseAttributes
  ) {
    let front = response.size / 2
    let back = (response.size &- 1) / 2
    let factor = lanes(response.alpha / Float(response.size))
    let k = lanes(response.k)
    var pixel = 0
    while pixel < pixels {
      let source = x + pixel &* channels
      let d = denominator + pixel &* channels
      windowSums(
        channels, front, back,
        { i in
          let v = load(source + i)
          return v * v
        }, { source[$0] * source[$0] },
        { c, width, sum in
          let v = k + factor * sum
          if width == 8 { store(v, d + c) } else { d[c] = v[0] }
        })
      pixel &+= 1
    }
    let beta = response.beta
    map(x, denominator, y, pixels &* channels) { $0 * inversePower($1, beta) }
  }

  static func responseBackward(
    _ x: FloatPointer, _ output: FloatPointer, _ denominator: FloatPointer,
    _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer, _ pixels: Int, _ channels: Int,
    _ response: ResponseAttributes
  ) {
    // The windows that contain channel c are those of channels c - back ... c + front.
    let front = (response.size &- 1) / 2
    let back = response.size / 2
    let factor = lanes(2 * response.alpha * response.beta / Float(response.size))
    let beta = response.beta
    var pixel = 0
    while pixel < pixels {
      let offset = pixel &* channels
      let source = x + offset
      let y = output + offset
      let d = denominator + offset
      let g = gradOutput + offset
      let target = gradInput + offset
      windowSums(
        channels, front, back, { i in load(g + i) * load(y + i) / load(d + i) },
        { g[$0] * y[$0] / d[$0] },
        { c, width, sum in
          if width == 8 {
            let direct = load(g + c) * inversePower(load(d + c), beta)
            store(direct - factor * load(source + c) * sum, target + c)
          } else {
            let direct = load(g + c, 1) * inversePower(load(d + c, 1, rest: 1), beta)
            store(direct - factor * load(source + c, 1) * sum, target + c, 1)
          }
        })
      pixel &+= 1
    }
  }
}
