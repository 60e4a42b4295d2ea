/// Sums, products and scaled sums of arrays; outputs may be the same memory as inputs.
package protocol ElementwiseKernels: Sendable {
  /// y = value
  static func fill(_ y: MutableFloatPointer, _ count: Int, _ value: Float)
  /// y = a + b
  static func add(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// y = max(a + b, 0)
  static func addRectified(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// y = a · b
  static func multiply(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// y += a · b
  static func multiplyAccumulate(
    _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// y += factor · x
  static func axpy(
    _ factor: Float, _ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// y = a + weight · (b - a)
  static func blend(
    _ a: FloatPointer, _ b: FloatPointer, _ weight: Float, _ y: MutableFloatPointer, _ count: Int)
  /// y = factor · x
  static func scale(
    _ factor: Float, _ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// Transposes rows x columns with row pitches.
  static func transpose(
    _ x: FloatPointer, _ xPitch: Int, _ y: MutableFloatPointer, _ yPitch: Int,
    _ rows: Int, _ columns: Int)
}

/// Activation functions; backward passes work from the output and may overwrite their inputs.
package protocol ActivationKernels: Sendable {
  /// y = x for x > 0 and slope · x elsewhere
  static func leakyRelu(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int, _ slope: Float)
  /// gradInput = gradOutput where output > 0 and slope · gradOutput elsewhere
  static func leakyReluBackward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ count: Int, _ slope: Float)
  /// y = max(x, 0)
  static func relu(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// y = 1 / (1 + exp(-x))
  static func sigmoid(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// gradInput = gradOutput · output · (1 - output)
  static func sigmoidBackward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ count: Int)
  /// y = tanh(x)
  static func tanh(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// gradInput = gradOutput · (1 - output²)
  static func tanhBackward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ count: Int)
  /// y = exp(x)
  static func exp(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
  /// y = log(x)
  static func log(_ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int)
}

/// Softmax of rows.
package protocol SoftmaxKernels: Sendable {
  /// Each row of y = softmax of the row of x.
  static func forward(_ x: FloatPointer, _ y: MutableFloatPointer, _ rows: Int, _ classes: Int)
  /// gradInput = output · (gradOutput - Σ gradOutput · output)
  static func backward(
    _ output: FloatPointer, _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer,
    _ rows: Int, _ classes: Int)
}

/// Sums, largest values and searches over one range.
package protocol ReductionKernels: Sendable {
  /// Σ x
  static func sum(_ x: FloatPointer, _ count: Int) -> Double
  /// Σ x²
  static func sumOfSquares(_ x: FloatPointer, _ count: Int) -> Double
  /// Σ a · b
  static func dot(_ a: FloatPointer, _ b: FloatPointer, _ count: Int) -> Double
  /// The largest |x|; NaN if there is one.
  static func maxAbs(_ x: FloatPointer, _ count: Int) -> Float
  /// The index of the first infinity or NaN, or -1.
  static func firstNonFinite(_ x: FloatPointer, _ count: Int) -> Int
  /// The index of the largest element of each row; the first of equals; NaN is larger than all.
  static func argmax(
    _ x: FloatPointer, _ rows: Int, _ columns: Int, _ indexes: UnsafeMutablePointer<Int32>)
}

/// Operations between the rows of a matrix and a vector.
///
/// Pitches are distances between rows.
package protocol RowKernels: Sendable {
  /// y = x + bias for each row
  static func addBias(
    _ x: FloatPointer, _ bias: FloatPointer, _ y: MutableFloatPointer, _ rows: Int,
    _ columns: Int)
  /// sums = Σ over rows
  static func columnSums(
    _ x: FloatPointer, _ pitch: Int, _ rows: Int, _ columns: Int, _ sums: MutableFloatPointer)
}
