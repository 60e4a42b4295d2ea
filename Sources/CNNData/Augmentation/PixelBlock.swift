/// Eight pixels side by side, each channel for itself; of grey pixels only `red` counts.
struct PixelBlock {
  var red: SIMD8<Float>
  var green = SIMD8<Float>()
  var blue = SIMD8<Float>()

  /// Reads up to eight pixels; those that are missing are black.
  @inline(__always)
  init(_ pixels: UnsafePointer<Float>, count: Int, channels: Int) {
    red = SIMD8()
    if channels == 3, count == 8 {
      let p = pixels
      red = SIMD8(p[0], p[3], p[6], p[9], p[12], p[15], p[18], p[21])
      green = SIMD8(p[1], p[4], p[7], p[10], p[13], p[16], p[19], p[22])
      blue = SIMD8(p[2], p[5], p[8], p[11], p[14], p[17], p[20], p[23])
      return
    }
    for i in 0..<count {
      red[i] = pixels[i * channels]
      guard channels == 3 else { continue }
      green[i] = pixels[3 * i + 1]
      blue[i] = pixels[3 * i + 2]
    }
  }

  /// Writes as many pixels as were read.
  @inline(__always)
  func write(to pixels: UnsafeMutablePointer<Float>, count: Int, channels: Int) {
    if channels == 3, count == 8 {
      for i in 0..<8 {
        pixels[3 * i] = red[i]
        pixels[3 * i + 1] = green[i]
        pixels[3 * i + 2] = blue[i]
      }
      return
    }
    for i in 0..<count {
      pixels[i * channels] = red[i]
      guard channels == 3 else { continue }
      pixels[3 * i + 1] = green[i]
      pixels[3 * i + 2] = blue[i]
    }
  }

  /// The brightness of each pixel, with the weights of torchvision.
  @inline(__always)
  var grey: SIMD8<Float> { 0.2989 * red + 0.587 * green + 0.114 * blue }

  /// Makes each channel `factor` times as large, adds `shift`, and keeps it from 0 to 255.
  @inline(__always)
  mutating func scale(_ factor: Float, adding shift: SIMD8<Float>) {
    red = limited(factor * red + shift)
    green = limited(factor * green + shift)
    blue = limited(factor * blue + shift)
  }

  /// Turns the hue by sixths of a circle, from -6 to 6, on the colour wheel of HSV.
  @inline(__always)
  mutating func turnHue(_ sixths: Float) {
    let value = largest(largest(red, green), blue)
    let chroma = value - least(least(red, green), blue)
    let one = SIMD8<Float>(repeating: 1)
    let isRed = value .== red
    let isGreen = value .== green
    var difference = (red - green).replacing(with: blue - red, where: isGreen)
    difference.replace(with: green - blue, where: isRed)
    var sector = SIMD8<Float>(repeating: 4).replacing(with: 2, where: isGreen)
    sector.replace(with: 0, where: isRed)
    let sixth = sector + difference / chroma.replacing(with: one, where: chroma .== 0) + sixths
    red = component(5, sixth, value, chroma)
    green = component(3, sixth, value, chroma)
    blue = component(1, sixth, value, chroma)
  }

  /// A channel of the colour of this hue in sixths: the closed formula of HSV to RGB.
  @inline(__always)
  private func component(
    _ n: Float, _ sixth: SIMD8<Float>, _ value: SIMD8<Float>, _ chroma: SIMD8<Float>
  ) -> SIMD8<Float> {
    // From -7 to 16: at most three times around.
    var k = sixth + n
    k.replace(with: k + 12, where: k .< 0)
    k.replace(with: k - 12, where: k .>= 12)
    k.replace(with: k - 6, where: k .>= 6)
    let weight = least(least(k, 4 - k), SIMD8(repeating: 1))
    return limited(value - chroma * largest(weight, SIMD8()))
  }

  @inline(__always)
  private func limited(_ values: SIMD8<Float>) -> SIMD8<Float> {
    least(largest(values, SIMD8()), SIMD8(repeating: 255))
  }

  @inline(__always)
  private func largest(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
    b.replacing(with: a, where: a .> b)
  }

  @inline(__always)
  private func least(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
    b.replacing(with: a, where: a .< b)
  }
}

/// Changes of single pixels, one after the other, in memory that takes no allocation.
struct PixelSteps {
  enum Kind: UInt8 {
    case brightness
    case contrast
    case saturation
    case hue
    case shift
    case grey
  }

  /// How many there are, at most eight.
  private(set) var count = 0
  private var kinds = SIMD8<UInt8>()
  private var first = SIMD8<Float>()
  private var second = SIMD8<Float>()
  private var third = SIMD8<Float>()

  /// Adds a change; the numbers mean what `apply` makes of them.
  mutating func append(_ kind: Kind, _ numbers: SIMD3<Float>) {
    guard count < 8 else { return }
    kinds[count] = kind.rawValue
    first[count] = numbers.x
    second[count] = numbers.y
    third[count] = numbers.z
    count += 1
  }

  @inline(__always)
  func apply(to block: inout PixelBlock) {
    for step in 0..<count {
      let number = first[step]
      switch Kind(rawValue: kinds[step]) {
      case .brightness: block.scale(number, adding: SIMD8())
      case .contrast: block.scale(number, adding: SIMD8(repeating: second[step]))
      case .saturation: block.scale(number, adding: (1 - number) * block.grey)
      case .hue: block.turnHue(number)
      case .shift:
        block.red += number
        block.green += second[step]
        block.blue += third[step]
      case .grey:
        let grey = block.grey
        (block.red, block.green, block.blue) = (grey, grey, grey)
      case nil: break
      }
    }
  }
}
