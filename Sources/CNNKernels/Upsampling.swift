import Glibc

/// Resampling of planes to another size; see `ResamplingGeometry`.
package enum Upsampling {
  private static var kernels: any ResamplingKernels.Type { Kernels.active.vector.resampling }

  /// output[y, x] = input[⌊y · inputHeight / outputHeight⌋, ⌊x · inputWidth / outputWidth⌋].
  package static func nearestForward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    geometry g: ResamplingGeometry, slots: Int
  ) {
    forEachRow(g, slots) { row, source, target in
      let line =
        input + source + nearest(row, g.inputHeight, g.outputHeight) * g.inputWidth
        * g.channels
      let destination = output + target + row * g.outputWidth * g.channels
      for column in 0..<g.outputWidth {
        let pixel = line + nearest(column, g.inputWidth, g.outputWidth) * g.channels
        memcpy(destination + column * g.channels, pixel, g.channels * 4)
      }
    }
  }

  /// Adds the gradients of all copies; `gradInput` is overwritten.
  package static func nearestBackward(
    gradOutput: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>,
    geometry g: ResamplingGeometry, slots: Int
  ) {
    let elementwise = Kernels.active.vector.elementwise
    forEachPlane(g, slots) { source, target, channels in
      let plane = gradInput + target
      PlaneBlocks.zero(
        plane, pixels: g.inputHeight * g.inputWidth, channels: channels, pitch: g.channels)
      for row in 0..<g.outputHeight {
        let line = plane + nearest(row, g.inputHeight, g.outputHeight) * g.inputWidth * g.channels
        let gradient = gradOutput + source + row * g.outputWidth * g.channels
        for column in 0..<g.outputWidth {
          let pixel = line + nearest(column, g.inputWidth, g.outputWidth) * g.channels
          elementwise.add(pixel, gradient + column * g.channels, pixel, channels)
        }
      }
    }
  }

  /// Bilinear interpolation.
  ///
  /// - Parameter alignCorners: Whether the centres of the corner pixels stay where they are, so that
  ///   y reads from y · (inputHeight - 1) / (outputHeight - 1); otherwise the plane's edges do, and
  ///   y reads from (y + ½) · inputHeight / outputHeight - ½, brought into the plane.
  package static func bilinearForward(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, alignCorners: Bool,
    geometry: ResamplingGeometry, slots: Int
  ) {
    forEachRow(geometry, slots) { row, source, target in
      kernels.bilinearRow(
        input + source, output + target, row, geometry.channels, alignCorners, geometry)
    }
  }

  /// Spreads the gradients with the weights of the interpolation; `gradInput` is overwritten.
  package static func bilinearBackward(
    gradOutput: UnsafePointer<Float>, gradInput: UnsafeMutablePointer<Float>, alignCorners: Bool,
    geometry g: ResamplingGeometry, slots: Int
  ) {
    forEachPlane(g, slots) { source, target, channels in
      PlaneBlocks.zero(
        gradInput + target, pixels: g.inputHeight * g.inputWidth, channels: channels,
        pitch: g.channels)
      for row in 0..<g.outputHeight {
        kernels.bilinearRowBackward(
          gradOutput + source, gradInput + target, row, channels, alignCorners, g)
      }
    }
  }

  private static func nearest(_ index: Int, _ inputSize: Int, _ outputSize: Int) -> Int {
    min(index &* inputSize / outputSize, inputSize - 1)
  }

  private static func isEmpty(_ g: ResamplingGeometry) -> Bool {
    g.batch <= 0 || g.channels <= 0 || g.inputHeight <= 0 || g.inputWidth <= 0
      || g.outputHeight <= 0 || g.outputWidth <= 0
  }

  private static func forEachRow(
    _ g: ResamplingGeometry, _ slots: Int,
    _ body: (_ row: Int, _ source: Int, _ target: Int) -> Void
  ) {
    guard !isEmpty(g) else { return }
    let grain = Grain.rows(Grain.memory, columns: g.outputWidth * g.channels)
    ThreadPool.parallelRanges(count: g.batch * g.outputHeight, grain: grain, slots: slots) {
      range, _ in
      for index in range {
        let (sample, row) = index.quotientAndRemainder(dividingBy: g.outputHeight)
        body(
          row, sample * g.inputHeight * g.inputWidth * g.channels,
          sample * g.outputHeight * g.outputWidth * g.channels)
      }
    }
  }

  private static func forEachPlane(
    _ g: ResamplingGeometry, _ slots: Int,
    _ body: (_ source: Int, _ target: Int, _ channels: Int) -> Void
  ) {
    guard !isEmpty(g) else { return }
    PlaneBlocks.forEach(batch: g.batch, channels: g.channels, slots: slots) { sample, c, width in
      body(
        sample * g.outputHeight * g.outputWidth * g.channels + c,
        sample * g.inputHeight * g.inputWidth * g.channels + c, width)
    }
  }
}
