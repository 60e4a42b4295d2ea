// Exponential, logarithm, hyperbolic tangent, sine and cosine of eight numbers.
//
// The polynomials are minimax fits (Chebyshev interpolation in 40 digits) on the reduced ranges that
// the comments name. Relative errors stay below 2e-7.

private let roundingMagic: Float = 12_582_912

/// 2^n for n in -126...127, as the float of those bits.
@inline(__always)
private func powerOfTwo(_ n: SIMD8<Int32>) -> Vector {
  unsafeBitCast(
    (n &+ SIMD8<Int32>(repeating: 127)) &<< SIMD8<Int32>(repeating: 23), to: Vector.self)
}

/// e^x: 0 below -104, infinity above 88.73, NaN for NaN.
@inline(__always)
func exponential(_ input: Vector) -> Vector {
  var x = input.replacing(with: lanes(-104), where: input .< lanes(-104))
  x = x.replacing(with: lanes(89), where: x .> lanes(89))
  // Adding 1.5 · 2^23 rounds to a whole number, which is then in the low bits.
  let shifted = x * lanes(1.442_695) + lanes(roundingMagic)
  let whole = shifted - lanes(roundingMagic)
  let n =
    unsafeBitCast(shifted, to: SIMD8<Int32>.self)
    &- SIMD8<Int32>(repeating: Int32(bitPattern: roundingMagic.bitPattern))
  // |r| <= ln 2 / 2; the high part of ln 2 has nine trailing zeros, so its products are exact.
  let r = (x - whole * lanes(0.693_145_751_953_125)) - whole * lanes(1.428_606_765_330_187e-6)
  var q = r * lanes(0.001_392_692_676_745_355_1) + lanes(0.008_363_774_046_301_842)
  q = q * r + lanes(0.041_666_548_699_140_55)
  q = q * r + lanes(0.166_665_732_860_565_19)
  q = q * r + lanes(0.5)
  let p = (q * r) * r + r + lanes(1)
  // Two factors, because 2^n alone leaves the range of floats where the result does not.
  let half = n &>> SIMD8<Int32>(repeating: 1)
  return (p * powerOfTwo(half)) * powerOfTwo(n &- half)
}

/// log x for normal positive x; -infinity for 0, NaN for NaN and negative x, infinity for infinity.
@inline(__always)
func logarithm(_ input: Vector) -> Vector {
  // Subnormal numbers are brought into the normal range first.
  let tiny = input .< lanes(1.175_494_4e-38)
  let x = input.replacing(with: input * lanes(8_388_608), where: tiny)
  let bits = unsafeBitCast(x, to: SIMD8<Int32>.self)
  // Splits into 2^e · m with m in [√½, √2).
  let offset = bits &- SIMD8<Int32>(repeating: 0x3f35_04f3)
  let exponent = offset &>> SIMD8<Int32>(repeating: 23)
  let m = unsafeBitCast(
    bits &- (exponent &<< SIMD8<Int32>(repeating: 23)), to: Vector.self)
  var e = integerToFloat(exponent)
  e = e.replacing(with: e - lanes(23), where: tiny)
  // log m = 2 artanh(s), s = (m - 1) / (m + 1), |s| <= 0.172
  let f = m - lanes(1)
  let s = f / (m + lanes(1))
  let z = s * s
  var q = z * lanes(0.295_799_493_789_672_85) + lanes(0.399_887_800_216_674_8)
  q = q * z + lanes(0.666_666_865_348_815_9)
  // 2s = f - s·f, whose first term is exact.
  let tail = s * (f - q * z)
  var y = (e * lanes(1.428_606_765_330_187e-6) - tail) + f + e * lanes(0.693_145_751_953_125)
  y = y.replacing(with: lanes(-.infinity), where: input .== lanes(0))
  y = y.replacing(with: input, where: input .== lanes(.infinity))
  return y.replacing(with: lanes(.nan), where: .!(input .>= lanes(0)))
}

/// √x: NaN for negative x and NaN, exact for 0 and infinity, otherwise within one unit of the last
/// place.
///
/// The library's own root of a vector is eight calls, because C's reports errors.
@inline(__always)
func squareRoot(_ input: Vector) -> Vector {
  // Subnormal numbers are brought into the normal range by a power of four.
  let tiny = input .< lanes(1.175_494_4e-38)
  let x = input.replacing(with: input * lanes(0x1p48), where: tiny)
  // 1 / √x: halving the exponent gives two digits, and each of Newton's steps doubles them.
  var y = unsafeBitCast(
    SIMD8<Int32>(repeating: 0x5f37_59df)
      &- (unsafeBitCast(x, to: SIMD8<Int32>.self) &>> SIMD8<Int32>(repeating: 1)),
    to: Vector.self)
  let half = lanes(0.5) * x
  y = y * (lanes(1.5) - (half * y) * y)
  y = y * (lanes(1.5) - (half * y) * y)
  y = y * (lanes(1.5) - (half * y) * y)
  var root = x * y
  root += (lanes(0.5) * y) * (x - root * root)
  root = root.replacing(with: root * lanes(0x1p-24), where: tiny)
  root = root.replacing(with: input, where: input .== lanes(0))
  root = root.replacing(with: input, where: input .== lanes(.infinity))
  return root.replacing(with: lanes(.nan), where: .!(input .>= lanes(0)))
}

/// Whole numbers below 2^22 in magnitude as floats.
@inline(__always)
func integerToFloat(_ n: SIMD8<Int32>) -> Vector {
  unsafeBitCast(
    n &+ SIMD8<Int32>(repeating: Int32(bitPattern: roundingMagic.bitPattern)), to: Vector.self)
    - lanes(roundingMagic)
}

/// tanh x, odd and exact at 0 and ±infinity.
@inline(__always)
func hyperbolicTangent(_ x: Vector) -> Vector {
  let z = x * x
  var q = z * lanes(-0.006_096_714_176_237_583) + lanes(0.020_997_179_672_122)
  q = q * z + lanes(-0.053_850_907_832_384_11)
  q = q * z + lanes(0.133_327_692_747_116_1)
  q = q * z + lanes(-0.333_333_283_662_796)
  let a = magnitude(x)
  let small = a + a * (z * q)
  let e = exponential(a + a)
  let large = lanes(1) - lanes(2) / (e + lanes(1))
  let positive = large.replacing(with: small, where: a .< lanes(0.625))
  let sign = unsafeBitCast(x, to: SIMD8<UInt32>.self) & SIMD8<UInt32>(repeating: 0x8000_0000)
  return unsafeBitCast(
    unsafeBitCast(positive, to: SIMD8<UInt32>.self) | sign, to: Vector.self)
}

/// 1 / (1 + e^-x), from e^-|x| so that small results keep their digits.
@inline(__always)
func logisticSigmoid(_ x: Vector) -> Vector {
  let e = exponential(lanes(0) - magnitude(x))
  let numerator = e.replacing(with: lanes(1), where: x .>= lanes(0))
  return numerator / (lanes(1) + e)
}

/// The sine and cosine of `turns` full turns, for turns in [0, 1).
@inline(__always)
func sineCosine(turns: Vector) -> (sine: Vector, cosine: Vector) {
  let shifted = turns * lanes(4) + lanes(roundingMagic)
  let quadrant = unsafeBitCast(shifted, to: SIMD8<UInt32>.self)
  let r = (turns * lanes(4) - (shifted - lanes(roundingMagic))) * lanes(1.570_796_3)
  let z = r * r
  var s = z * lanes(-0.000_195_878_907_106_816_77) + lanes(0.008_332_747_966_051_102)
  s = s * z + lanes(-0.166_666_641_831_398)
  s = r + r * (z * s)
  var c = z * lanes(2.454_794_230_288_826e-5) + lanes(-0.001_388_830_249_197_781)
  c = c * z + lanes(0.041_666_664_183_139_8)
  c = (c * z) * z + (lanes(1) - lanes(0.5) * z)
  let odd = (quadrant & SIMD8<UInt32>(repeating: 1)) .!= SIMD8<UInt32>(repeating: 0)
  let sine = s.replacing(with: c, where: odd)
  let cosine = c.replacing(with: s, where: odd)
  // Sines are negative in the quadrants 2 and 3, cosines in 1 and 2.
  let high = SIMD8<UInt32>(repeating: 2)
  let sineSign = (quadrant & high) &<< SIMD8<UInt32>(repeating: 30)
  let cosineSign =
    ((quadrant &+ SIMD8<UInt32>(repeating: 1)) & high) &<< SIMD8<UInt32>(repeating: 30)
  return (
    unsafeBitCast(unsafeBitCast(sine, to: SIMD8<UInt32>.self) ^ sineSign, to: Vector.self),
    unsafeBitCast(unsafeBitCast(cosine, to: SIMD8<UInt32>.self) ^ cosineSign, to: Vector.self)
  )
}
