import CNNLayerKit

/// Checks and counts that several layer types share.
enum ShapeRules {
  /// Every size, stride and dilation that an attribute may ask for.
  static let sizes = 1...AttributeSpecification.largestSize

  /// Returns height, width and channels of an image-shaped sample.
  ///
  /// - Throws: `shapeMismatch` if `shape` has not three axes.
  static func image(_ shape: Shape, for type: String) throws(CNNError) -> (
    height: Int, width: Int, channels: Int
  ) {
    guard let image = shape.image else {
      throw .shapeMismatch(
        "\(type) expects an image [height, width, channels], got \(shape)")
    }
    return image
  }

  /// Returns the shape that all `inputs` have.
  ///
  /// - Throws: `shapeMismatch` if two differ.
  static func common(_ inputs: [Shape], for type: String) throws(CNNError) -> Shape {
    for (index, shape) in inputs.enumerated() where shape != inputs[0] {
      throw .shapeMismatch(
        "\(type) expects inputs of equal shape; input 0 is \(inputs[0]), input \(index) is \(shape)"
      )
    }
    return inputs[0]
  }

  /// Returns the axis that a number counted from the front, or from the back if negative, means.
  ///
  /// - Throws: `invalidArgument` if the shape has no such axis.
  static func axis(_ axis: Int, of shape: Shape, for type: String) throws(CNNError) -> Int {
    guard axis >= -shape.rank, axis < shape.rank else {
      throw .invalidArgument(
        "\(type): axis \(axis) does not exist in a sample of shape \(shape); "
          + "expected \(-shape.rank) to \(shape.rank - 1)")
    }
    return axis < 0 ? axis + shape.rank : axis
  }

  /// Returns the product of `factors`, or `Int.max` where it does not fit: an estimate of work must
  /// not fail.
  static func operations(_ factors: Int...) -> Int { checkedProduct(factors) ?? Int.max }
}

extension TensorList {
  /// The first number of the array at `index`, to read.
  ///
  /// - Throws: `internal` if the host did not supply the array.
  func required(_ index: Int, _ what: String) throws(CNNError) -> UnsafeMutablePointer<Float> {
    guard let pointer = pointer(index) else {
      throw CNNError(.internal, "the call has no \(what) \(index)")
    }
    return pointer
  }
}

extension UnsafeMutableBufferPointer<Float> {
  /// The first number of memory that the layer declared that it needs.
  ///
  /// - Throws: `internal` if the host did not supply it.
  func required(_ what: String = "scratch memory") throws(CNNError) -> UnsafeMutablePointer<Float> {
    guard let baseAddress else { throw CNNError(.internal, "the call has no \(what)") }
    return baseAddress
  }
}
