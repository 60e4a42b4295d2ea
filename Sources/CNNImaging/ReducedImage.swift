import CNNLayerKit

/// A picture that was decoded smaller than its file holds it, and which part of the pixels stands
/// for the picture.
///
/// JPEG files can be decoded at an eighth, a quarter or half of their size for a fraction of the
/// work. 375 rows become 47 rows then, of which the last shows only seven eighths of a row's height:
/// the picture ends at 46.875. Resizing takes this into account, so that a reduced picture and the
/// complete one give the same result up to rounding, with nothing shifted or stretched.
package struct ReducedImage {
  /// The pixels, upright.
  package let image: Image
  /// The columns of the picture in the file, upright.
  package let width: Int
  /// The rows of the picture in the file, upright.
  package let height: Int
  /// Where the picture begins and ends in the columns of `image`.
  package let columns: Span
  /// Where the picture begins and ends in the rows of `image`.
  package let rows: Span

  /// A part of an axis, in pixels; pixel `i` reaches from `i` to `i + 1`.
  package struct Span {
    package let start: Double
    package let length: Double
  }

  /// Wraps a picture that is complete.
  package init(_ image: Image) {
    self.image = image
    (width, height) = (image.width, image.height)
    columns = Span(start: 0, length: Double(image.width))
    rows = Span(start: 0, length: Double(image.height))
  }

  /// Turns a picture that was decoded at a part of its size.
  ///
  /// - Parameters:
  ///   - stored: The decoded pixels, as stored.
  ///   - fullWidth: The columns that the file has.
  ///   - fullHeight: The rows that the file has.
  ///   - eighths: The part of the size at which it was decoded.
  ///   - orientation: How it is turned.
  init(
    stored: Image, fullWidth: Int, fullHeight: Int, eighths: Int, orientation: EXIFOrientation
  ) throws(CNNError) {
    image = try stored.oriented(orientation)
    let swaps = orientation.swapsAxes
    (width, height) = swaps ? (fullHeight, fullWidth) : (fullWidth, fullHeight)
    // What is left of the last pixel lies at the end of the stored rows, so mirroring brings it to
    // the beginning.
    func span(_ full: Int, _ pixels: Int, mirrored: Bool) -> Span {
      let length = Double(full * eighths) / 8
      return Span(start: mirrored ? Double(pixels) - length : 0, length: length)
    }
    columns = span(width, image.width, mirrored: orientation.mirrorsColumns)
    rows = span(height, image.height, mirrored: orientation.mirrorsRows)
  }

  /// Whether all pixels are there.
  var isComplete: Bool { width == image.width && height == image.height }

  /// The same with other pixels in the same places.
  private init(_ image: Image, like other: ReducedImage) {
    self.image = image
    (width, height) = (other.width, other.height)
    (columns, rows) = (other.columns, other.rows)
  }

  /// Converts to another pixel format; see `Image.converted`.
  package func converted(to format: Image.PixelFormat) throws(CNNError) -> ReducedImage {
    ReducedImage(try image.converted(to: format), like: self)
  }
}

extension ReducedImage {
  /// How many times more pixels than are needed a reduced picture has at least, along each axis.
  ///
  /// Decoding small is a box filter of up to eight pixels, resizing then another filter. From twice
  /// the size on, the result is within a few levels of what the complete picture gives.
  package static let margin = 2

  /// The smallest part of a picture's size, in eighths, from which it can be resized to `needed`.
  ///
  /// Powers of two alone: for the others the codec has no fast code, and takes longer than for the
  /// complete picture.
  package static func eighths(
    width: Int, height: Int, needed: (width: Int, height: Int)
  ) -> Int {
    // Sizes are at most 2^30 and 2^50, so that the products do not overflow.
    for eighths in [1, 2, 4] {
      if width * eighths >= 8 * margin * needed.width,
        height * eighths >= 8 * margin * needed.height
      {
        return eighths
      }
    }
    return 8
  }
}

extension Image {
  /// Decodes a PNG or JPEG file to a picture whose longer side has at most `maximumSide` pixels.
  ///
  /// Proportions are kept, and smaller pictures stay as they are.
  ///
  /// JPEG files are decoded at a reduced size where that is still at least twice the result's, which
  /// takes less time and memory; then the filter does the rest.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - maximumSide: The most columns and rows of the result, at least 1.
  ///   - filter: How pixels are computed when resizing.
  ///   - limits: What is refused as too large; for pictures that are decoded reduced it is the
  ///     reduced size that counts.
  /// - Throws: `invalidArgument` for a side below 1, otherwise what `init(decoding:)` throws.
  public init(
    decoding bytes: UnsafeRawBufferPointer, maximumSide: Int, filter: ResampleFilter = .bilinear,
    limits: Limits = .default
  ) throws(CNNError) {
    guard maximumSide >= 1 else {
      throw .invalidArgument("the longer side is at least 1 pixel; \(maximumSide) was asked for")
    }
    func size(_ width: Int, _ height: Int) -> (width: Int, height: Int) {
      max(width, height) <= maximumSide
        ? (width, height) : fittedSize(width, height, into: (maximumSide, maximumSide))
    }
    let picture =
      filter == .nearest
      ? try ReducedImage(decoding: bytes, limits: limits)
      : try ReducedImage(decoding: bytes, limits: limits, needed: size)
    let (width, height) = size(picture.width, picture.height)
    self = try picture.resized(width: width, height: height, filter: filter)
  }
}

/// The largest size with the proportions of a picture that fits into another.
func fittedSize(
  _ width: Int, _ height: Int, into box: (width: Int, height: Int)
) -> (width: Int, height: Int) {
  if box.width * height <= box.height * width {
    return (box.width, max(1, (2 * height * box.width + width) / (2 * width)))
  }
  return (max(1, (2 * width * box.height + height) / (2 * height)), box.height)
}
