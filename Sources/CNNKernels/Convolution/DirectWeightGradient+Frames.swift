import Glibc

/// Where the numbers of a unit lie: in the image, or in a frame of zeros that lines are copied into.
extension DirectWeightGradient {
  // MARK: Tables

  /// Lists where the elements of a window lie: blocks of channels, then taps, then channels.
  func listElements(_ elements: UnsafeMutablePointer<Int>) {
    let g = geometry
    let pixel = needsFrame ? blockChannels : g.inputChannels
    let line = (needsFrame ? frameWidth : g.inputWidth) * pixel
    var next = elements
    var first = 0
    while first < g.groupInputChannels {
      let channels = min(blockChannels, g.groupInputChannels - first)
      var tap = 0
      while tap < g.kernelHeight * g.kernelWidth {
        let (kh, kw) = (tap / g.kernelWidth, tap % g.kernelWidth)
        let start =
          first / blockChannels * blockStride + kh * g.dilationHeight * line
          + kw * g.dilationWidth * pixel
        var channel = 0
        while channel < channels {
          next[channel] = start + channel
          channel += 1
        }
        next += channels
        tap += 1
      }
      first += channels
    }
  }

  /// Lists how far the windows of a unit's positions lie from the first.
  func listPositions(_ positions: UnsafeMutablePointer<Int>) {
    let g = geometry
    let pixel = needsFrame ? blockChannels : g.inputChannels
    let line = (needsFrame ? frameWidth : g.inputWidth) * pixel
    let sample = needsFrame ? planeCount : g.inputCount
    var index = 0
    while index < positionCount {
      let column = index % g.outputWidth
      let row = index / g.outputWidth
      positions[index] =
        row / unitLines * sample + row % unitLines * g.strideHeight * line
        + column * g.strideWidth * pixel
      index += 1
    }
  }

  // MARK: Copies

  func copyUnit(
    _ unit: Unit, from source: UnsafePointer<Float>, to frame: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let top = unit.line * g.strideHeight - g.padTop
    let height =
      (unit.lines - 1) * g.strideHeight + (g.kernelHeight - 1) * g.dilationHeight + 1
    var row = 0
    while row < unit.samples * height {
      let (sample, line) = (row / height, row % height)
      copyLine(
        top + line, of: source + sample * g.inputCount,
        to: frame + sample * planeCount + line * frameWidth * blockChannels)
      row += 1
    }
  }

  /// Copies a line of the image, with zeros on both sides, once for each block of channels.
  private func copyLine(
    _ ih: Int, of image: UnsafePointer<Float>, to frame: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let size = MemoryLayout<Float>.stride
    let isInside = ih >= 0 && ih < g.inputHeight
    let left = isInside ? min(g.padLeft, frameWidth) : frameWidth
    let inside = isInside ? max(0, min(g.inputWidth, frameWidth - left)) : 0
    let right = left + inside
    var block = 0
    while block < blockCount {
      let line = frame + block * blockStride
      memset(line, 0, left * blockChannels * size)
      memset(line + right * blockChannels, 0, (frameWidth - right) * blockChannels * size)
      block += 1
    }
    guard inside > 0 else { return }
    let source = image + ih * g.inputWidth * g.inputChannels
    if blockChannels == g.inputChannels {
      memcpy(frame + left * blockChannels, source, inside * blockChannels * size)
      return
    }
    var pixel = 0
    while pixel < inside {
      copyPixel(source + pixel * g.inputChannels, to: frame + (left + pixel) * blockChannels)
      pixel += 1
    }
  }

  @inline(__always)
  private func copyPixel(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
    let width = DirectWeightGradient.panelWidth
    let stride = blockStride
    var target = y
    var channel = 0
    while channel + width <= geometry.groupInputChannels {
      let numbers = UnsafeRawPointer(x + channel).loadUnaligned(as: SIMD16<Float>.self)
      UnsafeMutableRawPointer(target).storeBytes(of: numbers, as: SIMD16<Float>.self)
      target += stride
      channel += width
    }
    let rest = geometry.groupInputChannels - channel
    var index = 0
    while index < rest {
      target[index] = x[channel + index]
      index += 1
    }
  }
}
