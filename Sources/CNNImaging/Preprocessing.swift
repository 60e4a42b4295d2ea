import CNNLayerKit

/// How a photo of any size becomes the input of a network.
///
/// The same description serves training and use: it is saved with the model, so that a prediction
/// sees exactly what training saw. The steps are, in this order:
///
/// 1. transparent pixels are laid over white, and colours converted (`color`);
/// 2. the picture is brought to `width` x `height` (`resize`, `filter`), with 8 bits per channel;
/// 3. each value p becomes (p * `scale` - mean) / `standardDeviation`, where mean is the channel's
///    `mean`, or the value at the same place in `meanImage`.
///
/// The result is `height * width * channels` floats in NHWC order.
public struct Preprocessing: Sendable, Hashable {
  /// The channels of the input and their order.
  public enum ColorOrder: String, Sendable, CaseIterable {
    /// Red, green, blue: the usual order.
    case rgb
    /// Blue, green, red: that of networks trained with OpenCV or Caffe.
    case bgr
    /// One channel, 0.299 R + 0.587 G + 0.114 B.
    case grey
  }

  /// How the picture is brought to the input's size.
  public enum ResizeMode: Sendable, Hashable {
    /// Scaled to the size, proportions change.
    case stretch
    /// Scaled so that the shorter side has this many pixels, then the centre is cut out. (As
    /// `Resize` and `CenterCrop` of torchvision.) At least the input's width and height.
    case shorterSide(Int)
    /// Scaled so that the whole picture fits, centred, the rest filled with a colour.
    case fit(padding: Color)
  }

  /// Columns of the input.
  public let width: Int
  /// Rows of the input.
  public let height: Int
  /// Channels and their order.
  public let color: ColorOrder
  /// How the picture is brought to the input's size.
  public let resize: ResizeMode
  /// How pixels are computed when resizing.
  public let filter: ResampleFilter
  /// The factor for 8-bit values, as 1/255.
  public let scale: Float
  /// What is subtracted from each channel after scaling, in the order of `color`.
  public let mean: [Float]
  /// What each channel is divided by.
  public let standardDeviation: [Float]
  /// What is subtracted from each value after scaling instead of `mean`: as many values as the
  /// input has, in NHWC order.
  public let meanImage: [Float]?

  /// Describes a preprocessing.
  ///
  /// - Parameters:
  ///   - width: Columns of the input, at least 1.
  ///   - height: Rows of the input, at least 1.
  ///   - color: Channels and their order.
  ///   - resize: How the picture is brought to the input's size.
  ///   - filter: How pixels are computed when resizing.
  ///   - scale: The factor for 8-bit values; finite, not 0.
  ///   - mean: One finite value for each channel; nil means 0.
  ///   - standardDeviation: One finite value other than 0 for each channel; nil means 1.
  ///   - meanImage: `height * width * channels` finite values; then `mean` has to be nil or 0.
  /// - Throws: `invalidArgument` naming what is out of range.
  public init(
    width: Int, height: Int, color: ColorOrder = .rgb, resize: ResizeMode = .stretch,
    filter: ResampleFilter = .bilinear, scale: Float = 1 / 255, mean: [Float]? = nil,
    standardDeviation: [Float]? = nil, meanImage: [Float]? = nil
  ) throws(CNNError) {
    let channels = color == .grey ? 1 : 3
    self.width = width
    self.height = height
    self.color = color
    self.resize = resize
    self.filter = filter
    self.scale = scale
    self.mean = mean ?? Array(repeating: 0, count: channels)
    self.standardDeviation = standardDeviation ?? Array(repeating: 1, count: channels)
    self.meanImage = meanImage
    try validate()
  }

  /// The channels of the input: 1 or 3.
  public var channels: Int { color == .grey ? 1 : 3 }

  /// The floats of one input: height times width times channels.
  public var outputCount: Int { height * width * channels }

  private func validate() throws(CNNError) {
    let count: Int
    do throws(CNNError) {
      count = try Image.byteCount(
        width: width, height: height, channels: channels, limits: .default)
    } catch {
      throw error.prefixed(by: "preprocessing")
    }
    if case .shorterSide(let side) = resize, side < max(width, height) || side > 1 << 20 {
      throw .invalidArgument(
        "preprocessing: shorter_side is \(side); it has to be at least the larger of width "
          + "\(width) and height \(height), and at most \(1 << 20)")
    }
    guard scale.isFinite, scale != 0 else {
      throw .invalidArgument("preprocessing: scale is \(scale); it has to be finite and not 0")
    }
    try validate(mean, "mean", count: channels)
    try validate(standardDeviation, "standard_deviation", count: channels)
    guard standardDeviation.allSatisfy({ $0 != 0 }) else {
      throw .invalidArgument("preprocessing: standard_deviation contains 0, which would divide")
    }
    guard let meanImage else { return }
    try validate(meanImage, "mean_image", count: count)
    guard mean.allSatisfy({ $0 == 0 }) else {
      throw .invalidArgument(
        "preprocessing: both mean and mean_image are given, and only one can be subtracted")
    }
  }

  private func validate(_ values: [Float], _ name: String, count: Int) throws(CNNError) {
    guard values.count == count else {
      throw .invalidArgument(
        "preprocessing: \(name) has \(values.count) values, and an input of \(width) x \(height) "
          + "with color \(color.rawValue) needs \(count)")
    }
    guard values.allSatisfy(\.isFinite) else {
      throw .invalidArgument("preprocessing: \(name) contains a value that is not finite")
    }
  }
}
