import CNNKernelTypes

/// Four words of eight counters.
private struct PhiloxGroup {
  var x0: SIMD8<UInt32>
  var x1: SIMD8<UInt32>
  var x2: SIMD8<UInt32>
  var x3: SIMD8<UInt32>
}

/// Philox 4x32-10 of four counters, in 64-bit lanes because products have 64 bits.
private struct PhiloxQuad {
  var x0: SIMD4<UInt64>
  var x1: SIMD4<UInt64>
  var x2: SIMD4<UInt64>
  var x3: SIMD4<UInt64>

  @inline(__always)
  mutating func tenRounds(_ key0: UInt32, _ key1: UInt32) {
    let low = SIMD4<UInt64>(repeating: 0xffff_ffff)
    let shift = SIMD4<UInt64>(repeating: 32)
    let m0 = SIMD4<UInt64>(repeating: 0xd251_1f53)
    let m1 = SIMD4<UInt64>(repeating: 0xcd9e_8d57)
    var k0 = key0
    var k1 = key1
    var round = 0
    while round < 10 {
      let p0 = (x0 & low) &* m0
      let p1 = (x2 & low) &* m1
      let y0 = (p1 &>> shift) ^ x1 ^ SIMD4(repeating: UInt64(k0))
      let y2 = (p0 &>> shift) ^ x3 ^ SIMD4(repeating: UInt64(k1))
      x1 = p1 & low
      x3 = p0 & low
      x0 = y0
      x2 = y2
      k0 &+= 0x9e37_79b9
      k1 &+= 0xbb67_ae85
      round &+= 1
    }
  }

  @inline(__always)
  init(_ key: PhiloxKey, _ block: UInt64) {
    let first = SIMD4<UInt64>(repeating: block & 0xffff_ffff)
    x0 = first &+ SIMD4<UInt64>(0, 1, 2, 3)
    x1 = SIMD4(repeating: block &>> 32)
    x2 = SIMD4(repeating: UInt64(key.counter2))
    x3 = SIMD4(repeating: UInt64(key.counter3))
    tenRounds(key.key0, key.key1)
  }
}

/// The low words of eight 64-bit lanes.
@inline(__always)
private func lowWords(_ a: SIMD4<UInt64>, _ b: SIMD4<UInt64>) -> SIMD8<UInt32> {
  SIMD8(
    lowHalf: unsafeBitCast(a, to: SIMD8<UInt32>.self).evenHalf,
    highHalf: unsafeBitCast(b, to: SIMD8<UInt32>.self).evenHalf)
}

extension PhiloxGroup {
  /// The counters 8 · index .
  ///
  /// 8 · index + 7.
  @inline(__always)
  init(_ key: PhiloxKey, _ index: UInt64) {
    let a = PhiloxQuad(key, index &* 8)
    let b = PhiloxQuad(key, index &* 8 &+ 4)
    x0 = lowWords(a.x0, b.x0)
    x1 = lowWords(a.x1, b.x1)
    x2 = lowWords(a.x2, b.x2)
    x3 = lowWords(a.x3, b.x3)
  }
}

/// The upper 24 bits of each word over 2^24: [0, 1).
@inline(__always)
private func unitInterval(_ words: SIMD8<UInt32>) -> Vector {
  // 23 bits fill the mantissa of [1, 2); the 24th is worth half of their last place.
  let upper = unsafeBitCast(
    (words &>> SIMD8(repeating: 9)) | SIMD8(repeating: 0x3f80_0000), to: Vector.self)
  let last = unsafeBitCast(
    (words &>> SIMD8(repeating: 8)) & SIMD8(repeating: 1) | SIMD8(repeating: 0x4b00_0000),
    to: Vector.self)
  return (upper - lanes(1)) + (last - lanes(8_388_608)) * lanes(0x1p-24)
}

enum RandomLoops: RandomKernels {
  static func words(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ groups: Int, _ y: UnsafeMutablePointer<UInt32>
  ) {
    var g = 0
    while g < groups {
      let group = PhiloxGroup(key, firstGroup &+ UInt64(truncatingIfNeeded: g))
      let target = UnsafeMutableRawPointer(y + g &* 32)
      target.storeBytes(of: group.x0, as: SIMD8<UInt32>.self)
      (target + 32).storeBytes(of: group.x1, as: SIMD8<UInt32>.self)
      (target + 64).storeBytes(of: group.x2, as: SIMD8<UInt32>.self)
      (target + 96).storeBytes(of: group.x3, as: SIMD8<UInt32>.self)
      g &+= 1
    }
  }

  static func uniform(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ groups: Int, _ y: MutableFloatPointer,
    _ low: Float, _ high: Float
  ) {
    let base = lanes(low)
    let width = lanes(high - low)
    var g = 0
    while g < groups {
      let group = PhiloxGroup(key, firstGroup &+ UInt64(truncatingIfNeeded: g))
      let target = y + g &* 32
      store(base + width * unitInterval(group.x0), target)
      store(base + width * unitInterval(group.x1), target + 8)
      store(base + width * unitInterval(group.x2), target + 16)
      store(base + width * unitInterval(group.x3), target + 24)
      g &+= 1
    }
  }

  static func normal(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ groups: Int, _ y: MutableFloatPointer,
    _ mean: Float, _ deviation: Float
  ) {
    let m = lanes(mean)
    let d = lanes(deviation)
    var g = 0
    while g < groups {
      let group = PhiloxGroup(key, firstGroup &+ UInt64(truncatingIfNeeded: g))
      let target = y + g &* 32
      let (a, b) = boxMuller(group.x0, group.x1)
      let (c, e) = boxMuller(group.x2, group.x3)
      store(m + d * a, target)
      store(m + d * b, target + 8)
      store(m + d * c, target + 16)
      store(m + d * e, target + 24)
      g &+= 1
    }
  }

  /// Two normal numbers from two uniform ones.
  @inline(__always)
  private static func boxMuller(_ a: SIMD8<UInt32>, _ b: SIMD8<UInt32>) -> (Vector, Vector) {
    // 1 - u is in (0, 1], where the logarithm exists.
    let logU = logarithm(lanes(1) - unitInterval(a))
    let radius = squareRoot(lanes(-2) * logU)
    let (sine, cosine) = sineCosine(turns: unitInterval(b))
    return (radius * cosine, radius * sine)
  }

  static func dropout(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ count: Int, _ threshold: UInt32, _ scale: Float,
    _ x: FloatPointer, _ y: MutableFloatPointer, _ mask: UnsafeMutablePointer<UInt32>
  ) {
    let limit = SIMD8<UInt32>(repeating: threshold)
    var g = 0
    while g &* 32 < count {
      let group = PhiloxGroup(key, firstGroup &+ UInt64(truncatingIfNeeded: g))
      mask[g] =
        bits(group.x0, limit) | bits(group.x1, limit) &<< 8 | bits(group.x2, limit) &<< 16
        | bits(group.x3, limit) &<< 24
      g &+= 1
    }
    applyMask(mask, count, scale, x, y)
  }

  /// One bit for each lane whose upper 24 bits reach the limit.
  @inline(__always)
  private static func bits(_ words: SIMD8<UInt32>, _ limit: SIMD8<UInt32>) -> UInt32 {
    // Both sides are below 2^24, so a signed comparison is right, and one instruction.
    let upper = unsafeBitCast(words &>> SIMD8(repeating: 8), to: SIMD8<Int32>.self)
    let kept = upper .>= unsafeBitCast(limit, to: SIMD8<Int32>.self)
    let marks = SIMD8<UInt32>(1, 2, 4, 8, 16, 32, 64, 128)
    let set = SIMD8<UInt32>(repeating: 0).replacing(with: marks, where: kept)
    let a = set.lowHalf | set.highHalf
    let b = a.lowHalf | a.highHalf
    return b.x | b.y
  }

  static func applyMask(
    _ mask: UnsafePointer<UInt32>, _ count: Int, _ scale: Float, _ x: FloatPointer,
    _ y: MutableFloatPointer
  ) {
    let marks = SIMD8<UInt32>(1, 2, 4, 8, 16, 32, 64, 128)
    let zero = lanes(0)
    let s = lanes(scale)
    var i = 0
    while i < count {
      let byte = SIMD8<UInt32>(repeating: mask[i &>> 5] &>> UInt32(truncatingIfNeeded: i & 24))
      let kept = (byte & marks) .!= SIMD8<UInt32>(repeating: 0)
      if i &+ 8 <= count {
        store(zero.replacing(with: s * load(x + i), where: kept), y + i)
      } else {
        let rest = count &- i
        store(zero.replacing(with: s * load(x + i, rest), where: kept), y + i, rest)
      }
      i &+= 8
    }
  }
}
