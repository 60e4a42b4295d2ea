import CNNLayerKit

/// Rounds a number to IEEE 754 half precision: to the nearest, of two equally near ones to the one
/// whose last bit is 0.
///
/// In integers, so that neither rounding mode nor treatment of small numbers of the host matters.
func halfFromFloat(_ value: Float) -> UInt16 {
  let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
  let magnitude = value.bitPattern & 0x7FFF_FFFF
  let exponent = magnitude >> 23
  switch magnitude {
  case 0x7F80_0001...:
    // Not a number, and quietly so: what is left of the payload may be zero.
    return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x1FF
  case 0x4780_0000...: return sign | 0x7C00
  case 0x3880_0000...:
    // A carry out of the fraction rightly grows the exponent, at the end to infinity.
    return sign | UInt16(truncatingIfNeeded: roundedShift(magnitude - 0x3800_0000, by: 13))
  default:
    // Subnormal: in units of 2^-24. Below 2^-25 everything rounds to zero.
    guard exponent >= 102 else { return sign }
    let fraction = magnitude & 0x7F_FFFF | 0x80_0000
    return sign | UInt16(truncatingIfNeeded: roundedShift(fraction, by: 126 - exponent))
  }
}

/// Rounds a number to the upper half of its bits, as `halfFromFloat` does.
func bfloat16FromFloat(_ value: Float) -> UInt16 {
  let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
  let magnitude = value.bitPattern & 0x7FFF_FFFF
  if magnitude > 0x7F80_0000 {
    return sign | 0x7FC0 | UInt16(truncatingIfNeeded: magnitude >> 16)
  }
  return sign | UInt16(truncatingIfNeeded: roundedShift(magnitude, by: 16))
}

/// bits / 2^count to the nearest whole number, of two equally near ones to the even one.
private func roundedShift(_ bits: UInt32, by count: UInt32) -> UInt32 {
  let quotient = bits >> count
  let rest = bits & (1 << count - 1)
  let half: UInt32 = 1 << (count - 1)
  return rest > half || (rest == half && quotient & 1 == 1) ? quotient + 1 : quotient
}

extension SafetensorsElement {
  /// Whether every finite number of these stays finite when it is rounded to this kind.
  func keepsFinite(_ floats: UnsafeMutableBufferPointer<Float>) -> Bool {
    switch self {
    // Half of the way from the largest number to what would be the next one rounds up.
    case .float16: floats.allSatisfy { abs($0) < 65520 || !$0.isFinite }
    case .bfloat16: floats.allSatisfy { abs($0) < 0x1.FFp127 || !$0.isFinite }
    default: true
    }
  }

  /// Rounds numbers to half precision.
  ///
  /// - Parameter destination: Room for two bytes for each.
  func round(
    _ floats: UnsafeMutableBufferPointer<Float>, into destination: UnsafeMutableRawBufferPointer
  ) {
    for (index, value) in floats.enumerated() {
      let half = self == .float16 ? halfFromFloat(value) : bfloat16FromFloat(value)
      destination.storeBytes(of: half.littleEndian, toByteOffset: index * 2, as: UInt16.self)
    }
  }
}
