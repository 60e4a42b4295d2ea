/// A number that a picture is made of.
protocol PixelValue: BitwiseCopyable {
  var asFloat: Float { get }
}

extension UInt8: PixelValue {
  var asFloat: Float { Float(self) }
}

extension Float: PixelValue {
  var asFloat: Float { self }
}

/// A picture in memory, channels last, to take samples from.
///
/// Its owner keeps the pixels alive while it is used.
struct PixelSource<Pixel: PixelValue> {
  let pixels: UnsafePointer<Pixel>
  let height: Int
  let width: Int
  let channels: Int
  /// What a stored number is divided by: 255 for 8-bit pixels, 1 for floating-point numbers.
  let divisor: Float

  /// Copies the window whose upper left corner is at (top, left); what is outside becomes 0.
  func copyWindow(
    top: Int, left: Int, height outHeight: Int, width outWidth: Int, flipped: Bool,
    to output: UnsafeMutableBufferPointer<Float>
  ) {
    var target = 0
    for oy in 0..<outHeight {
      let y = top + oy
      for ox in 0..<outWidth {
        let x = left + (flipped ? outWidth - 1 - ox : ox)
        if y < 0 || y >= height || x < 0 || x >= width {
          for c in 0..<channels { output[target + c] = 0 }
        } else {
          let pixel = pixels + (y * width + x) * channels
          for c in 0..<channels { output[target + c] = pixel[c].asFloat / divisor }
        }
        target += channels
      }
    }
  }

  /// Resamples through an affine map with a triangle filter, antialiased where the map shrinks.
  ///
  /// Weights of the filter that fall outside of the picture are left out and the others scaled up;
  /// points whose centre is outside become 0.
  func resample(
    _ map: SamplingMap, height outHeight: Int, width outWidth: Int,
    to output: UnsafeMutableBufferPointer<Float>
  ) {
    let supportX = max(1, map.scaleX)
    let supportY = max(1, map.scaleY)
    var target = 0
    for oy in 0..<outHeight {
      for ox in 0..<outWidth {
        let (x, y) = map.source(x: Float(ox) + 0.5, y: Float(oy) + 0.5)
        for c in 0..<channels { output[target + c] = 0 }
        if x >= 0, x <= Float(width), y >= 0, y <= Float(height) {
          accumulate(
            x: x, y: y, supportX: supportX, supportY: supportY, to: output, at: target)
        }
        target += channels
      }
    }
  }

  /// Adds the pixels around (x, y), weighted, to the zeroed numbers at `target`.
  private func accumulate(
    x: Float, y: Float, supportX: Float, supportY: Float,
    to output: UnsafeMutableBufferPointer<Float>, at target: Int
  ) {
    let columns = taps(around: x, support: supportX, count: width)
    let rows = taps(around: y, support: supportY, count: height)
    var total: Float = 0
    for row in rows {
      let weightY = 1 - abs(Float(row) + 0.5 - y) / supportY
      guard weightY > 0 else { continue }
      for column in columns {
        let weight = weightY * (1 - abs(Float(column) + 0.5 - x) / supportX)
        guard weight > 0 else { continue }
        total += weight
        let pixel = pixels + (row * width + column) * channels
        for c in 0..<channels { output[target + c] += weight * pixel[c].asFloat }
      }
    }
    guard total > 0 else { return }
    for c in 0..<channels { output[target + c] /= total * divisor }
  }

  /// The pixels of a row or column that a filter around `center` reaches; `center` is within it.
  private func taps(around center: Float, support: Float, count: Int) -> Range<Int> {
    let first = max(0, Int(center - support - 0.5))
    let last = min(count - 1, Int(center + support + 0.5))
    return first..<max(first, last + 1)
  }
}

/// Where in the source picture each point of the output comes from: a rectangle, turned.
struct SamplingMap {
  /// Source pixels per output pixel along the output's axes.
  let scaleX: Float
  let scaleY: Float
  private let centerX: Float
  private let centerY: Float
  private let outCenterX: Float
  private let outCenterY: Float
  private let cosine: Float
  private let sine: Float
  private let mirror: Float

  /// Maps an output of the given size onto the rectangle, turned around the rectangle's centre.
  init(
    left: Float, top: Float, width: Float, height: Float, outWidth: Int, outHeight: Int,
    cosine: Float, sine: Float, flipped: Bool
  ) {
    scaleX = width / Float(outWidth)
    scaleY = height / Float(outHeight)
    centerX = left + width / 2
    centerY = top + height / 2
    outCenterX = Float(outWidth) / 2
    outCenterY = Float(outHeight) / 2
    self.cosine = cosine
    self.sine = sine
    mirror = flipped ? -1 : 1
  }

  func source(x: Float, y: Float) -> (x: Float, y: Float) {
    let dx = (x - outCenterX) * scaleX * mirror
    let dy = (y - outCenterY) * scaleY
    return (centerX + dx * cosine - dy * sine, centerY + dx * sine + dy * cosine)
  }
}
