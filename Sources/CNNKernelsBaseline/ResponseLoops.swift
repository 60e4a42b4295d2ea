import CNNKernelTypes

/// d^(-1/4) of positive numbers, to 2e-7 of the result.
///
/// Dividing the exponent by -4 as an integer gives a first value that is 3 % off, and Newton's
/// method for d·q⁴ = 1 squares the error three times. That is several times faster than the two
/// roots and the division that say the same.
@inline(__always)
private func inverseFourthRoot(_ d: Vector) -> Vector {
  // Infinity would be multiplied by 0.
  let largest = lanes(.greatestFiniteMagnitude)
  let d = d.replacing(with: largest, where: d .> largest)
  let bits = unsafeBitCast(d, to: SIMD8<UInt32>.self)
  var q = unsafeBitCast(
    SIMD8<UInt32>(repeating: 0x4f58_51eb) &- (bits &>> SIMD8(repeating: 2)), to: Vector.self)
  var i = 0
  while i < 3 {
    let square = q * q
    // In this order the product stays far from the smallest numbers.
    q *= lanes(1.25) - lanes(0.25) * ((d * square) * square)
    i &+= 1
  }
  return q
}

/// d^-beta and 1 / d.
@inline(__always)
private func inversePowers(_ d: Vector, _ beta: Float) -> (power: Vector, inverse: Vector) {
  if beta == 0.75 {
    let q = inverseFourthRoot(d)
    let square = q * q
    return (q * square, square * square)
  }
  return (exponential(lanes(0 - beta) * logarithm(d)), lanes(1) / d)
}

/// The channels that a window reaches before and behind its own.
private struct Reach {
  let before: Int
  let behind: Int

  /// More than all channels is as good as all channels.
  @inline(__always)
  init(_ before: Int, _ behind: Int, _ channels: Int) {
    self.before = before < channels ? before : channels
    self.behind = behind < channels ? behind : channels
  }

  /// The sums over the windows of channels c to c + 7 of a row of terms with zeros around it, which
  /// begins `before` numbers before channel 0.
  @inline(__always)
  func sum(_ terms: FloatPointer, _ c: Int) -> Vector {
    var sum = load(terms + c)
    var i = 1
    while i <= before &+ behind {
      sum += load(terms + (c &+ i))
      i &+= 1
    }
    return sum
  }

  /// Writes the zeros around a row of terms.
  @inline(__always)
  func pad(_ terms: MutableFloatPointer, _ channels: Int, _ count: Int) {
    ElementwiseLoops.fill(terms, before, 0)
    ElementwiseLoops.fill(terms + (before &+ channels), count &- before &- channels, 0)
  }
}

extension NormalizationLoops {
  static func responseForward(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ scratch: MutableFloatPointer, _ pixels: Int,
    _ channels: Int, _ response: ResponseAttributes
  ) {
    let reach = Reach(response.size / 2, (response.size &- 1) / 2, channels)
    let factor = lanes(response.alpha / Float(response.size))
    let k = lanes(response.k)
    let beta = response.beta
    reach.pad(scratch, channels, response.rowCount(channels: channels))
    let squares = scratch + reach.before
    var pixel = 0
    while pixel < pixels {
      let source = x + pixel &* channels
      let target = y + pixel &* channels
      map(source, squares, channels) { $0 * $0 }
      var c = 0
      while c < channels {
        let (power, _) = inversePowers(k + factor * reach.sum(scratch, c), beta)
        if c &+ 8 <= channels {
          store(load(source + c) * power, target + c)
        } else {
          let rest = channels &- c
          store(load(source + c, rest) * power, target + c, rest)
        }
        c &+= 8
      }
      pixel &+= 1
    }
  }

  static func responseBackward(
    _ x: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ scratch: MutableFloatPointer, _ pixels: Int, _ channels: Int,
    _ response: ResponseAttributes
  ) {
    let reach = Reach(response.size / 2, (response.size &- 1) / 2, channels)
    // The windows that contain channel c are those of channels c - behind ... c + before.
    let back = Reach(reach.behind, reach.before, channels)
    let row = response.rowCount(channels: channels)
    let factor = lanes(response.alpha / Float(response.size))
    let slope = lanes(2 * response.alpha * response.beta / Float(response.size))
    let k = lanes(response.k)
    let beta = response.beta
    let terms = scratch + row
    let powers = scratch + 2 &* row
    reach.pad(scratch, channels, row)
    back.pad(terms, channels, row)
    var pixel = 0
    while pixel < pixels {
      let source = x + pixel &* channels
      let gradient = gradOutput + pixel &* channels
      let target = gradInput + pixel &* channels
      map(source, scratch + reach.before, channels) { $0 * $0 }
      var c = 0
      while c < channels {
        // The denominators again: cheaper than keeping them from the forward pass.
        let (power, inverse) = inversePowers(k + factor * reach.sum(scratch, c), beta)
        store(power, powers + c)
        let term = terms + (back.before &+ c)
        if c &+ 8 <= channels {
          store(load(gradient + c) * (load(source + c) * power) * inverse, term)
        } else {
          let rest = channels &- c
          let product = load(gradient + c, rest) * (load(source + c, rest) * power)
          store(product * inverse, term, rest)
        }
        c &+= 8
      }
      c = 0
      while c < channels {
        let sum = slope * back.sum(terms, c)
        if c &+ 8 <= channels {
          let direct = load(gradient + c) * load(powers + c)
          store(direct - load(source + c) * sum, target + c)
        } else {
          let rest = channels &- c
          let direct = load(gradient + c, rest) * load(powers + c)
          store(direct - load(source + c, rest) * sum, target + c, rest)
        }
        c &+= 8
      }
      pixel &+= 1
    }
  }
}
