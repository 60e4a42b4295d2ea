/// How much is added around a plane before a window slides over it.
public enum Padding2D: Hashable, Sendable {
  /// Nothing is added; columns and rows that do not fill a window are dropped.
  case valid
  /// As much as makes the output size the input size divided by the stride, rounded up.
  ///
  /// As TensorFlow does it: split evenly, the odd row goes to the bottom and the odd column to the
  /// right.
  case same
  /// Given numbers of rows and columns.
  case explicit(top: Int, bottom: Int, left: Int, right: Int)

  /// Reads a padding as graphs write it, or returns nil if `value` is none.
  ///
  /// Accepted are `"valid"`, `"same"`, a number for all sides, `[vertical, horizontal]`, and
  /// `[[top, bottom], [left, right]]`; numbers are at least 0.
  public init?(_ value: AttributeValue) {
    if let word = value.asString {
      switch word {
      case "valid": self = .valid
      case "same": self = .same
      default: return nil
      }
      return
    }
    let sides: (Int, Int, Int, Int)
    if let (vertical, horizontal) = pair(from: value) {
      sides = (vertical, vertical, horizontal, horizontal)
    } else if case .list(let rows) = value, rows.count == 2,
      let vertical = integers(from: rows[0]), vertical.count == 2,
      let horizontal = integers(from: rows[1]), horizontal.count == 2
    {
      sides = (vertical[0], vertical[1], horizontal[0], horizontal[1])
    } else {
      return nil
    }
    let allowed = 0...AttributeSpecification.largestSize
    guard allowed.contains(sides.0), allowed.contains(sides.1), allowed.contains(sides.2),
      allowed.contains(sides.3)
    else { return nil }
    self = .explicit(top: sides.0, bottom: sides.1, left: sides.2, right: sides.3)
  }
}

/// A window that slides over the rows and columns of an image: the one shape rule that
/// convolutions and poolings share.
///
/// With `effective = dilation · (kernel − 1) + 1`, an axis of size `n` with padding `before` and
/// `after` has `(n + before + after − effective) / stride + 1` positions, rounded down; dilation 1
/// means none.
public struct Window2D: Hashable, Sendable {
  /// What happens along one axis.
  public struct Axis: Hashable, Sendable {
    /// The size of the input.
    public let input: Int
    /// The number of window positions.
    public let output: Int
    /// The size of the window, without dilation.
    public let kernel: Int
    /// The distance between neighbouring positions.
    public let stride: Int
    /// The distance between neighbouring elements of the window.
    public let dilation: Int
    /// How many padded elements lie before the input.
    public let padBefore: Int
    /// How many padded elements lie after the input.
    public let padAfter: Int
  }

  /// Top to bottom.
  public let vertical: Axis
  /// Left to right.
  public let horizontal: Axis

  /// Places a window over an image.
  ///
  /// - Parameters:
  ///   - height: The input's height, at least 1.
  ///   - width: The input's width, at least 1.
  ///   - kernel: The window's size; at least 1 each.
  ///   - stride: The distance between positions; at least 1 each.
  ///   - dilation: The distance within the window; at least 1 each.
  ///   - padding: What is added around the input.
  /// - Throws: `shapeMismatch` if the window does not fit into the padded input.
  public init(
    height: Int, width: Int, kernel: (vertical: Int, horizontal: Int),
    stride: (vertical: Int, horizontal: Int), dilation: (vertical: Int, horizontal: Int) = (1, 1),
    padding: Padding2D
  ) throws(CNNError) {
    let rows: (Int, Int)?
    let columns: (Int, Int)?
    switch padding {
    case .valid: (rows, columns) = ((0, 0), (0, 0))
    case .same: (rows, columns) = (nil, nil)
    case .explicit(let top, let bottom, let left, let right):
      (rows, columns) = ((top, bottom), (left, right))
    }
    vertical = try Axis(
      "height", input: height, kernel: kernel.vertical, stride: stride.vertical,
      dilation: dilation.vertical, padding: rows)
    horizontal = try Axis(
      "width", input: width, kernel: kernel.horizontal, stride: stride.horizontal,
      dilation: dilation.horizontal, padding: columns)
  }
}

extension Window2D.Axis {
  /// Places a window along one axis; a nil padding means `same`.
  fileprivate init(
    _ name: String, input: Int, kernel: Int, stride: Int, dilation: Int, padding: (Int, Int)?
  ) throws(CNNError) {
    let allowed = 1...AttributeSpecification.largestSize
    guard allowed.contains(input), allowed.contains(kernel), allowed.contains(stride),
      allowed.contains(dilation)
    else {
      throw .invalidArgument(
        "\(name): input \(input), kernel_size \(kernel), stride \(stride) and dilation \(dilation) "
          + "must each be from 1 to \(AttributeSpecification.largestSize)")
    }
    // All factors are below 2^31, so this product and the sums below stay within 64 bits.
    let effective = dilation * (kernel - 1) + 1
    let (before, after): (Int, Int)
    if let padding {
      (before, after) = padding
    } else {
      let output = (input + stride - 1) / stride
      let total = max(0, (output - 1) * stride + effective - input)
      (before, after) = (total / 2, total - total / 2)
    }
    let padded = input + before + after
    guard effective <= padded else {
      throw .shapeMismatch(
        "the window spans \(effective) (kernel_size \(kernel), dilation \(dilation)) and the padded "
          + "\(name) is only \(padded) (\(input) + \(before) + \(after)); use a smaller kernel_size "
          + "or more padding")
    }
    self.input = input
    self.kernel = kernel
    self.stride = stride
    self.dilation = dilation
    padBefore = before
    padAfter = after
    output = (padded - effective) / stride + 1
  }
}
