public import CNNLayerKit

/// A plane of numbers: how much each place matters.
///
/// Immutable, so it may be shared between threads.
public struct Heatmap: Sendable {
  /// Columns, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// The smallest number.
  public let minimum: Float
  /// The largest number.
  public let maximum: Float
  private let buffer: FloatBuffer

  /// Creates a plane whose numbers `fill` writes.
  ///
  /// - Parameters:
  ///   - width: At least 1.
  ///   - height: At least 1.
  ///   - fill: Receives `width * height` numbers, rows from the top, all 0, and writes them.
  /// - Throws: `invalidArgument` for a size below 1, `nonFinite` if a number is infinite or none,
  ///   `outOfMemory`, or what `fill` throws.
  public init(
    width: Int, height: Int,
    fill: (UnsafeMutableBufferPointer<Float>) throws(CNNError) -> Void
  ) throws(CNNError) {
    guard width >= 1, height >= 1 else {
      throw .invalidArgument(
        "a map has at least one column and one row; \(width) x \(height) were asked for")
    }
    buffer = try FloatBuffer(
      count: try elementCount(width, height, of: "a map of \(width) x \(height)"),
      for: "a map of \(width) x \(height)")
    self.width = width
    self.height = height
    try fill(buffer.elements)
    var (smallest, largest) = (Float.infinity, -Float.infinity)
    var isFinite = true
    for value in buffer.elements {
      smallest = min(smallest, value)
      largest = max(largest, value)
      isFinite = isFinite && value.isFinite
    }
    guard isFinite else {
      throw CNNError(.nonFinite, "the map of what matters is infinite or not a number somewhere")
    }
    minimum = smallest
    maximum = largest
  }

  /// Calls `body` with the numbers, rows from the top; the pointer is valid during the call.
  public func withValues<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { extendLifetime(buffer) }
    return try body(UnsafeBufferPointer(buffer.elements))
  }

  /// The number in column `x` and row `y`, or nil outside of the map.
  public subscript(x x: Int, y y: Int) -> Float? {
    guard x >= 0, x < width, y >= 0, y < height else { return nil }
    return withValues { $0[y * width + x] }
  }

  /// The number that a share of all numbers exceeds; the largest one for 0.
  func quantile(above share: Float) -> Float {
    guard share > 0 else { return maximum }
    let sorted = withValues { $0.sorted() }
    let place = Double(sorted.count - 1) * Double(1 - min(1, share))
    return sorted[Int(place)]
  }
}
