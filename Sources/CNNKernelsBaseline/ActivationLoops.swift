import CNNKernelTypes

enum ActivationLoops: ActivationKernels {
  static func relu(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int) {
    let zero = lanes(0)
    map(x, y, count) { $0.replacing(with: zero, where: $0 .< zero) }
  }

  static func leakyRelu(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int, _ slope: Float
  ) {
    let zero = lanes(0)
    let s = lanes(slope)
    map(x, y, count) { $0.replacing(with: s * $0, where: $0 .< zero) }
  }

  static func leakyReluBackward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ count: Int, _ slope: Float
  ) {
    let zero = lanes(0)
    if slope == 0 {
      // Not 0 · g: infinite gradients of dead units vanish too.
      map(output, gradOutput, gradInput, count) { y, g in
        g.replacing(with: zero, where: y .<= zero)
      }
      return
    }
    let s = lanes(slope)
    map(output, gradOutput, gradInput, count) { y, g in
      g.replacing(with: s * g, where: y .<= zero)
    }
  }

  static func sigmoid(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int) {
    map(x, y, count) { logisticSigmoid($0) }
  }

  static func sigmoidBackward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ count: Int
  ) {
    let one = lanes(1)
    map(output, gradOutput, gradInput, count) { y, g in g * (y * (one - y)) }
  }

  static func tanh(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int) {
    map(x, y, count) { hyperbolicTangent($0) }
  }

  static func tanhBackward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ count: Int
  ) {
    let one = lanes(1)
    map(output, gradOutput, gradInput, count) { y, g in g * ((one - y) * (one + y)) }
  }

  static func exp(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int) {
    map(x, y, count) { exponential($0) }
  }

  static func log(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int) {
    map(x, y, count) { logarithm($0) }
  }
}
