import CNNLayerKit

/// How the numbers of a safetensors tensor are stored.
public enum SafetensorsElement: String, Sendable, CaseIterable {
  /// 32-bit floating point.
  case float32 = "F32"
  /// 64-bit floating point.
  case float64 = "F64"
  /// 16-bit floating point, IEEE 754.
  case float16 = "F16"
  /// The upper half of a 32-bit floating-point number.
  case bfloat16 = "BF16"
  /// 8-bit floating point with 4 bits of exponent; listed, not converted.
  case float8e4m3 = "F8_E4M3"
  /// 8-bit floating point with 5 bits of exponent; listed, not converted.
  case float8e5m2 = "F8_E5M2"
  /// 64-bit signed integer.
  case int64 = "I64"
  /// 32-bit signed integer.
  case int32 = "I32"
  /// 16-bit signed integer.
  case int16 = "I16"
  /// 8-bit signed integer.
  case int8 = "I8"
  /// 64-bit unsigned integer.
  case uint64 = "U64"
  /// 32-bit unsigned integer.
  case uint32 = "U32"
  /// 16-bit unsigned integer.
  case uint16 = "U16"
  /// 8-bit unsigned integer.
  case uint8 = "U8"
  /// A byte that is 0 or 1.
  case boolean = "BOOL"

  /// The bytes of one number.
  public var size: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8e4m3, .float8e5m2, .int8, .uint8, .boolean: 1
    }
  }
}

extension SafetensorsElement {
  /// Converts as many stored numbers as `destination` has room for.
  ///
  /// `bytes` holds exactly that many. Integers and 64-bit numbers are rounded to the nearest 32-bit
  /// number.
  /// - Throws: `unsupported` for 8-bit floating point.
  func convert(
    _ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    switch self {
    case .float32: load(bytes, UInt32.self, destination) { Float(bitPattern: $0) }
    case .float64: load(bytes, UInt64.self, destination) { Float(Double(bitPattern: $0)) }
    case .float16: load(bytes, UInt16.self, destination, floatFromHalf)
    case .bfloat16:
      load(bytes, UInt16.self, destination) { Float(bitPattern: UInt32($0) << 16) }
    case .int64: load(bytes, Int64.self, destination) { Float($0) }
    case .int32: load(bytes, Int32.self, destination) { Float($0) }
    case .int16: load(bytes, Int16.self, destination) { Float($0) }
    case .int8: load(bytes, Int8.self, destination) { Float($0) }
    case .uint64: load(bytes, UInt64.self, destination) { Float($0) }
    case .uint32: load(bytes, UInt32.self, destination) { Float($0) }
    case .uint16: load(bytes, UInt16.self, destination) { Float($0) }
    case .uint8: load(bytes, UInt8.self, destination) { Float($0) }
    case .boolean: load(bytes, UInt8.self, destination) { $0 == 0 ? 0 : 1 }
    case .float8e4m3, .float8e5m2:
      throw CNNError(
        .unsupported, "numbers stored as \(rawValue) cannot be read; convert the file to F32")
    }
  }

  private func load<Stored: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _: Stored.Type,
    _ destination: UnsafeMutableBufferPointer<Float>, _ convert: (Stored) -> Float
  ) {
    for index in destination.indices {
      let stored = bytes.loadUnaligned(
        fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self)
      destination[index] = convert(Stored(littleEndian: stored))
    }
  }
}

/// Widens an IEEE 754 half-precision number, which every 32-bit number can represent exactly.
private func floatFromHalf(_ half: UInt16) -> Float {
  let sign = UInt32(half & 0x8000) << 16
  let exponent = UInt32(half >> 10) & 0x1F
  let fraction = UInt32(half & 0x3FF)
  switch exponent {
  case 0:
    // Zero or subnormal: the fraction counts in units of 2^-24.
    let magnitude = Float(fraction) * 0x1p-24
    return Float(bitPattern: magnitude.bitPattern | sign)
  case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}
