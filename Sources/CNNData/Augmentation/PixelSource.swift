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

  /// Copies the window whose upper left corner is at (top, left).
  func copyWindow(
    top: Int, left: Int, height outHeight: Int, width outWidth: Int, flipped: Bool,
    border: Augmentation.RandomCrop.Border, to output: UnsafeMutableBufferPointer<Float>
  ) {
    var target = 0
    for oy in 0..<outHeight {
      let y = border == .mirror ? mirrored(top + oy, height) : top + oy
      for ox in 0..<outWidth {
        var x = left + (flipped ? outWidth - 1 - ox : ox)
        if border == .mirror { x = mirrored(x, width) }
        if y < 0 || y >= height || x < 0 || x >= width {
          for c in 0..<channels { output[target + c] = 0 }
        } else {
          let pixel = pixels + (y * width + x) * channels
          for c in 0..<channels { output[target + c] = pixel[c].asFloat }
        }
        target += channels
      }
    }
  }

  /// The position within 0..<count that mirrors at the edges, without repeating them, lead to.
  private func mirrored(_ position: Int, _ count: Int) -> Int {
    guard position < 0 || position >= count else { return position }
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let remainder = position % period
    let phase = remainder < 0 ? remainder + period : remainder
    return phase < count ? phase : period - phase
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
    if channels == 3 {
      // Colour is the usual case; its sums stay in registers.
      var sum = SIMD4<Float>()
      forEachTap(rows, columns, x: x, y: y, supportX: supportX, supportY: supportY) { at, weight in
        let pixel = pixels + at * 3
        sum += weight * SIMD4(pixel[0].asFloat, pixel[1].asFloat, pixel[2].asFloat, 1)
      }
      guard sum[3] > 0 else { return }
      for c in 0..<3 { output[target + c] = sum[c] / sum[3] }
      return
    }
    var total: Float = 0
    forEachTap(rows, columns, x: x, y: y, supportX: supportX, supportY: supportY) { at, weight in
      total += weight
      let pixel = pixels + at * channels
      for c in 0..<channels { output[target + c] += weight * pixel[c].asFloat }
    }
    guard total > 0 else { return }
    for c in 0..<channels { output[target + c] /= total }
  }

  /// Calls `body` with the number and the weight of each pixel that has one.
  @inline(__always)
  private func forEachTap(
    _ rows: Range<Int>, _ columns: Range<Int>, x: Float, y: Float, supportX: Float,
    supportY: Float, _ body: (_ pixel: Int, _ weight: Float) -> Void
  ) {
    for row in rows {
      let weightY = 1 - abs(Float(row) + 0.5 - y) / supportY
      guard weightY > 0 else { continue }
      for column in columns {
        let weightX = 1 - abs(Float(column) + 0.5 - x) / supportX
        if weightX > 0 { body(row * width + column, weightY * weightX) }
      }
    }
  }

  /// The pixels of a row or column that a filter around `center`, which is within it, reaches.
  private func taps(around center: Float, support: Float, count: Int) -> Range<Int> {
    let before = center - support - 0.5
    let first = min(before < 0 ? 0 : Int(before) + 1, count - 1)
    let last = min(count - 1, Int(center + support - 0.5))
    return first..<max(first, last) + 1
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
