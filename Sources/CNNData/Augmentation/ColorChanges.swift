/// Changes of colour on pixels from 0 to 255, channels last, one or three channels.
package struct ColorChanges {
  let output: UnsafeMutableBufferPointer<Float>
  let channels: Int
  private let white: Float = 255

  /// Creates changes of the pixels in `output`.
  package init(output: UnsafeMutableBufferPointer<Float>, channels: Int) {
    self.output = output
    self.channels = channels
  }

  /// Brightness, contrast, saturation and hue in random order.
  func jitter(_ jitter: Augmentation.ColorJitter, random: inout SampleRandom) {
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
      case 2: if jitter.saturation > 0, channels == 3 { changeSaturation(saturation) }
      default: if jitter.hue > 0, channels == 3 { turnHue(hue) }
      }
    }
  }

  private func factor(_ strength: Float, _ uniform: Float) -> Float {
    let lowest = max(0, 1 - strength)
    return lowest + (1 + strength - lowest) * uniform
  }

  /// Multiplies by `factor`.
  package func changeBrightness(_ factor: Float) {
    for i in 0..<output.count { output[i] = clamp(output[i] * factor) }
  }

  /// Moves away from the mean grey by `factor`.
  package func changeContrast(_ factor: Float) {
    var sum = 0.0
    for start in stride(from: 0, to: output.count, by: channels) { sum += Double(grey(start)) }
    let mean = Float(sum / Double(max(1, output.count / channels)))
    for i in 0..<output.count { output[i] = clamp(factor * output[i] + (1 - factor) * mean) }
  }

  /// Moves each pixel away from its own grey by `factor`.
  package func changeSaturation(_ factor: Float) {
    for start in stride(from: 0, to: output.count, by: channels) {
      let grey = grey(start)
      for i in start..<start + channels {
        output[i] = clamp(factor * output[i] + (1 - factor) * grey)
      }
    }
  }

  /// Turns the hue by `turn` full circles.
  package func turnHue(_ turn: Float) {
    for start in stride(from: 0, to: output.count - 2, by: 3) {
      let red = output[start]
      let green = output[start + 1]
      let blue = output[start + 2]
      let value = max(red, green, blue)
      let chroma = value - min(red, green, blue)
      guard chroma > 0 else { continue }
      var sixth: Float
      if value == red {
        sixth = (green - blue) / chroma
      } else if value == green {
        sixth = 2 + (blue - red) / chroma
      } else {
        sixth = 4 + (red - green) / chroma
      }
      sixth += 6 * turn
      output[start] = component(5, sixth, value, chroma)
      output[start + 1] = component(3, sixth, value, chroma)
      output[start + 2] = component(1, sixth, value, chroma)
    }
  }

  /// A channel of the colour of this hue in sixths: the closed formula of HSV to RGB.
  private func component(_ n: Float, _ sixth: Float, _ value: Float, _ chroma: Float) -> Float {
    var k = n + sixth
    k -= 6 * (k / 6).rounded(.down)
    return clamp(value - chroma * max(0, min(k, 4 - k, 1)))
  }

  /// Adds one random colour to all pixels, along the principal components of ImageNet's colours.
  ///
  /// Eigenvalues and eigenvectors are those published with AlexNet's recipe, for pixels from
  /// 0 to 1.
  func addLighting(deviation: Float, random: inout SampleRandom) {
    guard channels == 3 else { return }
    let first = SIMD3<Float>(-0.5675, -0.5808, -0.5836)
    let second = SIMD3<Float>(0.7192, -0.0045, -0.6948)
    let third = SIMD3<Float>(0.4009, -0.8140, 0.4203)
    let values = SIMD3<Float>(0.2175, 0.0188, 0.0045)
    let a = values[0] * deviation * random.normal()
    let b = values[1] * deviation * random.normal()
    let c = values[2] * deviation * random.normal()
    let shift = white * (first * a + second * b + third * c)
    for start in stride(from: 0, to: output.count - 2, by: 3) {
      output[start] += shift[0]
      output[start + 1] += shift[1]
      output[start + 2] += shift[2]
    }
  }

  private func grey(_ start: Int) -> Float {
    guard channels == 3 else { return output[start] }
    return 0.2989 * output[start] + 0.587 * output[start + 1] + 0.114 * output[start + 2]
  }

  private func clamp(_ value: Float) -> Float {
    min(white, max(0, value))
  }
}
