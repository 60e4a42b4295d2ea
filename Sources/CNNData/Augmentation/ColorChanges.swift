/// Changes of colour on pixels from 0 to 255, channels last, one or three channels.
///
/// Changes are collected and then made together: the pixels are read and written once, and once more
/// if contrast is among the changes, for that needs the mean of what the changes before it give.
package struct ColorChanges {
  private let output: UnsafeMutableBufferPointer<Float>
  private let channels: Int
  private var steps = PixelSteps()

  /// Creates changes of the pixels in `output`.
  package init(output: UnsafeMutableBufferPointer<Float>, channels: Int) {
    self.output = output
    self.channels = channels
  }

  /// Brightness, contrast, saturation and hue in random order.
  mutating func jitter(_ jitter: Augmentation.ColorJitter, random: inout SampleRandom) {
    // Drawn whether used or not, so that one strength does not change what another one gets.
    var order = SIMD4<UInt8>(0, 1, 2, 3)
    for i in 0..<3 {
      let other = i + random.below(4 - i)
      (order[i], order[other]) = (order[other], order[i])
    }
    let brightness = factor(jitter.brightness, random.uniform())
    let contrast = factor(jitter.contrast, random.uniform())
    let saturation = factor(jitter.saturation, random.uniform())
    let hue = jitter.hue * (2 * random.uniform() - 1)
    for i in 0..<4 {
      switch order[i] {
      case 0: if jitter.brightness > 0 { changeBrightness(brightness) }
      case 1: if jitter.contrast > 0 { changeContrast(contrast) }
      case 2: if jitter.saturation > 0 { changeSaturation(saturation) }
      default: if jitter.hue > 0 { turnHue(hue) }
      }
    }
  }

  private func factor(_ strength: Float, _ uniform: Float) -> Float {
    let lowest = max(0, 1 - strength)
    return lowest + (1 + strength - lowest) * uniform
  }

  /// Multiplies by `factor`.
  package mutating func changeBrightness(_ factor: Float) {
    steps.append(.brightness, SIMD3(repeating: factor))
  }

  /// Moves away from the mean grey by `factor`.
  package mutating func changeContrast(_ factor: Float) {
    let mean = apply(measuring: true)
    steps.append(.contrast, SIMD3(factor, (1 - factor) * mean, 0))
  }

  /// Moves each pixel away from its own grey by `factor`.
  package mutating func changeSaturation(_ factor: Float) {
    if channels == 3 { steps.append(.saturation, SIMD3(repeating: factor)) }
  }

  /// Turns the hue by `turn` full circles, from -1 to 1.
  package mutating func turnHue(_ turn: Float) {
    if channels == 3 { steps.append(.hue, SIMD3(repeating: 6 * turn)) }
  }

  /// Takes the colour out of the pixels.
  package mutating func removeColor() {
    if channels == 3 { steps.append(.grey, SIMD3()) }
  }

  /// Adds one random colour to all pixels, along the principal components of ImageNet's colours.
  ///
  /// Eigenvalues and eigenvectors are those published with AlexNet's recipe, for pixels from
  /// 0 to 1.
  mutating func addLighting(deviation: Float, random: inout SampleRandom) {
    guard channels == 3 else { return }
    let first = SIMD3<Float>(-0.5675, -0.5808, -0.5836)
    let second = SIMD3<Float>(0.7192, -0.0045, -0.6948)
    let third = SIMD3<Float>(0.4009, -0.8140, 0.4203)
    let values = SIMD3<Float>(0.2175, 0.0188, 0.0045)
    let a = values[0] * deviation * random.normal()
    let b = values[1] * deviation * random.normal()
    let c = values[2] * deviation * random.normal()
    steps.append(.shift, 255 * (first * a + second * b + third * c))
  }

  /// Makes the changes that were collected.
  package mutating func apply() {
    if steps.count > 0 { _ = apply(measuring: false) }
  }

  /// Makes the changes that were collected, and returns the mean grey of the result if it is asked
  /// for.
  private mutating func apply(measuring: Bool) -> Float {
    defer { steps = PixelSteps() }
    guard let pixels = output.baseAddress else { return 0 }
    let count = output.count / channels
    var sum = 0.0
    var partial = SIMD8<Float>()
    var first = 0
    while first < count {
      let number = min(8, count - first)
      let place = pixels + first * channels
      var block = PixelBlock(place, count: number, channels: channels)
      steps.apply(to: &block)
      block.write(to: place, count: number, channels: channels)
      if measuring {
        let grey = channels == 3 ? block.grey : block.red
        if number == 8 { partial += grey } else { for i in 0..<number { partial[i] += grey[i] } }
        // Short sums in single precision, their sum in double.
        if first & 511 == 504 || first + 8 >= count {
          for i in 0..<8 { sum += Double(partial[i]) }
          partial = SIMD8()
        }
      }
      first += 8
    }
    return Float(sum / Double(max(1, count)))
  }
}
