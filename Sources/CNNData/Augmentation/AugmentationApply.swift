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
  func apply<Pixel>(
    to source: PixelSource<Pixel>, height: Int, width: Int,
    output: UnsafeMutableBufferPointer<Float>, random: inout SampleRandom
  ) -> OutputRectangle? {
    applyGeometry(to: source, height: height, width: width, output: output, random: &random)
    let colors = ColorChanges(output: output, channels: source.channels)
    if let colorJitter { colors.jitter(colorJitter, random: &random) }
    if lighting > 0 { colors.addLighting(deviation: lighting, random: &random) }
    return drawCutout(height: height, width: width, random: &random)
  }

  private func applyGeometry<Pixel>(
    to source: PixelSource<Pixel>, height: Int, width: Int,
    output: UnsafeMutableBufferPointer<Float>, random: inout SampleRandom
  ) {
    let angle = rotation > 0 ? rotation * (2 * random.uniform() - 1) * .pi / 180 : 0
    if let crop = randomResizedCrop {
      let window = drawWindow(crop, of: source, random: &random)
      let flipped = random.uniform() < horizontalFlip
      source.resample(
        SamplingMap(
          left: Float(window.left), top: Float(window.top), width: Float(window.width),
          height: Float(window.height), outWidth: width, outHeight: height,
          cosine: cosf(angle), sine: sinf(angle), flipped: flipped),
        height: height, width: width, to: output)
      return
    }
    var top = centerOffset(source.height, height)
    var left = centerOffset(source.width, width)
    if let randomCrop {
      top = drawOffset(source.height, height, padding: randomCrop.padding, random: &random)
      left = drawOffset(source.width, width, padding: randomCrop.padding, random: &random)
    }
    let flipped = random.uniform() < horizontalFlip
    guard rotation > 0 else {
      return source.copyWindow(
        top: top, left: left, height: height, width: width, flipped: flipped,
        border: randomCrop?.border ?? .black, to: output)
    }
    source.resample(
      SamplingMap(
        left: Float(left), top: Float(top), width: Float(width), height: Float(height),
        outWidth: width, outHeight: height, cosine: cosf(angle), sine: sinf(angle),
        flipped: flipped),
      height: height, width: width, to: output)
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
