import CNNKernelTypes

enum ResamplingLoops: ResamplingKernels {
  static func bilinearRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ alignCorners: Bool, _ g: ResamplingGeometry
  ) {
    let v = ResamplingPosition(row, g.inputHeight, g.outputHeight, alignCorners)
    let upper = x + v.lower &* g.inputWidth &* g.channels
    let lower = x + v.upper &* g.inputWidth &* g.channels
    var column = 0
    while column < g.outputWidth {
      let h = ResamplingPosition(column, g.inputWidth, g.outputWidth, alignCorners)
      let left = h.lower &* g.channels
      let right = h.upper &* g.channels
      let target = y + (row &* g.outputWidth &+ column) &* g.channels
      let down = lanes(v.weight)
      let across = lanes(h.weight)
      var c = 0
      while c < channels {
        let width = channels &- c
        if width >= 8 {
          let a = load(upper + (left &+ c))
          let b = load(lower + (left &+ c))
          let top = a + across * (load(upper + (right &+ c)) - a)
          let bottom = b + across * (load(lower + (right &+ c)) - b)
          store(top + down * (bottom - top), target + c)
        } else {
          let a = load(upper + (left &+ c), width)
          let b = load(lower + (left &+ c), width)
          let top = a + across * (load(upper + (right &+ c), width) - a)
          let bottom = b + across * (load(lower + (right &+ c), width) - b)
          store(top + down * (bottom - top), target + c, width)
        }
        c &+= 8
      }
      column &+= 1
    }
  }

  static func bilinearRowBackward(
    _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ alignCorners: Bool, _ g: ResamplingGeometry
  ) {
    let v = ResamplingPosition(row, g.inputHeight, g.outputHeight, alignCorners)
    let upper = gradInput + v.lower &* g.inputWidth &* g.channels
    let lower = gradInput + v.upper &* g.inputWidth &* g.channels
    var column = 0
    while column < g.outputWidth {
      let h = ResamplingPosition(column, g.inputWidth, g.outputWidth, alignCorners)
      let left = h.lower &* g.channels
      let right = h.upper &* g.channels
      let gradient = gradOutput + (row &* g.outputWidth &+ column) &* g.channels
      let top = 1 - v.weight
      let near = 1 - h.weight
      // Neighbours coincide at the edges, so one after the other.
      ElementwiseLoops.axpy(top * near, gradient, upper + left, channels)
      ElementwiseLoops.axpy(top * h.weight, gradient, upper + right, channels)
      ElementwiseLoops.axpy(v.weight * near, gradient, lower + left, channels)
      ElementwiseLoops.axpy(v.weight * h.weight, gradient, lower + right, channels)
      column &+= 1
    }
  }
}
