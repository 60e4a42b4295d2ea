public import CNNImaging
public import CNNLayerKit

/// How to open a data set.
///
/// As JSON the keys are those named here, all optional, and unknown ones are errors:
/// ```json
/// {"format": "folders", "part": "train", "size": 96, "limit": 500}
/// ```
public struct DatasetOptions: Sendable, Hashable {
  /// The forms in which data sets are kept.
  public enum Format: String, Sendable, CaseIterable {
    /// What is at the path decides.
    case auto
    /// The official binary files of CIFAR-10, or one of them.
    case cifar10
    /// The idx files of MNIST, gzipped or not, or the file of its pictures.
    case mnist
    /// A folder for each class, on disk or in a tar archive.
    case folders
    /// One folder with files named as in `cat.17.jpg`, on disk or in a tar archive.
    case names
    /// A table of pictures, `*.csv`: comma-separated values with a line of column names.
    case table
    /// A JSON file that lists data sets and how much of each an epoch has.
    case mixture
    /// The built-in handwritten digits.
    case digits
  }

  /// The parts of a data set.
  public enum Part: String, Sendable, CaseIterable {
    /// To learn from; without the samples of `validation` if there is a `validationCount`.
    case train
    /// To judge by while learning: the last `validationCount` samples of the training part, or the
    /// folder `validation`, `valid` or `val`.
    case validation
    /// To judge by in the end.
    case test
    /// All parts, one after the other.
    case all
  }

  /// `"format"`: the form in which the data set is kept.
  public var format: Format = .auto
  /// `"part"`: the part to open; folders that are not divided into parts have only `all`.
  public var part: Part?
  /// `"preprocessing"`: how pictures become inputs, as a model keeps it.
  public var preprocessing: Preprocessing?
  /// `"size"`: the height and width of inputs, for when there is no `preprocessing`; pictures are
  /// stretched.
  public var size: Int?
  /// `"color"`: the channels of inputs, for when there is no `preprocessing`: `rgb`, `bgr`, `grey`.
  public var color: Preprocessing.ColorOrder?
  /// `"normalization"`: computed from the opened part; `unit`, `standard` or `mean_image`.
  public var normalization: PixelNormalization?
  /// `"classes"`: the classes to take from pictures in files and mixtures, in label order.
  public var classes: [String]?
  /// `"exclude"`: pictures in files to leave out, by their paths in the data set, as in
  /// `train/cat/17.jpg`; a path that no picture has is an error.
  public var exclude: [String] = []
  /// `"root"`: the folder or archive in which the files of a table are, or the folder of the data
  /// sets of a mixture, which they may not lead out of; nil for the folder that the table or mixture
  /// is in, and data anywhere.
  public var root: String?
  /// `"columns"`: the columns of a table that hold `file`, `class`, `part`, `top`, `left`, `height`
  /// (or `bottom`) and `width` (or `right`), where their names are others.
  ///
  /// The file may be a pattern, as in `images/{name}.jpg`.
  public var columns: [String: String] = [:]
  /// `"start"`: the smallest number to take from named files.
  public var start: Int?
  /// `"limit"`: the most samples of each class.
  public var limit: Int?
  /// `"max_count"`: the most samples in all, the first ones.
  public var maximumCount: Int?
  /// `"validation_count"`: how many samples at the end of the training part are the validation
  /// part, for `cifar10`, `mnist` and `digits`. (The original keeps 1,000 of CIFAR-10.)
  public var validationCount: Int = 0
  /// `"cache_bytes"`: the most bytes of decoded picture files to keep in memory.
  public var cacheBytes: Int = ImageFileDataset.defaultCacheBytes

  /// Creates options that leave everything to the data.
  public init() {}

  /// Reads options from JSON text.
  ///
  /// - Throws: `invalidArgument` for malformed text and numbers out of range, `unknownName` for a
  ///   key or a word that does not exist, with the nearest that does.
  public init(json: String) throws(CNNError) {
    self = try decodeStrictly(DatasetOptions.self, from: json, what: "dataset options")
    try validate()
  }

  /// Checks that numbers are in their ranges and options fit each other.
  ///
  /// - Throws: `invalidArgument`, naming the option.
  public func validate() throws(CNNError) {
    let limits: [(String, Int?, Int)] = [
      ("size", size, 1), ("start", start, 0), ("limit", limit, 1),
      ("max_count", maximumCount, 1), ("validation_count", validationCount, 0),
      ("cache_bytes", cacheBytes, 0),
    ]
    for (name, value, least) in limits {
      if let value, value < least {
        throw .invalidArgument(
          "dataset options: \(name) is \(value), and must be at least \(least)")
      }
    }
    if preprocessing != nil, size != nil || color != nil || normalization != nil {
      throw .invalidArgument(
        "dataset options: preprocessing says size, color and normalization itself; leave those "
          + "options out")
    }
  }
}

extension DatasetOptions: Decodable {
  private static let keys = [
    "format", "part", "preprocessing", "size", "color", "normalization", "classes", "exclude",
    "root", "columns", "start", "limit", "max_count", "validation_count", "cache_bytes",
  ]

  /// Reads options; unknown keys and words are errors.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of dataset options", valid: DatasetOptions.keys)
    self.init()
    format = try container.word("format", as: Format.self) ?? .auto
    part = try container.word("part", as: Part.self)
    preprocessing = try container.value("preprocessing", as: Preprocessing.self)
    size = try container.value("size", as: Int.self)
    color = try container.word("color", as: Preprocessing.ColorOrder.self)
    normalization = try container.word("normalization", as: PixelNormalization.self)
    classes = try container.value("classes", as: [String].self)
    exclude = try container.value("exclude", default: [])
    root = try container.value("root", as: String.self)
    columns = try container.value("columns", default: [:])
    start = try container.value("start", as: Int.self)
    limit = try container.value("limit", as: Int.self)
    maximumCount = try container.value("max_count", as: Int.self)
    validationCount = try container.value("validation_count", default: 0)
    cacheBytes = try container.value(
      "cache_bytes", default: ImageFileDataset.defaultCacheBytes)
  }
}
