import CNNKernelTypes
import Glibc

/// Convolution in which each input channel has its own kernels and its own outputs.
///
/// Vectors run over channels. The weight is first rearranged to `[multiplier, kernelHeight,
/// kernelWidth, channels]`. Output pixels, and pixels of the input's gradient, are sums over the
/// places in the window that do not lie in the padding; a list of these places is made for each
/// pixel. Such a convolution moves more memory than it computes, so the list is cheap beside it.
struct DepthwiseConvolution {
  let geometry: ConvolutionGeometry
  let batch: Int
  let kernels: KernelTable

  private var taps: Int { geometry.kernelHeight * geometry.kernelWidth }
  private var multiplier: Int { geometry.groupOutputChannels }

  /// The floats of a slot: two lists of places, as integers of twice the size.
  private var slotCount: Int { (4 * taps * multiplier + 15) & ~15 }
  /// The floats of the rearranged weight, and of a partial sum of weight and bias.
  private var weightCount: Int { (geometry.weightCount + 15) & ~15 }
  private var partialCount: Int { (geometry.weightCount + geometry.outputChannels + 15) & ~15 }

  /// Returns the number of floats of scratch memory, or nil if no memory could hold them.
  func scratchCount(pass: ConvolutionPass, slots: Int) -> Int? {
    guard product(8, taps, geometry.outputChannels) != nil else { return nil }
    if pass == .backwardWeights { return product(partialCount, partialSums) }
    guard let lists = product(slotCount, slots) else { return nil }
    return product(weightCount + lists)
  }

  // MARK: Forward

  func forward(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>, epilogue: ConvolutionEpilogue,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    rearrange(weight, to: scratch)
    forEachLine(g.outputHeight, width: g.outputWidth, scratch, slots) { sample, oh, places in
      let image = input + sample * g.inputCount
      let line = output + (sample * g.outputHeight + oh) * g.outputWidth * g.outputChannels
      var ow = 0
      while ow < g.outputWidth {
        let count = listWindow(oh, ow, places)
        var m = 0
        while m < multiplier {
          kernels.depthwise.combinePixels(
            image, places.sources, scratch + m * taps * g.inputChannels, places.weights, count,
            g.inputChannels, 1, line + ow * g.outputChannels + m, multiplier)
          m += 1
        }
        ow += 1
      }
      epilogue.apply(
        line, rows: g.outputWidth, columns: g.outputChannels, stride: g.outputChannels,
        kernels: kernels)
    }
  }

  /// Lists the places of the window of an output pixel that lie inside of the input.
  private func listWindow(_ oh: Int, _ ow: Int, _ places: Places) -> Int {
    let g = geometry
    var count = 0
    var kh = 0
    while kh < g.kernelHeight {
      let ih = oh * g.strideHeight + kh * g.dilationHeight - g.padTop
      var kw = 0
      while kw < g.kernelWidth, ih >= 0, ih < g.inputHeight {
        let iw = ow * g.strideWidth + kw * g.dilationWidth - g.padLeft
        if iw >= 0, iw < g.inputWidth {
          places.sources[count] = (ih * g.inputWidth + iw) * g.inputChannels
          places.weights[count] = (kh * g.kernelWidth + kw) * g.inputChannels
          count += 1
        }
        kw += 1
      }
      kh += 1
    }
    return count
  }

  // MARK: Gradient of the input

  func backwardData(
    gradOutput: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    rearrange(weight, to: scratch)
    forEachLine(g.inputHeight, width: g.inputWidth, scratch, slots) { sample, ih, places in
      let gradient = gradOutput + sample * g.outputCount
      let line = gradInput + (sample * g.inputHeight + ih) * g.inputWidth * g.inputChannels
      var iw = 0
      while iw < g.inputWidth {
        let count = listOutputs(ih, iw, places)
        kernels.depthwise.combinePixels(
          gradient, places.sources, scratch, places.weights, count, g.inputChannels, multiplier,
          line + iw * g.inputChannels, 1)
        iw += 1
      }
    }
  }

  /// Lists the outputs that a pixel of the input has a part in.
  private func listOutputs(_ ih: Int, _ iw: Int, _ places: Places) -> Int {
    let g = geometry
    var count = 0
    var kh = 0
    while kh < g.kernelHeight {
      let y = ih + g.padTop - kh * g.dilationHeight
      let oh = y / g.strideHeight
      var kw = 0
      while kw < g.kernelWidth, y >= 0, oh * g.strideHeight == y, oh < g.outputHeight {
        let x = iw + g.padLeft - kw * g.dilationWidth
        let ow = x / g.strideWidth
        var m = 0
        while m < multiplier, x >= 0, ow * g.strideWidth == x, ow < g.outputWidth {
          places.sources[count] = (oh * g.outputWidth + ow) * g.outputChannels + m
          places.weights[count] = ((m * taps) + kh * g.kernelWidth + kw) * g.inputChannels
          count += 1
          m += 1
        }
        kw += 1
      }
      kh += 1
    }
    return count
  }

  // MARK: Gradient of the weight

  private var partialSums: Int {
    let affordable = max(1, (1 << 22) / max(1, partialCount))
    return max(1, min(GradientSums.maximumParts, affordable, batch * geometry.outputHeight))
  }

  func backwardWeights(
    input: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradWeight: UnsafeMutablePointer<Float>, gradBias: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let g = geometry
    let parts = partialSums
    let stride = partialCount
    let lines = batch * g.outputHeight
    ThreadPool.parallelFor(chunks: parts, slots: slots) { part, _ in
      let sum = scratch + part * stride
      memset(sum, 0, stride * MemoryLayout<Float>.stride)
      var line = GradientSums.start(of: part, parts: parts, count: lines)
      let end = GradientSums.start(of: part + 1, parts: parts, count: lines)
      while line < end {
        let gradient = gradOutput + line * g.outputWidth * g.outputChannels
        addLine(
          line % g.outputHeight, image: input + line / g.outputHeight * g.inputCount, gradient,
          to: sum)
        if gradBias != nil {
          kernels.convolution.addColumnSums(
            gradient, g.outputWidth, g.outputChannels, g.outputChannels, sum + g.weightCount)
        }
        line += 1
      }
    }
    var part = 1
    while part < parts {
      kernels.convolution.add(scratch + part * stride, scratch, stride)
      part += 1
    }
    addRearranged(scratch, to: gradWeight)
    if let gradBias { kernels.convolution.add(scratch + g.weightCount, gradBias, g.outputChannels) }
  }

  /// Adds the products of a line of the output's gradient with the input to all weights.
  private func addLine(
    _ oh: Int, image: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to sum: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    var tap = 0
    while tap < taps {
      let ih = oh * g.strideHeight + tap / g.kernelWidth * g.dilationHeight - g.padTop
      let shift = tap % g.kernelWidth * g.dilationWidth - g.padLeft
      // The outputs ow for which ow · stride + shift is a column of the input.
      let first = shift >= 0 ? 0 : (g.strideWidth - 1 - shift) / g.strideWidth
      let room = g.inputWidth - 1 - shift
      let last = room < 0 ? -1 : min(room / g.strideWidth, g.outputWidth - 1)
      if ih >= 0, ih < g.inputHeight, first <= last {
        let x = image + (ih * g.inputWidth + first * g.strideWidth + shift) * g.inputChannels
        var m = 0
        while m < multiplier {
          kernels.depthwise.addPixelProducts(
            x, g.strideWidth * g.inputChannels, gradient + first * g.outputChannels + m,
            g.outputChannels, multiplier, last - first + 1, g.inputChannels,
            sum + (m * taps + tap) * g.inputChannels)
          m += 1
        }
      }
      tap += 1
    }
  }

  // MARK: Shared

  /// Where the terms of a pixel's sum lie: starts in the source, and in the rearranged weight.
  private struct Places {
    let sources: UnsafeMutablePointer<Int>
    let weights: UnsafeMutablePointer<Int>
  }

  /// Calls `body` for each line of each sample, with room for lists behind the weight in scratch.
  private func forEachLine(
    _ height: Int, width: Int, _ scratch: UnsafeMutablePointer<Float>, _ slots: Int,
    _ body: (_ sample: Int, _ line: Int, _ places: Places) -> Void
  ) {
    let places = taps * multiplier
    let grain = max(1, (1 << 18) / max(1, width * geometry.outputChannels * taps))
    ThreadPool.parallelRanges(count: batch * height, grain: grain, slots: slots) { range, slot in
      let memory = UnsafeMutableRawPointer(scratch + weightCount + slot * slotCount)
      let sources = memory.bindMemory(to: Int.self, capacity: 2 * places)
      var line = range.lowerBound
      while line < range.upperBound {
        body(line / height, line % height, Places(sources: sources, weights: sources + places))
        line += 1
      }
    }
  }

  private func rearrange(_ weight: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    forEachWeight { target[$1] = weight[$0] }
  }

  private func addRearranged(
    _ sums: UnsafePointer<Float>, to gradWeight: UnsafeMutablePointer<Float>
  ) {
    forEachWeight { gradWeight[$0] += sums[$1] }
  }

  /// Calls `body` with the places of each weight in the usual and in the rearranged order.
  @inline(__always)
  private func forEachWeight(_ body: (_ usual: Int, _ rearranged: Int) -> Void) {
    var oc = 0
    while oc < geometry.outputChannels {
      let target = oc % multiplier * taps * geometry.inputChannels + oc / multiplier
      var tap = 0
      while tap < taps {
        body(oc * taps + tap, target + tap * geometry.inputChannels)
        tap += 1
      }
      oc += 1
    }
  }
}
