public import CNNLayerKit

/// Random changes of training images that leave their meaning as it is.
///
/// Applied in this order: rotation together with cropping, horizontal flip, lower resolution, colour
/// jitter, lighting, loss of colour; then the data set normalises the pixels, and cutout follows. What a sample gets depends on the
/// seed, the epoch and the sample's index alone, so neither threads nor batch sizes change it.
///
/// As JSON, with every key optional:
/// ```json
/// {
///   "random_crop": {"padding": 4, "border": "black"},
///   "random_resized_crop": {"scale": [0.08, 1], "ratio": [0.75, 1.3333]},
///   "rotation": 10,
///   "horizontal_flip": 0.5,
///   "downscale": {"probability": 0.3, "scale": [0.25, 1]},
///   "color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1},
///   "lighting": 0.1,
///   "grayscale": 0.1,
///   "cutout": {"size": 8, "probability": 1}
/// }
/// ```
public struct Augmentation: Sendable, Hashable {
  /// Surrounds the image with a border and cuts the sample's size out at a random place.
  ///
  /// Images that are kept larger than the sample are cut without any padding, too.
  public struct RandomCrop: Sendable, Hashable {
    /// What the border consists of.
    public enum Border: String, Sendable, CaseIterable {
      /// Black: 0 before normalisation.
      case black
      /// The image, mirrored at its edges without repeating them.
      case mirror
    }

    /// The width of the border in pixels, from 0 to 1,024.
    public var padding: Int
    /// What the border consists of; together with rotation it is always black.
    public var border: Border

    /// Creates a crop; 4 is usual for images of 32 pixels.
    public init(padding: Int = 4, border: Border = .black) {
      self.padding = padding
      self.border = border
    }
  }

  /// Cuts a rectangle of random area and shape and resizes it to the sample's size, antialiased.
  ///
  /// Szegedy et al., Going deeper with convolutions, 2014.
  public struct RandomResizedCrop: Sendable, Hashable {
    /// The share of the image's area: smallest and largest, above 0 and up to 1.
    public var scale: ClosedRange<Float>
    /// Width divided by height: smallest and largest, drawn evenly on a logarithmic scale.
    public var ratio: ClosedRange<Float>

    /// Creates a crop.
    public init(
      scale: ClosedRange<Float> = 0.08...1, ratio: ClosedRange<Float> = 0.75...(4.0 / 3.0)
    ) {
      self.scale = scale
      self.ratio = ratio
    }
  }

  /// Shrinks the sample and enlarges it again, so that sharpness says nothing about its class.
  ///
  /// For data that was put together from sources of different resolution.
  public struct Downscale: Sendable, Hashable {
    /// How likely it is for a sample to be shrunk, from 0 to 1.
    public var probability: Float
    /// The share of its height and width to which it shrinks: smallest and largest, above 0 and up
    /// to 1.
    public var scale: ClosedRange<Float>

    /// Creates a loss of resolution.
    public init(probability: Float, scale: ClosedRange<Float> = 0.25...1) {
      self.probability = probability
      self.scale = scale
    }
  }

  /// Changes brightness, contrast, saturation and hue by random amounts in random order.
  ///
  /// The meaning is torchvision's: the first three multiply by a factor from 1 minus to 1 plus the
  /// given number (at least 0), hue turns by up to the given share of a full circle.
  public struct ColorJitter: Sendable, Hashable {
    /// The largest change of the brightness factor; at least 0.
    public var brightness: Float
    /// The largest change of the contrast factor; at least 0.
    public var contrast: Float
    /// The largest change of the saturation factor; at least 0.
    public var saturation: Float
    /// The largest turn of the hue, from 0 to 0.5.
    public var hue: Float

    /// Creates a jitter of the given strengths.
    public init(
      brightness: Float = 0, contrast: Float = 0, saturation: Float = 0, hue: Float = 0
    ) {
      self.brightness = brightness
      self.contrast = contrast
      self.saturation = saturation
      self.hue = hue
    }
  }

  /// Sets a square at a random place to 0, which is the mean after normalisation (DeVries and
  /// Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, 2017).
  public struct Cutout: Sendable, Hashable {
    /// The side of the square in pixels, at least 1; parts outside of the image are cut off.
    public var size: Int
    /// How likely it is for an image to get one, from 0 to 1.
    public var probability: Float

    /// Creates a cutout.
    public init(size: Int, probability: Float = 1) {
      self.size = size
      self.probability = probability
    }
  }

  /// A crop of unchanged scale; not together with `randomResizedCrop`.
  public var randomCrop: RandomCrop?
  /// A crop of random scale; not together with `randomCrop`.
  public var randomResizedCrop: RandomResizedCrop?
  /// The largest angle in degrees, from 0 to 180, by which the image turns either way.
  public var rotation: Float
  /// How likely it is that left and right change places, from 0 to 1.
  public var horizontalFlip: Float
  /// A loss of resolution.
  public var downscale: Downscale?
  /// Changes of colour; for images of one or three channels.
  public var colorJitter: ColorJitter?
  /// The standard deviation of AlexNet's lighting noise.
  ///
  /// It shifts colours along the principal components of ImageNet's colours (Krizhevsky et al., 2012,
  /// section 4.1); 0.1 in the paper. For images of three channels.
  public var lighting: Float
  /// How likely it is that a sample loses its colours, from 0 to 1; for images of three channels.
  public var grayscale: Float
  /// A square without contents.
  public var cutout: Cutout?

  /// Creates an augmentation; without arguments it changes nothing.
  public init(
    randomCrop: RandomCrop? = nil, randomResizedCrop: RandomResizedCrop? = nil,
    rotation: Float = 0, horizontalFlip: Float = 0, downscale: Downscale? = nil,
    colorJitter: ColorJitter? = nil, lighting: Float = 0, grayscale: Float = 0,
    cutout: Cutout? = nil
  ) {
    self.randomCrop = randomCrop
    self.randomResizedCrop = randomResizedCrop
    self.rotation = rotation
    self.horizontalFlip = horizontalFlip
    self.downscale = downscale
    self.colorJitter = colorJitter
    self.lighting = lighting
    self.grayscale = grayscale
    self.cutout = cutout
  }

  /// Whether samples are cut from a picture of any size, and not only from one of their scale.
  var takesAnySize: Bool { randomResizedCrop != nil }

  /// Whether colours change, which only images of known range can take.
  var changesColor: Bool { colorJitter != nil || lighting > 0 || grayscale > 0 }
}

/// An augmentation together with what its random numbers depend on beside the sample's index.
public struct AugmentationDraw: Sendable, Hashable {
  /// What to do.
  public var augmentation: Augmentation
  /// The seed of the run.
  public var seed: UInt64
  /// The epoch, counted from 0.
  public var epoch: Int
  /// How many times the epoch had the same sample before, so that each time it looks different.
  public var repetition: Int

  /// Creates a draw.
  public init(_ augmentation: Augmentation, seed: UInt64, epoch: Int, repetition: Int = 0) {
    self.augmentation = augmentation
    self.seed = seed
    self.epoch = epoch
    self.repetition = repetition
  }
}

extension Augmentation {
  /// Checks that every number is in its range.
  ///
  /// - Throws: `invalidArgument`, naming the number.
  public func validate() throws(CNNError) {
    if randomCrop != nil, randomResizedCrop != nil {
      throw .invalidArgument(
        "augmentation: random_crop and random_resized_crop exclude each other; give one of them")
    }
    if let randomCrop {
      try check("random_crop.padding", Float(randomCrop.padding), in: 0...1024)
    }
    if let crop = randomResizedCrop {
      try check("random_resized_crop.scale", crop.scale.lowerBound, in: 1e-4...1)
      try check("random_resized_crop.scale", crop.scale.upperBound, in: 1e-4...1)
      try check("random_resized_crop.ratio", crop.ratio.lowerBound, in: 0.01...100)
      try check("random_resized_crop.ratio", crop.ratio.upperBound, in: 0.01...100)
    }
    try check("rotation", rotation, in: 0...180)
    try check("horizontal_flip", horizontalFlip, in: 0...1)
    if let downscale {
      try check("downscale.probability", downscale.probability, in: 0...1)
      try check("downscale.scale", downscale.scale.lowerBound, in: 1e-3...1)
      try check("downscale.scale", downscale.scale.upperBound, in: 1e-3...1)
    }
    try check("grayscale", grayscale, in: 0...1)
    if let jitter = colorJitter {
      try check("color_jitter.brightness", jitter.brightness, in: 0...100)
      try check("color_jitter.contrast", jitter.contrast, in: 0...100)
      try check("color_jitter.saturation", jitter.saturation, in: 0...100)
      try check("color_jitter.hue", jitter.hue, in: 0...0.5)
    }
    try check("lighting", lighting, in: 0...10)
    if let cutout {
      try check("cutout.size", Float(cutout.size), in: 1...65536)
      try check("cutout.probability", cutout.probability, in: 0...1)
    }
  }

  private func check(
    _ name: String, _ value: Float, in range: ClosedRange<Float>
  ) throws(CNNError) {
    guard range.contains(value) else {
      throw .invalidArgument(
        "augmentation: \(name) is \(value), and must be from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
  }

  /// Checks that the augmentation fits samples of this shape.
  ///
  /// - Parameters:
  ///   - shape: `[height, width, channels]`.
  ///   - havePixels: Whether the numbers are pixels of a known range, so that colours have a meaning.
  /// - Throws: `invalidArgument` or `unsupported`, saying what does not fit.
  func check(forSamplesOf shape: Shape, havePixels: Bool) throws(CNNError) {
    try validate()
    guard self != Augmentation() else { return }
    guard let image = shape.image else {
      throw CNNError(
        .unsupported,
        "augmentation needs samples of shape [height, width, channels], these are \(shape)")
    }
    guard changesColor else { return }
    guard havePixels else {
      throw CNNError(
        .unsupported,
        "color_jitter, lighting and grayscale need 8-bit pixels, this data set holds numbers of "
          + "unknown range; leave them out or make the data set from 8-bit images")
    }
    let needsColor = lighting > 0 ? "lighting" : grayscale > 0 ? "grayscale" : nil
    guard image.channels == 3 || (image.channels == 1 && needsColor == nil) else {
      throw CNNError(
        .unsupported,
        "\(needsColor ?? "color_jitter") needs images of "
          + "\(needsColor == nil ? "1 or 3 channels" : "3 channels"), these have \(image.channels)")
    }
  }
}
