import CNNKernelTypes

// Tiles of images into the Winograd domain and back. A two-dimensional transform is the
// one-dimensional one over all columns, into `temporary`, and then over all rows of what came out,
// which are 64 numbers apart. Sizes are literals by the time that the compiler sees the loops; for
// this each has a function by itself, because the compiler stops putting functions into one that has
// become too large, and calls what it finds for any size.

func transformInput(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  if tile.points == 8 {
    transformInput(tile, 8, image, target, temporary)
  } else {
    transformInput(tile, 6, image, target, temporary)
  }
}

@inline(__always)
private func transformInput(
  _ tile: borrowing WinogradTile, _ points: Int, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  let positionStride = tile.positionStride
  let gathered = temporary + 512
  var channel = 0
  while channel < tile.channels {
    var source = UnsafePointer(gathered)
    var lineStride = 64
    var pixelStride = 8
    if isWhole(tile, points, channel) {
      source = image + (tile.origin + channel)
      lineStride = tile.lineStride
      pixelStride = tile.pixelStride
    } else {
      gather(tile, points, image, channel, gathered)
    }
    var x = 0
    while x < points {
      winogradInput(points, source + x * pixelStride, lineStride, temporary + x * 8, 64)
      x += 1
    }
    let place = target + (channel >> 4) * tile.panelStride + (channel & 8)
    var k = 0
    while k < points {
      winogradInput(
        points, temporary + k * 64, 8, place + k * points * positionStride, positionStride)
      k += 1
    }
    channel += 8
  }
}

func gatherTile(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ pixelStride: Int
) {
  let channels = tile.channels
  let count = tile.right - tile.left
  let step = tile.pixelStride
  var y = tile.top
  while y < tile.bottom {
    var source = image + (tile.origin + y * tile.lineStride + tile.left * step)
    var place = target + (y * tile.points + tile.left) * pixelStride
    var x = 0
    while x < count {
      copyPixel(source, place, channels)
      source += step
      place += pixelStride
      x += 1
    }
    y += 1
  }
}

@inline(__always)
private func copyPixel(
  _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ channels: Int
) {
  if channels == 3 {
    let two = UnsafeRawPointer(source).loadUnaligned(as: SIMD2<Float>.self)
    UnsafeMutableRawPointer(target).storeBytes(of: two, as: SIMD2<Float>.self)
    target[2] = source[2]
    return
  }
  var channel = 0
  while channel + 8 <= channels {
    store(load(source + channel), target + channel)
    channel += 8
  }
  while channel < channels {
    target[channel] = source[channel]
    channel += 1
  }
}

/// Whether eight channels from `channel` on of all pixels lie inside of the image.
@inline(__always)
private func isWhole(_ tile: borrowing WinogradTile, _ side: Int, _ channel: Int) -> Bool {
  let inside = (tile.bottom - tile.top) * (tile.right - tile.left)
  return inside == side * side ? channel + 8 <= tile.channels : false
}

/// Copies eight channels of a tile, with zeros for what lies outside of the image.
@inline(__always)
private func gather(
  _ tile: borrowing WinogradTile, _ side: Int, _ image: UnsafePointer<Float>, _ channel: Int,
  _ target: UnsafeMutablePointer<Float>
) {
  let lanes = min(8, tile.channels - channel)
  var y = 0
  while y < side {
    let line = target + y * 64
    let start = tile.origin + y * tile.lineStride + channel
    let left = y < tile.top ? side : y < tile.bottom ? tile.left : side
    let right = tile.right
    var x = 0
    while x < side {
      if x >= left && x < right {
        let place = image + (start + x * tile.pixelStride)
        store(lanes == 8 ? load(place) : load(place, lanes), line + x * 8)
      } else {
        store(.zero, line + x * 8)
      }
      x += 1
    }
    y += 1
  }
}

func transformGradient(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  switch (tile.points, tile.pixels) {
  case (8, 7): transformGradient87(tile, image, target, temporary)
  case (8, 6): transformGradient86(tile, image, target, temporary)
  case (8, 5): transformGradient85(tile, image, target, temporary)
  case (8, 4): transformGradient84(tile, image, target, temporary)
  case (6, 5): transformGradient65(tile, image, target, temporary)
  case (6, 4): transformGradient64(tile, image, target, temporary)
  case (6, 3): transformGradient63(tile, image, target, temporary)
  default: transformGradient62(tile, image, target, temporary)
  }
}

@inline(never)
private func transformGradient87(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 8, 7, image, target, temporary)
}

@inline(never)
private func transformGradient86(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 8, 6, image, target, temporary)
}

@inline(never)
private func transformGradient85(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 8, 5, image, target, temporary)
}

@inline(never)
private func transformGradient84(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 8, 4, image, target, temporary)
}

@inline(never)
private func transformGradient65(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 6, 5, image, target, temporary)
}

@inline(never)
private func transformGradient64(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 6, 4, image, target, temporary)
}

@inline(never)
private func transformGradient63(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 6, 3, image, target, temporary)
}

@inline(never)
private func transformGradient62(
  _ tile: borrowing WinogradTile, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformGradient(tile, 6, 2, image, target, temporary)
}

@inline(__always)
private func transformGradient(
  _ tile: borrowing WinogradTile, _ points: Int, _ pixels: Int, _ image: UnsafePointer<Float>,
  _ target: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  let positionStride = tile.positionStride
  let gathered = temporary + 512
  var channel = 0
  while channel < tile.channels {
    var source = UnsafePointer(gathered)
    var lineStride = 64
    var pixelStride = 8
    if isWhole(tile, pixels, channel) {
      source = image + (tile.origin + channel)
      lineStride = tile.lineStride
      pixelStride = tile.pixelStride
    } else {
      gather(tile, pixels, image, channel, gathered)
    }
    var x = 0
    while x < pixels {
      winogradEvaluate(
        points, pixels, scaled: false, source + x * pixelStride, lineStride, temporary + x * 8, 64)
      x += 1
    }
    let place = target + (channel >> 4) * tile.panelStride + (channel & 8)
    var k = 0
    while k < points {
      winogradEvaluate(
        points, pixels, scaled: false, temporary + k * 64, 8, place + k * points * positionStride,
        positionStride)
      k += 1
    }
    channel += 8
  }
}

func transformOutput(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  switch (tile.points, tile.pixels) {
  case (8, 7): transformOutput87(tile, products, affine, slope, image, temporary)
  case (8, 6): transformOutput86(tile, products, affine, slope, image, temporary)
  case (8, 5): transformOutput85(tile, products, affine, slope, image, temporary)
  case (8, 4): transformOutput84(tile, products, affine, slope, image, temporary)
  case (6, 5): transformOutput65(tile, products, affine, slope, image, temporary)
  case (6, 4): transformOutput64(tile, products, affine, slope, image, temporary)
  case (6, 3): transformOutput63(tile, products, affine, slope, image, temporary)
  default: transformOutput62(tile, products, affine, slope, image, temporary)
  }
}

@inline(never)
private func transformOutput87(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 8, 7, products, affine, slope, image, temporary)
}

@inline(never)
private func transformOutput86(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 8, 6, products, affine, slope, image, temporary)
}

@inline(never)
private func transformOutput85(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 8, 5, products, affine, slope, image, temporary)
}

@inline(never)
private func transformOutput84(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 8, 4, products, affine, slope, image, temporary)
}

@inline(never)
private func transformOutput65(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 6, 5, products, affine, slope, image, temporary)
}

@inline(never)
private func transformOutput64(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 6, 4, products, affine, slope, image, temporary)
}

@inline(never)
private func transformOutput63(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 6, 3, products, affine, slope, image, temporary)
}

@inline(never)
private func transformOutput62(
  _ tile: borrowing WinogradTile, _ products: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ temporary: UnsafeMutablePointer<Float>
) {
  transformOutput(tile, 6, 2, products, affine, slope, image, temporary)
}

@inline(__always)
private func transformOutput(
  _ tile: borrowing WinogradTile, _ points: Int, _ pixels: Int, _ products: UnsafePointer<Float>,
  _ affine: UnsafePointer<Float>, _ slope: Float, _ image: UnsafeMutablePointer<Float>,
  _ temporary: UnsafeMutablePointer<Float>
) {
  let positionStride = tile.positionStride
  let sums = temporary + 512
  var channel = 0
  while channel < tile.channels {
    var x = 0
    while x < points {
      winogradInterpolate(
        points, pixels, scaled: false, products + x * positionStride + channel,
        points * positionStride, temporary + x * 8, 64)
      x += 1
    }
    var line = 0
    while line < tile.bottom {
      winogradInterpolate(points, pixels, scaled: false, temporary + line * 64, 8, sums, 8)
      writeLine(
        tile, sums, affine + channel, slope, image,
        tile.origin + line * tile.lineStride + channel, min(8, tile.channels - channel))
      line += 1
    }
    channel += 8
  }
}

/// Writes up to eight channels of a line of pixels.
@inline(__always)
private func writeLine(
  _ tile: borrowing WinogradTile, _ sums: UnsafePointer<Float>, _ affine: UnsafePointer<Float>,
  _ slope: Float, _ image: UnsafeMutablePointer<Float>, _ first: Int, _ lanes: Int
) {
  let scale = load(affine)
  let shift = load(affine + 16)
  let slopes = Vector(repeating: slope)
  var x = 0
  while x < tile.right {
    var y = shift
    addProduct(&y, load(sums + x * 8), scale)
    let place = first + x * tile.pixelStride
    if let addend = tile.addend {
      y += lanes == 8 ? load(addend + place) : load(addend + place, lanes)
    }
    if slope != 1 { y = activate(y, slopes) }
    if lanes == 8 { store(y, image + place) } else { store(y, image + place, lanes) }
    x += 1
  }
}
