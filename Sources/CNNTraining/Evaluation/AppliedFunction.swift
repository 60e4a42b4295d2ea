import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Undoing the function at the end of a network, so that a loss that applies it can judge the network
/// all the same.
extension ElementaryFunction {
  /// Whether `invert` can find, for every output, an input that gives it.
  var isInvertible: Bool {
    switch self {
    case .softmax, .sigmoid: true
    case .rectifier, .leakyRectifier: false
    }
  }

  /// Writes inputs of the function that give these outputs.
  ///
  /// The largest and smallest outputs may have been rounded to 1 and 0; they count as the nearest
  /// numbers that are not.
  func invert(
    _ outputs: UnsafePointer<Float>, count: Int, into inputs: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<count {
      let output = outputs[index]
      let share = Double(output < .leastNormalMagnitude ? .leastNormalMagnitude : output)
      switch self {
      case .softmax: inputs[index] = Float(log(share))
      case .sigmoid:
        let rest = output > 1 - .ulpOfOne / 2 ? Double(Float.ulpOfOne / 2) : 1 - share
        inputs[index] = Float(log(share / rest))
      case .rectifier, .leakyRectifier: inputs[index] = output
      }
    }
  }
}

extension FloatBuffer {
  /// Returns the memory of `buffer`, which is taken anew if it has no room for `count` numbers.
  static func reused(
    _ buffer: inout FloatBuffer?, count: Int, for purpose: String
  ) throws(CNNError) -> UnsafeMutablePointer<Float> {
    if let buffer, buffer.count >= count { return buffer.pointer }
    let new = try FloatBuffer(count: count, for: purpose)
    buffer = new
    return new.pointer
  }
}
