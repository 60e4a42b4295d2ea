public import CNNImaging
public import CNNLayerKit

/// Pictures of one size in memory, 8 bits per channel, each with its class.
///
/// MNIST, CIFAR-10 and the built-in digits are of this type. Reading a sample takes no memory, but for some that is given back for
/// augmentation that changes sizes.
public final class ImageDataset: PictureDataset {
  /// The number of pictures.
  public let count: Int
  /// `[height, width, channels]`.
  public let sampleShape: Shape
  /// One target, made of classes.
  public let targets: [DatasetTarget]
  private let appliedPreprocessing: Preprocessing
  private let pixels: ByteBuffer
  private let labels: BudgetedBuffer<UInt16>
  private let normalizer: PixelNormalizer
  private let height: Int
  private let width: Int
  private let channels: Int

  /// How pictures become inputs.
  public var preprocessing: Preprocessing? { appliedPreprocessing }

  /// Creates a data set from a copy of the caller's pictures.
  ///
  /// - Parameters:
  ///   - pixels: All pictures, one after the other, rows from top to bottom, the channels of a
  ///     pixel together.
  ///   - height: The rows of a picture.
  ///   - width: The columns of a picture.
  ///   - channels: 1 (grey) or 3 (red, green, blue).
  ///   - labels: For each picture the index of its class.
  ///   - classNames: The names of the classes, in index order.
  ///   - preprocessing: How pictures become inputs; nil means dividing by 255. Pictures of another
  ///     size or colour are converted once, when the data set is made.
  /// - Throws: `invalidArgument` or `shapeMismatch` for what does not fit, `outOfMemory`.
  public convenience init(
    pixels: UnsafeRawBufferPointer, height: Int, width: Int, channels: Int,
    labels: some Collection<some BinaryInteger>, classNames: [String],
    preprocessing: Preprocessing? = nil
  ) throws(CNNError) {
    guard let perPicture = checkedProduct([height, width, channels]), perPicture > 0,
      height > 0, width > 0, pixels.count.isMultiple(of: perPicture)
    else {
      throw .shapeMismatch(
        "\(pixels.count) bytes are no whole number of pictures of \(height) x \(width) x "
          + "\(channels)")
    }
    let count = pixels.count / perPicture
    guard labels.count == count else {
      throw .shapeMismatch("there are \(count) pictures and \(labels.count) labels")
    }
    let buffer = try BudgetedBuffer<UInt16>(count: count, for: "the labels of a data set")
    for (index, label) in labels.enumerated() {
      guard let value = UInt16(exactly: label), value < classNames.count else {
        throw .invalidArgument(
          "the label of picture \(index) is \(label), and must be from 0 to "
            + "\(classNames.count - 1)")
      }
      buffer.pointer[index] = value
    }
    let copy = try ByteBuffer(uninitializedCount: pixels.count, for: "the pictures of a data set")
    copy.mutableBytes.copyMemory(from: pixels)
    try self.init(
      stored: PictureBlock(pixels: copy, height: height, width: width, channels: channels),
      labels: buffer, classNames: classNames, preprocessing: preprocessing)
  }

  /// Creates a data set from pictures that nobody writes to any more.
  ///
  /// Labels are known to be indices of `classNames`.
  init(
    stored: PictureBlock, labels: BudgetedBuffer<UInt16>, classNames: [String],
    preprocessing: Preprocessing?
  ) throws(CNNError) {
    guard !classNames.isEmpty, classNames.count <= 65536 else {
      throw .invalidArgument(
        "a data set of pictures has from 1 to 65536 classes, not \(classNames.count)")
    }
    guard stored.channels == 1 || stored.channels == 3 else {
      throw .invalidArgument(
        "pictures have 1 (grey) or 3 (red, green, blue) channels, not \(stored.channels)")
    }
    let applied: Preprocessing
    if let preprocessing {
      applied = preprocessing
    } else {
      applied = try Preprocessing(
        width: stored.width, height: stored.height, color: stored.channels == 1 ? .grey : .rgb)
    }
    let fitting = try stored.converted(by: applied)
    count = labels.count
    sampleShape = try Shape([applied.height, applied.width, applied.channels])
    targets = [DatasetTarget(kind: .classes(classNames))]
    pixels = fitting.pixels
    height = fitting.height
    width = fitting.width
    channels = fitting.channels
    self.labels = labels
    appliedPreprocessing = applied
    normalizer = PixelNormalizer(applied)
  }

  /// Creates a data set of all pictures of several, which have one shape and no preprocessing.
  convenience init(joining parts: [ImageDataset]) throws(CNNError) {
    guard let first = parts.first else { throw .invalidArgument("there is nothing to join") }
    let bytes = parts.reduce(0) { $0 + $1.pixels.count }
    let pixels = try ByteBuffer(uninitializedCount: bytes, for: "the pictures of a data set")
    let labels = try BudgetedBuffer<UInt16>(
      count: parts.reduce(0) { $0 + $1.count }, for: "the labels of a data set")
    var byte = 0
    var index = 0
    for part in parts {
      UnsafeMutableRawBufferPointer(rebasing: pixels.mutableBytes[byte..<byte + part.pixels.count])
        .copyMemory(from: part.pixels.bytes)
      (labels.pointer + index).update(from: part.labels.pointer, count: part.count)
      byte += part.pixels.count
      index += part.count
    }
    extendLifetime(parts)
    let names = parts.map(\.classNames).max { $0.count < $1.count }
    try self.init(
      stored: PictureBlock(
        pixels: pixels, height: first.height, width: first.width, channels: first.channels),
      labels: labels, classNames: names ?? first.classNames, preprocessing: nil)
  }

  /// Writes the picture as a network takes it.
  public func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try checkRead(index, roomFor: output.count)
    let bytes = pixels.bytes.bindMemory(to: UInt8.self)
    guard let first = bytes.baseAddress else { return }
    let picture = first + index * output.count
    if let augmentation {
      try augmentation.augmentation.check(forSamplesOf: sampleShape, havePixels: true)
      try normalizer.write(
        PixelSource(pixels: picture, height: height, width: width, channels: channels),
        height: height, width: width, augmentation: augmentation, index: index, to: output)
    } else {
      normalizer.write(picture, to: output)
    }
  }

  /// Returns the picture as it is kept.
  public func image(at index: Int) throws(CNNError) -> Image {
    try checkIndex(index)
    let size = height * width * channels
    return try Image(
      width: width, height: height, channels: channels,
      pixels: UnsafeRawBufferPointer(
        rebasing: pixels.bytes[index * size..<(index + 1) * size]))
  }

  /// Returns the class of a picture.
  public func label(of index: Int, target: Int) throws(CNNError) -> Int {
    try checkIndex(index)
    guard target == 0 else {
      throw .invalidArgument("there is no target \(target): the data set has 1")
    }
    return Int(labels.pointer[index])
  }

  /// Checks that the augmentation fits pictures of this kind.
  public func check(_ augmentation: Augmentation) throws(CNNError) {
    try augmentation.check(forSamplesOf: sampleShape, havePixels: true)
  }

  /// Returns the same pictures with another preprocessing; pixels are shared if they fit it.
  ///
  /// - Throws: `outOfMemory` if they have to be converted and memory is short.
  public func with(preprocessing: Preprocessing) throws(CNNError) -> ImageDataset {
    try ImageDataset(
      stored: PictureBlock(pixels: pixels, height: height, width: width, channels: channels),
      labels: labels, classNames: classNames, preprocessing: preprocessing)
  }

  /// As `with(preprocessing:)`.
  public func replacing(_ preprocessing: Preprocessing) throws(CNNError) -> any PictureDataset {
    try with(preprocessing: preprocessing)
  }
}

/// Pictures of one size, one after the other.
struct PictureBlock {
  let pixels: ByteBuffer
  let height: Int
  let width: Int
  let channels: Int

  /// The pictures in the size and colours of a preprocessing's 8-bit stage.
  func converted(by preprocessing: Preprocessing) throws(CNNError) -> PictureBlock {
    if height == preprocessing.height, width == preprocessing.width,
      channels == preprocessing.channels, preprocessing.keepsSize
    {
      return self
    }
    let from = height * width * channels
    let to = preprocessing.outputCount
    let count = pixels.count / from
    let result = try ByteBuffer(
      uninitializedCount: try elementCount(count, to, of: "a data set of \(count) pictures"),
      for: "a data set of \(count) pictures of \(to) bytes")
    for index in 0..<count {
      let image = try Image(
        width: width, height: height, channels: channels,
        pixels: UnsafeRawBufferPointer(rebasing: pixels.bytes[index * from..<(index + 1) * from]))
      let converted = try preprocessing.resized(image)
      converted.withPixels { source in
        UnsafeMutableRawBufferPointer(rebasing: result.mutableBytes[index * to..<(index + 1) * to])
          .copyMemory(from: UnsafeRawBufferPointer(source))
      }
    }
    return PictureBlock(
      pixels: result, height: preprocessing.height, width: preprocessing.width,
      channels: preprocessing.channels)
  }
}

extension Preprocessing {
  /// Whether a picture that has the input's size stays as it is.
  var keepsSize: Bool {
    if case .shorterSide(let side) = resize { return side == min(width, height) }
    return true
  }
}
