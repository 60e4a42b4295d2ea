import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a resized pixel is computed from those of the source.
///
/// All but `nearest` widen with the factor of reduction, so that small pictures of large ones are
/// smooth (antialiased) as in Pillow.
public enum ResampleFilter: String, Sendable, CaseIterable, Codable {
  /// The pixel at the centre; no smoothing.
  case nearest
  /// The mean of the covered pixels.
  case box
  /// A triangle, linear interpolation when enlarging.
  case bilinear
  /// The cubic of Keys (1981) with a = -0.5.
  case bicubic
  /// The sinc function under its own first three lobes.
  case lanczos3

  /// How far the filter reaches, in source pixels at scale 1.
  var support: Double {
    switch self {
    case .nearest, .box: 0.5
    case .bilinear: 1
    case .bicubic: 2
    case .lanczos3: 3
    }
  }

  /// The filter's value at distance `x` from its centre, before normalisation.
  func value(at x: Double) -> Double {
    let distance = abs(x)
    switch self {
    case .nearest, .box:
      return x > -0.5 && x <= 0.5 ? 1 : 0
    case .bilinear:
      return max(0, 1 - distance)
    case .bicubic:
      if distance < 1 { return (1.5 * distance - 2.5) * distance * distance + 1 }
      if distance < 2 { return ((-0.5 * distance + 2.5) * distance - 4) * distance + 2 }
      return 0
    case .lanczos3:
      return distance < 3 ? sinc(distance) * sinc(distance / 3) : 0
    }
  }
}

private func sinc(_ x: Double) -> Double {
  x == 0 ? 1 : sin(x * .pi) / (x * .pi)
}

/// The weights of the source pixels for a run of output pixels along one axis.
///
/// Weights are integers in units of 2^-22, so that results are the same on every machine.
struct ResampleWeights {
  /// Bits behind the binary point: 8 of a pixel, and 2 for sums above 255 and the sign, leave 22.
  static let fractionBits: Int32 = 22

  /// The first source pixel of the first output pixel's and the end of the last one's window.
  let sourceRange: Range<Int>
  /// How many output pixels there are.
  let count: Int
  private let storage: ByteBuffer
  private let stride: Int

  /// - Parameters:
  ///   - inputSize: The pixels of the source along the axis.
  ///   - span: The part of them that is resized; nil means all.
  ///   - outputSize: The pixels of the complete result along the axis.
  ///   - window: Those of the result's pixels that are wanted.
  init(
    inputSize: Int, span: ReducedImage.Span? = nil, outputSize: Int, window: Range<Int>,
    filter: ResampleFilter
  ) throws(CNNError) {
    let start = span?.start ?? 0
    let scale = (span?.length ?? Double(inputSize)) / Double(outputSize)
    let filterScale = max(scale, 1)
    let support = filter.support * filterScale
    // First source pixel, number of them, weights. Sizes are below 2^63 / 64, so nothing overflows.
    let most = min(inputSize, Int(support.rounded(.up)) * 2 + 1)
    stride = most + 2
    let purpose = "resizing \(inputSize) to \(outputSize) pixels"
    let numbers = try elementCount(stride, window.count, 4, of: purpose)
    storage = try ByteBuffer(uninitializedCount: numbers, for: purpose)
    count = window.count
    let exact = try ByteBuffer(uninitializedCount: most * 8, for: purpose)
    let table = storage.mutableBytes.bindMemory(to: Int32.self)
    let weights = exact.mutableBytes.bindMemory(to: Double.self)
    var range: Range<Int>?
    for (row, output) in window.enumerated() {
      let center = start + (Double(output) + 0.5) * scale
      let first = max(0, Int(center - support + 0.5))
      let end = max(first + 1, min(inputSize, Int(center + support + 0.5)))
      var sum = 0.0
      for i in 0..<end - first {
        weights[i] = filter.value(at: (Double(i + first) - center + 0.5) / filterScale)
        sum += weights[i]
      }
      let entry = row * stride
      table[entry] = Int32(truncatingIfNeeded: first)
      table[entry + 1] = Int32(truncatingIfNeeded: end - first)
      ResampleWeights.store(weights, count: end - first, sum: sum, in: table, at: entry + 2)
      range = (range?.lowerBound ?? first)..<end
    }
    sourceRange = range ?? 0..<0
    extendLifetime(exact)
  }

  /// Writes normalised weights as integers.
  private static func store(
    _ weights: UnsafeMutableBufferPointer<Double>, count: Int, sum: Double,
    in table: UnsafeMutableBufferPointer<Int32>, at start: Int
  ) {
    let one = Double(1 << fractionBits)
    // Each is rounded by itself, as in Pillow. Of very many, the errors would add up to levels:
    // then what one rounding leaves is passed on to the next.
    let passesErrorsOn = count > 1 << 14
    var error = 0.0
    for i in 0..<count {
      let share = sum == 0 ? 0 : weights[i] / sum
      let exact = share * one + (passesErrorsOn ? error : 0)
      let rounded = max(-0x1p30, min(0x1p30, exact.rounded(.toNearestOrAwayFromZero)))
      error = exact - rounded
      table[start + i] = Int32(rounded)
    }
  }

  /// Calls `body` for each output pixel with its index, its first source pixel, and its weights.
  @inline(__always)
  func forEach(_ body: (Int, Int, UnsafeBufferPointer<Int32>) -> Void) {
    storage.withUnsafeBytes { bytes in
      guard let table = bytes.bindMemory(to: Int32.self).baseAddress else { return }
      for output in 0..<count {
        let entry = table + output * stride
        body(
          output, Int(entry[0]), UnsafeBufferPointer(start: entry + 2, count: Int(entry[1])))
      }
    }
  }
}
