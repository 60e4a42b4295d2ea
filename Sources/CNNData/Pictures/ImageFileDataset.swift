public import CNNImaging
public import CNNLayerKit

/// Pictures in PNG and JPEG files, each with its class, read when they are needed.
///
/// Decoded pictures are kept in memory, reduced to the preprocessing's size, as far as they fit
/// `cacheBytes`. With `Preprocessing.ResizeMode.shorterSide` the whole picture is kept, so that
/// random crops can take any part of it; with the other modes crops are taken from the picture
/// that an unchanged sample shows. JPEG files are decoded so far as that needs it (see
/// `Preprocessing.resized(decoding:limits:)`); where samples are rectangles of pictures, completely.
public final class ImageFileDataset: PictureDataset {
  /// A rectangle of a picture, in pixels, after the picture was turned as its Exif orientation says.
  public struct Region: Sendable, Hashable {
    /// The first row.
    public let top: Int
    /// The first column.
    public let left: Int
    /// The number of rows.
    public let height: Int
    /// The number of columns.
    public let width: Int

    /// Describes a rectangle; whether it lies in the picture shows when the picture is read.
    public init(top: Int, left: Int, height: Int, width: Int) {
      self.top = top
      self.left = left
      self.height = height
      self.width = width
    }
  }

  /// One picture: its file and its class.
  public struct File: Sendable, Hashable {
    /// The path of the file; of one in an archive the archive's, a slash, and the path within.
    public let path: String
    /// The index of the class.
    public let label: Int
    /// The rectangle that is the sample; nil for the whole picture.
    public let region: Region?
    private let member: ArchiveMember?

    /// Names a picture.
    public init(path: String, label: Int, region: Region? = nil) {
      self.init(path: path, label: label, region: region, member: nil)
    }

    /// Names a picture in an archive.
    init(path: String, label: Int, region: Region?, member: ArchiveMember?) {
      self.path = path
      self.label = label
      self.region = region
      self.member = member
    }

    /// Reads and decodes the picture, and cuts out its rectangle.
    fileprivate func picture(limits: Image.Limits) throws(CNNError) -> Image {
      let whole = try withContents(limits: limits) { (bytes) throws(CNNError) in
        try Image(decoding: bytes, limits: limits)
      }
      guard let region else { return whole }
      return try whole.cropped(
        x: region.left, y: region.top, width: region.width, height: region.height)
    }

    /// The same, decoded so far as a preprocessing needs it; for a rectangle, in full.
    fileprivate func picture(
      limits: Image.Limits, for preprocessing: Preprocessing
    ) throws(CNNError) -> ReducedImage {
      if region != nil { return ReducedImage(try picture(limits: limits)) }
      return try withContents(limits: limits) { (bytes) throws(CNNError) in
        try preprocessing.reduced(decoding: bytes, limits: limits)
      }
    }

    private func withContents<Result>(
      limits: Image.Limits, _ body: (UnsafeRawBufferPointer) throws(CNNError) -> Result
    ) throws(CNNError) -> Result {
      guard let member else {
        return try readFile(path: path, limit: limits.maximumFileBytes).withUnsafeBytes(body)
      }
      guard member.range.count <= limits.maximumFileBytes else {
        throw CNNError(
          .inputOutput,
          "it has \(member.range.count) bytes, and at most \(limits.maximumFileBytes) are allowed")
      }
      return try member.archive.withFile(member.range, body)
    }
  }

  /// The files, in the order of the samples.
  public let files: [File]
  /// `[height, width, channels]`, as the preprocessing says.
  public let sampleShape: Shape
  /// One target, made of classes.
  public let targets: [DatasetTarget]
  /// The most bytes of decoded pictures that are kept in memory.
  public var cacheBytes: Int { cache.allowance.bytes }
  private let appliedPreprocessing: Preprocessing
  private let normalizer: PixelNormalizer
  private let cache: PictureCache
  private let limits: Image.Limits

  /// The number of pictures.
  public var count: Int { files.count }

  /// How pictures become inputs.
  public var preprocessing: Preprocessing? { appliedPreprocessing }

  /// The most bytes of decoded pictures that are kept unless the caller says otherwise: 1 GiB.
  public static let defaultCacheBytes = 1 << 30

  /// Creates a data set of files; none is opened yet.
  ///
  /// - Parameters:
  ///   - files: The pictures.
  ///   - classNames: The names of the classes, in index order.
  ///   - preprocessing: How pictures become inputs.
  ///   - cacheBytes: The most bytes of decoded pictures to keep; 0 keeps none.
  ///   - limits: What pictures are refused as too large.
  /// - Throws: `invalidArgument` for a label that is not an index of `classNames`.
  public convenience init(
    files: [File], classNames: [String], preprocessing: Preprocessing,
    cacheBytes: Int = ImageFileDataset.defaultCacheBytes, limits: Image.Limits = .default
  ) throws(CNNError) {
    try self.init(
      files: files, classNames: classNames, preprocessing: preprocessing, limits: limits,
      cache: PictureCache(CacheAllowance(bytes: cacheBytes)))
  }

  /// Creates a data set with a cache that others may use, too.
  private init(
    files: [File], classNames: [String], preprocessing: Preprocessing, limits: Image.Limits,
    cache: PictureCache
  ) throws(CNNError) {
    for file in files where file.label < 0 || file.label >= classNames.count {
      throw .invalidArgument(
        "the label of \"\(file.path)\" is \(file.label), and must be from 0 to "
          + "\(classNames.count - 1)")
    }
    self.files = files
    self.cache = cache
    self.limits = limits
    targets = [DatasetTarget(kind: .classes(classNames))]
    sampleShape = try Shape([preprocessing.height, preprocessing.width, preprocessing.channels])
    appliedPreprocessing = preprocessing
    normalizer = PixelNormalizer(preprocessing)
  }

  /// Decodes the picture, unless it is kept, and writes it as a network takes it.
  public func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try checkRead(index, roomFor: output.count)
    try augmentation?.augmentation.check(forSamplesOf: sampleShape, havePixels: true)
    do throws(CNNError) {
      var picture = try stored(index)
      if let augmentation {
        if !augmentation.augmentation.takesAnySize { picture = try enlarged(picture) }
        try picture.withPixels { (pixels) throws(CNNError) in
          guard let first = pixels.baseAddress else { return }
          try normalizer.write(
            PixelSource(
              pixels: first, height: picture.height, width: picture.width,
              channels: picture.channels),
            height: appliedPreprocessing.height, width: appliedPreprocessing.width,
            augmentation: augmentation, index: index, to: output)
        }
      } else {
        try appliedPreprocessing.resized(picture).withPixels { pixels in
          guard let first = pixels.baseAddress, pixels.count == output.count else { return }
          normalizer.write(first, to: output)
        }
      }
    } catch {
      throw error.naming(files[index].path)
    }
  }

  /// Returns the picture as its file holds it, or the sample's rectangle of it.
  public func image(at index: Int) throws(CNNError) -> Image {
    try checkIndex(index)
    do throws(CNNError) {
      return try files[index].picture(limits: limits)
    } catch {
      throw error.naming(files[index].path)
    }
  }

  /// Returns the class of a picture.
  public func label(of index: Int, target: Int) throws(CNNError) -> Int {
    try checkIndex(index)
    guard target == 0 else {
      throw .invalidArgument("there is no target \(target): the data set has 1")
    }
    return files[index].label
  }

  /// Checks that the augmentation fits pictures of this kind.
  public func check(_ augmentation: Augmentation) throws(CNNError) {
    try augmentation.check(forSamplesOf: sampleShape, havePixels: true)
  }

  /// Returns the same files with another preprocessing.
  public func replacing(_ preprocessing: Preprocessing) throws(CNNError) -> any PictureDataset {
    // Pictures are kept as they are before their numbers are scaled.
    let keepsPictures = preprocessing.sizesAlike(appliedPreprocessing)
    return try ImageFileDataset(
      files: files, classNames: classNames, preprocessing: preprocessing, limits: limits,
      cache: keepsPictures ? cache : PictureCache(cache.allowance))
  }

  /// Returns the same data set with a cache of which all that have the same allowance have a part.
  func sharing(_ allowance: CacheAllowance) throws(CNNError) -> ImageFileDataset {
    try ImageFileDataset(
      files: files, classNames: classNames, preprocessing: appliedPreprocessing, limits: limits,
      cache: PictureCache(allowance))
  }

  /// The picture in the size from which samples are cut.
  private func stored(_ index: Int) throws(CNNError) -> Image {
    if let kept = cache.picture(index) { return kept }
    let decoded = try files[index].picture(limits: limits, for: appliedPreprocessing)
    let picture = try reduced(decoded)
    cache.keep(picture, as: index)
    return picture
  }

  /// A picture that was kept as it is, in the size that the preprocessing wants.
  private func enlarged(_ image: Image) throws(CNNError) -> Image {
    let (width, height) = appliedPreprocessing.wholeSize(image.width, image.height)
    return try image.resized(width: width, height: height, filter: appliedPreprocessing.filter)
  }

  /// The picture without pixels that no sample needs.
  ///
  /// It is never enlarged: that would take memory
  /// and give nothing.
  private func reduced(_ picture: ReducedImage) throws(CNNError) -> Image {
    let format: Image.PixelFormat = appliedPreprocessing.color == .grey ? .grey : .rgb
    let (width, height) = appliedPreprocessing.wholeSize(picture.width, picture.height)
    if width >= picture.width, height >= picture.height, keepsProportions(picture) {
      return try picture.image.converted(to: format)
    }
    guard case .shorterSide = appliedPreprocessing.resize else {
      return try appliedPreprocessing.resized(picture)
    }
    return try picture.converted(to: format)
      .resized(width: width, height: height, filter: appliedPreprocessing.filter)
  }

  /// Whether crops of the picture as it is show what crops of the resized one would.
  private func keepsProportions(_ picture: ReducedImage) -> Bool {
    switch appliedPreprocessing.resize {
    case .shorterSide: true
    case .stretch:
      picture.width * appliedPreprocessing.height == picture.height * appliedPreprocessing.width
    case .fit: false
    }
  }
}

extension Preprocessing {
  /// Whether both bring pictures to the same size in the same colours.
  fileprivate func sizesAlike(_ other: Preprocessing) -> Bool {
    // The order of colours decides what is done with the pixels, not what they are.
    width == other.width && height == other.height && channels == other.channels
      && resize == other.resize && filter == other.filter
  }

  /// The size of the whole picture of which a sample shows a part.
  func wholeSize(_ width: Int, _ height: Int) -> (width: Int, height: Int) {
    guard case .shorterSide = resize else { return (self.width, self.height) }
    return scaledSize(width, height)
  }
}

extension Dataset {
  /// The same data set with pictures kept within a common allowance, if it keeps any.
  func sharingCache(_ allowance: CacheAllowance) throws(CNNError) -> any Dataset {
    if let files = self as? ImageFileDataset { return try files.sharing(allowance) }
    guard let subset = self as? Subset else { return self }
    return subset.rebased(on: try subset.base.sharingCache(allowance))
  }
}

extension CNNError {
  /// The same error, with the file in front unless the message names it already.
  func naming(_ path: String) -> CNNError {
    message.contains(path) ? self : prefixed(by: "\"\(path)\"")
  }
}
