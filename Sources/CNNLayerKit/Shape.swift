/// The sizes of a tensor along its axes.
///
/// Layers speak of the shape of one sample, without the batch axis: an image is
/// `[height, width, channels]`, a feature vector `[features]`. A tensor in memory has the batch
/// axis in front. Every size is at least 1, and the product of all sizes is known to fit an `Int`.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
  /// The size along each axis, outermost first.
  public let sizes: [Int]
  /// The number of elements: the product of all sizes (1 for a shape without axes).
  public let count: Int

  /// The most axes that a shape may have.
  public static let maximumRank = 8
  /// The most elements that a shape may have: more could not be addressed as 4-byte numbers.
  public static let maximumCount = Int.max / 64

  /// Creates a shape.
  ///
  /// - Throws: `invalidArgument` if there are more than `maximumRank` axes, a size is below 1, or
  ///   the product is above `maximumCount`.
  public init(_ sizes: [Int]) throws(CNNError) {
    guard sizes.count <= Shape.maximumRank else {
      throw .invalidArgument(
        "a shape has at most \(Shape.maximumRank) axes, this one has \(sizes.count)")
    }
    guard sizes.allSatisfy({ $0 >= 1 }) else {
      throw .invalidArgument("each size of a shape is at least 1, in \(describe(sizes)) one is not")
    }
    guard let count = checkedProduct(sizes), count <= Shape.maximumCount else {
      throw .invalidArgument("the shape \(describe(sizes)) has too many elements to address")
    }
    self.sizes = sizes
    self.count = count
  }

  /// The number of axes.
  public var rank: Int { sizes.count }

  /// The sizes in brackets, as in `[32, 32, 3]`.
  public var description: String { describe(sizes) }

  /// Height, width and channels of an image-shaped sample, or nil if it has not three axes.
  public var image: (height: Int, width: Int, channels: Int)? {
    sizes.count == 3 ? (sizes[0], sizes[1], sizes[2]) : nil
  }
}

private func describe(_ sizes: [Int]) -> String {
  "[" + sizes.map(String.init).joined(separator: ", ") + "]"
}
