#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A range of values with round numbers to label it by.
struct Axis {
  let lower: Double
  let upper: Double
  /// The labelled values, inside of the range.
  let ticks: [Double]
  private let step: Double

  /// - Parameters:
  ///   - range: What has to be visible; a range without extent is widened.
  ///   - desiredTicks: About how many labels there is room for.
  ///   - extendsToTicks: Whether the axis ends at round numbers.
  init(_ range: ClosedRange<Double>, desiredTicks: Int, extendsToTicks: Bool) {
    var (low, high) = (range.lowerBound, range.upperBound)
    // Beyond 1e300, differences of two values could be infinite.
    low = max(-1e300, min(1e300, low))
    high = max(-1e300, min(1e300, high))
    if !(high - low > abs(high) * 1e-9) {
      let room = high == 0 ? 1 : abs(high) * 0.1
      low -= room
      high += room
    }
    step = Axis.niceStep((high - low) / Double(max(1, desiredTicks)))
    if extendsToTicks {
      low = (low / step + 1e-9).rounded(.down) * step
      high = (high / step - 1e-9).rounded(.up) * step
    }
    lower = low
    upper = high
    var ticks: [Double] = []
    var number = (low / step - 1e-9).rounded(.up)
    while number * step <= high + step * 1e-9, ticks.count < 100 {
      ticks.append(number * step)
      number += 1
    }
    self.ticks = ticks
  }

  /// The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `rough`.
  private static func niceStep(_ rough: Double) -> Double {
    let power = pow(10, log10(rough).rounded(.down))
    guard power > 0, power.isFinite else { return rough > 0 ? rough : 1 }
    let factor = [1, 2, 2.5, 5].first { $0 * power >= rough * (1 - 1e-9) } ?? 10
    return factor * power
  }

  /// Where a value lies between the ends of the axis: 0 is the lower end, 1 the upper.
  func position(_ value: Double) -> Double { (value - lower) / (upper - lower) }

  /// The text for a tick, with as many decimals as neighbours need to differ.
  func label(_ tick: Double) -> String {
    let largest = max(abs(lower), abs(upper))
    if largest < 1e-4 || largest >= 1e12 { return exponential(tick) }
    let (divisor, suffix) =
      largest >= 2e9
      ? (1e9, "G") : largest >= 2e6 ? (1e6, "M") : largest >= 2e4 ? (1e3, "k") : (1, "")
    if tick == 0 { return "0" }
    return fixed(tick / divisor, decimals: Axis.decimals(step / divisor)) + suffix
  }

  private func exponential(_ tick: Double) -> String {
    guard tick != 0 else { return "0" }
    let exponent = log10(abs(tick) * (1 + 1e-12)).rounded(.down)
    let digits = fixed(tick / pow(10, exponent), decimals: 2)
    var text = Substring(digits)
    while text.last == "0" { text = text.dropLast() }
    if text.last == "." { text = text.dropLast() }
    return "\(text)e\(Int(exponent))"
  }

  /// The decimals that a multiple of `step` needs.
  private static func decimals(_ step: Double) -> Int {
    (0...8).first { decimals in
      let scaled = step * pow(10, Double(decimals))
      return abs(scaled - scaled.rounded()) < 1e-6 * max(1, scaled)
    } ?? 8
  }
}

/// A number with a fixed count of decimals, independent of the locale.
func fixed(_ value: Double, decimals: Int) -> String {
  let scale = (0..<max(0, min(9, decimals))).reduce(1.0) { product, _ in product * 10 }
  guard let scaled = Int(exactly: (abs(value) * scale).rounded()) else { return "\(value)" }
  let sign = value < 0 && scaled != 0 ? "-" : ""
  let whole = String(scaled / Int(scale))
  guard scale > 1 else { return sign + whole }
  let fraction = String(scaled % Int(scale))
  let zeros = String(repeating: "0", count: String(Int(scale)).count - 1 - fraction.count)
  return "\(sign)\(whole).\(zeros)\(fraction)"
}
