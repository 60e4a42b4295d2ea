import CNNKernelTypes

/// Σ f(a, b) for arrays of equal length; f(0, 0) must be 0.
///
/// Floats are added in four chains over 256 elements, whose sums are added in double precision.
@inline(__always)
func preciseSum(
  _ a: FloatPointer, _ b: FloatPointer, _ count: Int, _ f: (Vector, Vector) -> Vector
) -> Double {
  var sum = 0.0
  var start = 0
  while start < count {
    let end = count &- start > 256 ? start &+ 256 : count
    var s0 = lanes(0)
    var s1 = lanes(0)
    var s2 = lanes(0)
    var s3 = lanes(0)
    var i = start
    while i &+ 32 <= end {
      s0 += f(load(a + i), load(b + i))
      s1 += f(load(a + (i &+ 8)), load(b + (i &+ 8)))
      s2 += f(load(a + (i &+ 16)), load(b + (i &+ 16)))
      s3 += f(load(a + (i &+ 24)), load(b + (i &+ 24)))
      i &+= 32
    }
    while i &+ 8 <= end {
      s0 += f(load(a + i), load(b + i))
      i &+= 8
    }
    if i < end { s1 += f(load(a + i, end &- i), load(b + i, end &- i)) }
    sum += preciseTotal((s0 + s1) + (s2 + s3))
    start = end
  }
  return sum
}

enum ReductionLoops: ReductionKernels {
  static func sum(_ x: FloatPointer, _ count: Int) -> Double {
    preciseSum(x, x, count) { a, _ in a }
  }

  static func sumOfSquares(_ x: FloatPointer, _ count: Int) -> Double {
    preciseSum(x, x, count) { a, _ in a * a }
  }

  static func dot(_ a: FloatPointer, _ b: FloatPointer, _ count: Int) -> Double {
    preciseSum(a, b, count) { $0 * $1 }
  }

  static func maxAbs(_ x: FloatPointer, _ count: Int) -> Float {
    var best = lanes(0)
    var i = 0
    while i < count {
      let v = magnitude(i &+ 8 <= count ? load(x + i) : load(x + i, count &- i))
      // Not "greater": a lane that is not a number wins, and then stays.
      best = best.replacing(with: v, where: .!(v .<= best) .& (best .== best))
      i &+= 8
    }
    return largest(best)
  }

  static func firstNonFinite(_ x: FloatPointer, _ count: Int) -> Int {
    let zero = lanes(0)
    var i = 0
    while i &+ 32 <= count {
      // 0 · v is 0 for finite v and NaN otherwise, and NaN survives addition.
      let probe =
        (zero * load(x + i) + zero * load(x + (i &+ 8)))
        + (zero * load(x + (i &+ 16)) + zero * load(x + (i &+ 24)))
      if !(sumOfLanes(probe) == 0) { break }
      i &+= 32
    }
    while i < count {
      if !(x[i] * 0 == 0) { return i }
      i &+= 1
    }
    return -1
  }

  static func argmax(
    _ x: FloatPointer, _ rows: Int, _ columns: Int, _ indexes: UnsafeMutablePointer<Int32>
  ) {
    var row = 0
    while row < rows {
      let source = x + row &* columns
      var best: Float = -.infinity
      var index = 0
      var i = 0
      while i < columns {
        let v = source[i]
        if v > best || v != v {
          best = v
          index = i
          if v != v { break }
        }
        i &+= 1
      }
      indexes[row] = Int32(truncatingIfNeeded: index)
      row &+= 1
    }
  }
}
