import CNNKernelTypes
import Glibc

/// Windows of an image as rows of a matrix, and back.
///
/// A row holds the window of one output position: kernelHeight · kernelWidth · channels of a group
/// in the order of the weight.
struct Im2Row {
  let geometry: ConvolutionGeometry
  let group: Int

  /// Writes the rows of the output positions in `range` to `matrix`.
  func gather(
    _ range: Range<Int>, from image: UnsafePointer<Float>, to matrix: UnsafeMutablePointer<Float>
  ) {
    var row = matrix
    forEachPosition(range) { ih, iw in
      forEachRun(ih, iw, row) { offset, destination, count in
        if offset < 0 {
          memset(destination, 0, count * MemoryLayout<Float>.stride)
        } else {
          memcpy(destination, image + offset, count * MemoryLayout<Float>.stride)
        }
      }
      row += geometry.depth
    }
  }

  /// Adds the rows of the output positions in `range` to the places in `image` they come from.
  func scatterAdd(
    _ range: Range<Int>, from matrix: UnsafeMutablePointer<Float>,
    to image: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    var row = matrix
    let add = kernels.convolution.add
    forEachPosition(range) { ih, iw in
      forEachRun(ih, iw, row) { offset, source, count in
        if offset >= 0 { add(source, image + offset, count) }
      }
      row += geometry.depth
    }
  }

  /// Calls `body` with the row and column of the input where each window begins.
  @inline(__always)
  private func forEachPosition(_ range: Range<Int>, _ body: (_ ih: Int, _ iw: Int) -> Void) {
    let width = geometry.outputWidth
    var oh = range.lowerBound / width
    var ow = range.lowerBound % width
    var left = range.count
    while left > 0 {
      body(
        oh * geometry.strideHeight - geometry.padTop, ow * geometry.strideWidth - geometry.padLeft)
      ow += 1
      if ow == width {
        ow = 0
        oh += 1
      }
      left -= 1
    }
  }

  /// Calls `body` for each contiguous part of a window: where it lies in the image, or -1 for
  /// padding, where in the row, and how many numbers.
  @inline(__always)
  private func forEachRun(
    _ top: Int, _ left: Int, _ row: UnsafeMutablePointer<Float>,
    _ body: (_ offset: Int, _ place: UnsafeMutablePointer<Float>, _ count: Int) -> Void
  ) {
    let g = geometry
    let channels = g.groupInputChannels
    let line = g.kernelWidth * channels
    var place = row
    var kh = 0
    while kh < g.kernelHeight {
      let ih = top + kh * g.dilationHeight
      let start = ih * g.inputWidth
      if ih < 0 || ih >= g.inputHeight {
        body(-1, place, line)
      } else if g.groups == 1, g.dilationWidth == 1 {
        // Neighbouring columns are neighbours in memory: one run, and padding on either side.
        let before = min(max(-left, 0), g.kernelWidth)
        let after = min(max(left + g.kernelWidth - g.inputWidth, 0), g.kernelWidth - before)
        let inside = g.kernelWidth - before - after
        if before > 0 { body(-1, place, before * channels) }
        if inside > 0 {
          body((start + left + before) * channels, place + before * channels, inside * channels)
        }
        if after > 0 { body(-1, place + (before + inside) * channels, after * channels) }
      } else {
        var kw = 0
        while kw < g.kernelWidth {
          let iw = left + kw * g.dilationWidth
          let outside = iw < 0 || iw >= g.inputWidth
          body(
            outside ? -1 : (start + iw) * g.inputChannels + group * channels,
            place + kw * channels, channels)
          kw += 1
        }
      }
      place += line
      kh += 1
    }
  }
}
