import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rows and columns of an output that are to be emptied once it is normalised.
struct OutputRectangle: Equatable {
  let rows: Range<Int>
  let columns: Range<Int>

  /// Sets the numbers within to 0.
  func clear(
    _ output: UnsafeMutableBufferPointer<Float>, width: Int, channels: Int
  ) {
    for row in rows {
      let start = (row * width + columns.lowerBound) * channels
      for i in start..<start + columns.count * channels { output[i] = 0 }
    }
  }
}

extension Augmentation {
  /// Writes a randomly changed sample of the picture: numbers in the range of the picture's, not yet
  /// normalised.
  ///
  /// - Parameters:
  ///   - source: The picture, at least as large as the sample unless cropping says otherwise.
  ///   - height: The sample's rows.
  ///   - width: The sample's columns.
  ///   - output: Room for height * width * channels numbers.
  ///   - random: The sample's own random numbers.
  /// - Returns: What is to be cleared after normalisation, by cutout.
  /// - Throws: `outOfMemory`.
  func apply<Pixel>(
    to source: PixelSource<Pixel>, height: Int, width: Int,
    output: UnsafeMutableBufferPointer<Float>, random: inout SampleRandom
  ) throws(CNNError) -> OutputRectangle? {
    let view = drawView(of: source, height: height, width: width, random: &random)
    if let size = drawDownscale(height: height, width: width, random: &random) {
      try write(view, of: source, through: size, height: height, width: width, to: output)
    } else {
      try write(view, of: source, height: height, width: width, to: output)
    }
    if changesColor {
      var colors = ColorChanges(output: output, channels: source.channels)
      if let colorJitter { colors.jitter(colorJitter, random: &random) }
      if lighting > 0 { colors.addLighting(deviation: lighting, random: &random) }
      if grayscale > 0, random.uniform() < grayscale { colors.removeColor() }
      colors.apply()
    }
    return drawCutout(height: height, width: width, random: &random)
  }

  /// The part of a picture that a sample shows.
  private struct View {
    var top: Int
    var left: Int
    var height: Int
    var width: Int
    var flipped: Bool
    /// In radians.
    var angle: Float
    /// Whether it has another size than the sample, or is turned.
    var isResampled: Bool
  }

  private func drawView<Pixel>(
    of source: PixelSource<Pixel>, height: Int, width: Int, random: inout SampleRandom
  ) -> View {
    let angle = rotation > 0 ? rotation * (2 * random.uniform() - 1) * .pi / 180 : 0
    if let crop = randomResizedCrop {
      let window = drawWindow(crop, of: source, random: &random)
      return View(
        top: window.top, left: window.left, height: window.height, width: window.width,
        flipped: random.uniform() < horizontalFlip, angle: angle, isResampled: true)
    }
    var top = centerOffset(source.height, height)
    var left = centerOffset(source.width, width)
    if let randomCrop {
      top = drawOffset(source.height, height, padding: randomCrop.padding, random: &random)
      left = drawOffset(source.width, width, padding: randomCrop.padding, random: &random)
    }
    return View(
      top: top, left: left, height: height, width: width,
      flipped: random.uniform() < horizontalFlip, angle: angle, isResampled: rotation > 0)
  }

  /// Writes a view of the picture in the given size, which has to be its own unless it is resampled.
  private func write<Pixel>(
    _ view: View, of source: PixelSource<Pixel>, height: Int, width: Int,
    to output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    guard view.isResampled else {
      return source.copyWindow(
        top: view.top, left: view.left, height: height, width: width, flipped: view.flipped,
        border: randomCrop?.border ?? .black, to: output)
    }
    guard view.angle != 0 else {
      return try source.resampleAligned(
        top: Float(view.top), left: Float(view.left), height: Float(view.height),
        width: Float(view.width), flipped: view.flipped, outHeight: height, outWidth: width,
        to: output)
    }
    source.resample(
      SamplingMap(
        left: Float(view.left), top: Float(view.top), width: Float(view.width),
        height: Float(view.height), outWidth: width, outHeight: height, cosine: cosf(view.angle),
        sine: sinf(view.angle), flipped: view.flipped),
      height: height, width: width, to: output)
  }

  /// Writes a view of the picture as it looks when it was smaller before.
  private func write<Pixel>(
    _ view: View, of source: PixelSource<Pixel>, through size: (height: Int, width: Int),
    height: Int, width: Int, to output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    let channels = source.channels
    let small = try BudgetedBuffer<Float>(
      count: size.height * size.width * channels, for: "a sample of lower resolution")
    if view.isResampled {
      try write(view, of: source, height: size.height, width: size.width, to: small.elements)
    } else {
      try write(view, of: source, height: height, width: width, to: output)
      guard let pixels = output.baseAddress else { return }
      try PixelSource(pixels: pixels, height: height, width: width, channels: channels)
        .resampleAll(height: size.height, width: size.width, to: small.elements)
    }
    try PixelSource(
      pixels: small.pointer, height: size.height, width: size.width, channels: channels
    ).resampleAll(height: height, width: width, to: output)
    extendLifetime(small)
  }

  /// The size through which a sample goes, or nil for none.
  private func drawDownscale(
    height: Int, width: Int, random: inout SampleRandom
  ) -> (height: Int, width: Int)? {
    guard let downscale, random.uniform() < downscale.probability else { return nil }
    let range = downscale.scale.upperBound - downscale.scale.lowerBound
    let scale = min(1, downscale.scale.lowerBound + range * random.uniform())
    return (
      max(1, min(height, Int((scale * Float(height)).rounded()))),
      max(1, min(width, Int((scale * Float(width)).rounded())))
    )
  }

  /// A random place for a window of `size` in `available` pixels with a border on both sides.
  private func drawOffset(
    _ available: Int, _ size: Int, padding: Int, random: inout SampleRandom
  ) -> Int {
    let places = available + 2 * padding - size
    guard places > 0 else { return centerOffset(available, size) }
    return random.below(places + 1) - padding
  }

  /// Ten tries to draw area and shape, then the largest centred window of an allowed shape.
  func drawWindow<Pixel>(
    _ crop: RandomResizedCrop, of source: PixelSource<Pixel>, random: inout SampleRandom
  ) -> (top: Int, left: Int, height: Int, width: Int) {
    let area = Float(source.height * source.width)
    let lowest = logf(crop.ratio.lowerBound)
    let highest = logf(crop.ratio.upperBound)
    for _ in 0..<10 {
      let range = crop.scale.upperBound - crop.scale.lowerBound
      let target = area * (crop.scale.lowerBound + range * random.uniform())
      let ratio = expf(lowest + (highest - lowest) * random.uniform())
      let width = Int((target * ratio).squareRoot().rounded())
      let height = Int((target / ratio).squareRoot().rounded())
      if width >= 1, width <= source.width, height >= 1, height <= source.height {
        return (
          random.below(source.height - height + 1), random.below(source.width - width + 1),
          height, width
        )
      }
    }
    var width = source.width
    var height = source.height
    let ratio = Float(width) / Float(height)
    if ratio < crop.ratio.lowerBound {
      height = min(height, max(1, Int((Float(width) / crop.ratio.lowerBound).rounded())))
    } else if ratio > crop.ratio.upperBound {
      width = min(width, max(1, Int((Float(height) * crop.ratio.upperBound).rounded())))
    }
    return ((source.height - height) / 2, (source.width - width) / 2, height, width)
  }

  private func drawCutout(
    height: Int, width: Int, random: inout SampleRandom
  ) -> OutputRectangle? {
    guard let cutout, random.uniform() < cutout.probability else { return nil }
    let top = random.below(height) - cutout.size / 2
    let left = random.below(width) - cutout.size / 2
    return OutputRectangle(
      rows: max(0, top)..<max(0, min(height, top + cutout.size)),
      columns: max(0, left)..<max(0, min(width, left + cutout.size)))
  }
}

/// The first pixel of a window of `size` in the middle of `available` pixels.
func centerOffset(_ available: Int, _ size: Int) -> Int {
  let difference = available - size
  let half = difference >> 1
  // A half is rounded to the even number, as `Preprocessing` does.
  return difference & 1 == 1 && half & 1 == 1 ? half + 1 : half
}
