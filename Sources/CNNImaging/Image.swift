import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A picture in memory: 8 bits per channel, rows from top to bottom without gaps, channels
/// interleaved (red, green, blue, alpha).
///
/// An image never changes once it exists, so copies share their pixels, and any number of threads
/// may use one at once. Operations return new images. Colours are as stored in the file (sRGB as
/// a rule) and alpha is not premultiplied.
public struct Image: Sendable {
  /// Columns, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// 1 (grey), 3 (RGB) or 4 (RGBA).
  public let channels: Int
  let storage: ByteBuffer

  /// What an image may need before it is refused, judged before memory is taken.
  public struct Limits: Sendable, Hashable {
    /// The most pixels (width times height) of an image.
    public var maximumPixels: Int
    /// The most bytes of an image file.
    public var maximumFileBytes: Int

    /// Creates limits; the defaults are 64 megapixels (67,108,864, as 8192 x 8192) and 1 GiB.
    public init(maximumPixels: Int = 1 << 26, maximumFileBytes: Int = 1 << 30) {
      self.maximumPixels = maximumPixels
      self.maximumFileBytes = maximumFileBytes
    }

    /// 64 megapixels, files of 1 GiB.
    public static let `default` = Limits()
  }

  /// Creates an image whose pixels `fill` writes.
  ///
  /// - Parameters:
  ///   - width: At least 1.
  ///   - height: At least 1.
  ///   - channels: 1, 3 or 4.
  ///   - limits: What is refused as too large.
  ///   - fill: Receives `width * height * channels` bytes, all 0, and writes the pixels.
  /// - Throws: `invalidArgument` for sizes or channels out of range or above the limits,
  ///   `outOfMemory`, or what `fill` throws.
  public init(
    width: Int, height: Int, channels: Int, limits: Limits = .default,
    fill: (UnsafeMutableBufferPointer<UInt8>) throws(CNNError) -> Void
  ) throws(CNNError) {
    let bytes = try Image.byteCount(
      width: width, height: height, channels: channels, limits: limits)
    let storage = try ByteBuffer(
      uninitializedCount: bytes, for: "an image of \(width) x \(height) x \(channels)")
    let memory = storage.mutableBytes.bindMemory(to: UInt8.self)
    if let start = memory.baseAddress { memset(start, 0, bytes) }
    try fill(memory)
    self.init(width: width, height: height, channels: channels, storage: storage)
  }

  /// Creates an image from a copy of `pixels`.
  ///
  /// - Parameters:
  ///   - width: At least 1.
  ///   - height: At least 1.
  ///   - channels: 1, 3 or 4.
  ///   - pixels: `width * height * channels` bytes.
  ///   - limits: What is refused as too large.
  /// - Throws: `invalidArgument` for sizes or channels out of range, above the limits, or not those
  ///   of `pixels`; `outOfMemory`.
  public init(
    width: Int, height: Int, channels: Int, pixels: UnsafeRawBufferPointer,
    limits: Limits = .default
  ) throws(CNNError) {
    let bytes = try Image.byteCount(
      width: width, height: height, channels: channels, limits: limits)
    guard pixels.count == bytes, let source = pixels.baseAddress else {
      throw .invalidArgument(
        "an image of \(width) x \(height) x \(channels) has \(bytes) bytes, not \(pixels.count)")
    }
    let storage = try ByteBuffer(
      uninitializedCount: bytes, for: "an image of \(width) x \(height) x \(channels)")
    if let start = storage.mutableBytes.baseAddress { memcpy(start, source, bytes) }
    self.init(width: width, height: height, channels: channels, storage: storage)
  }

  /// Creates an image from a copy of `pixels`; see the initializer that takes a pointer.
  public init(
    width: Int, height: Int, channels: Int, pixels: [UInt8], limits: Limits = .default
  ) throws(CNNError) {
    self = try pixels.withUnsafeBytes { bytes in
      Result { () throws(CNNError) in
        try Image(
          width: width, height: height, channels: channels, pixels: bytes, limits: limits)
      }
    }.get()
  }

  /// Wraps pixels whose number is known to be right.
  init(width: Int, height: Int, channels: Int, storage: ByteBuffer) {
    self.width = width
    self.height = height
    self.channels = channels
    self.storage = storage
  }

  /// Calls `body` with all pixels, without copying them; the pointer is valid during the call.
  public func withPixels<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.withUnsafeBytes { (bytes) throws(Failure) in
      try body(bytes.bindMemory(to: UInt8.self))
    }
  }

  /// The values of the pixel in column `x` and row `y`, one for each channel, or nil outside of
  /// the image.
  public func pixel(x: Int, y: Int) -> [UInt8]? {
    guard x >= 0, x < width, y >= 0, y < height else { return nil }
    return withPixels { pixels in
      let first = (y * width + x) * channels
      return Array(pixels[first..<first + channels])
    }
  }

  /// The most columns or rows whatever the limits, so that their products with small numbers and
  /// their conversion to 32 bits are safe everywhere.
  private static let maximumSide = 1 << 30

  /// The bytes of an image, or an error if its sizes are not allowed.
  static func byteCount(
    width: Int, height: Int, channels: Int, limits: Limits
  ) throws(CNNError) -> Int {
    guard width >= 1, height >= 1 else {
      throw .invalidArgument(
        "an image has at least one column and one row; \(width) x \(height) were asked for")
    }
    guard channels == 1 || channels == 3 || channels == 4 else {
      throw .invalidArgument(
        "an image has 1 (grey), 3 (RGB) or 4 (RGBA) channels, not \(channels)")
    }
    guard width <= maximumSide, height <= maximumSide,
      let pixels = checkedProduct([width, height]), pixels <= limits.maximumPixels,
      let bytes = checkedProduct([pixels, channels])
    else {
      throw .invalidArgument(
        "an image of \(width) x \(height) is above the limit of \(limits.maximumPixels) pixels "
          + "(or 2^30 on a side)")
    }
    return bytes
  }
}

extension Image: Hashable {
  /// Whether both have the same sizes and pixels.
  public static func == (a: Image, b: Image) -> Bool {
    guard a.width == b.width, a.height == b.height, a.channels == b.channels else { return false }
    if a.storage === b.storage { return true }
    return a.withPixels { first in
      b.withPixels { second in first.elementsEqual(second) }
    }
  }

  /// Feeds sizes and pixels to `hasher`.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(width)
    hasher.combine(height)
    hasher.combine(channels)
    withPixels { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
