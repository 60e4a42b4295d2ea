public import CNNImaging
public import CNNLayerKit

/// MNIST and other data sets in its format: grey pictures and labels in two idx files.
public enum MNIST {
  /// The parts of the data set.
  public enum Part: String, Sendable, CaseIterable {
    /// The pictures to learn from: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`.
    case train
    /// The pictures to be judged by: `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`.
    case test

    var prefix: String { self == .train ? "train" : "t10k" }
  }

  /// Reads one part from a folder that holds the official files, gzipped (`.gz`) or not.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - part: The part.
  ///   - preprocessing: How pictures become inputs; nil means dividing by 255.
  /// - Throws: `inputOutput` if a file is missing or cannot be read, `malformedData` if one is not
  ///   what it should be, `outOfMemory`.
  public static func load(
    folder: String, part: Part, preprocessing: Preprocessing? = nil
  ) throws(CNNError) -> ImageDataset {
    try load(
      images: try find("\(part.prefix)-images", "idx3-ubyte", in: folder),
      labels: try find("\(part.prefix)-labels", "idx1-ubyte", in: folder),
      preprocessing: preprocessing)
  }

  /// Reads a file of pictures and the file of their labels, gzipped or not.
  ///
  /// The classes are "0", "1", … up to the largest label, and at least ten.
  /// - Throws: `inputOutput` if a file cannot be read, `malformedData` if one is not what it should
  ///   be or the two disagree, `outOfMemory`.
  public static func load(
    images imagesPath: String, labels labelsPath: String, preprocessing: Preprocessing? = nil
  ) throws(CNNError) -> ImageDataset {
    let images = try IDX.read(path: imagesPath, rank: 3, what: "images")
    let labels = try IDX.read(path: labelsPath, rank: 1, what: "labels")
    do throws(CNNError) {
      return try combine(images: images, labels: labels, preprocessing: preprocessing)
    } catch {
      throw error.prefixed(by: "\"\(imagesPath)\"")
    }
  }

  /// Makes a data set of what two files hold, gzipped or not.
  ///
  /// - Throws: As `load`.
  public static func parse(
    images: ByteBuffer, labels: ByteBuffer, preprocessing: Preprocessing? = nil
  ) throws(CNNError) -> ImageDataset {
    try combine(
      images: try IDX.parse(images, rank: 3, what: "images"),
      labels: try IDX.parse(labels, rank: 1, what: "labels"), preprocessing: preprocessing)
  }

  /// Reads the training part and, after it, the test part.
  static func loadAll(folder: String) throws(CNNError) -> ImageDataset {
    let parts = try Part.allCases.map { (part) throws(CNNError) in
      try load(folder: folder, part: part)
    }
    guard parts[0].sampleShape == parts[1].sampleShape else {
      throw .malformedData(
        "\"\(folder)\": the pictures of the training part have the shape \(parts[0].sampleShape), "
          + "those of the test part \(parts[1].sampleShape)")
    }
    return try ImageDataset(joining: parts)
  }

  private static func combine(
    images: IDX.Contents, labels: IDX.Contents, preprocessing: Preprocessing?
  ) throws(CNNError) -> ImageDataset {
    guard images.sizes[0] == labels.sizes[0] else {
      throw .malformedData(
        "there are \(images.sizes[0]) images, and \(labels.sizes[0]) labels in the other file")
    }
    guard images.sizes.allSatisfy({ $0 >= 1 }) else {
      throw .malformedData(
        "the file holds \(images.sizes[0]) images of \(images.sizes[1]) x \(images.sizes[2]) "
          + "pixels; each number must be at least 1")
    }
    let pixels = try ByteBuffer(
      uninitializedCount: images.data.count, for: "\(images.sizes[0]) images")
    pixels.mutableBytes.copyMemory(from: images.data)
    let classes = try BudgetedBuffer<UInt16>(
      count: labels.sizes[0], for: "the labels of a data set")
    for (index, label) in labels.data.enumerated() { classes.pointer[index] = UInt16(label) }
    let largest = labels.data.max().map(Int.init) ?? 0
    return try ImageDataset(
      stored: PictureBlock(
        pixels: pixels, height: images.sizes[1], width: images.sizes[2], channels: 1),
      labels: classes, classNames: (0...max(9, largest)).map(String.init),
      preprocessing: preprocessing)
  }

  /// The path of the labels that belong to a file of pictures, by its name.
  static func labelsPath(of images: String) throws(CNNError) -> String {
    let slash = images.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folder = slash.map { String(images[..<$0]) } ?? "."
    let name = slash.map { images[images.index(after: $0)...] } ?? images[...]
    guard let kind = name.firstRange(of: "images") else {
      throw .invalidArgument(
        "the name of \"\(images)\" does not say where its labels are: it should contain \"images\", "
          + "as in train-images-idx3-ubyte")
    }
    return try find(String(name[..<kind.lowerBound]) + "labels", "idx1-ubyte", in: folder)
  }

  /// The path of an official file, whose name has a dot instead of the second hyphen at times.
  private static func find(
    _ name: String, _ kind: String, in folder: String
  ) throws(CNNError) -> String {
    for separator in ["-", "."] {
      for suffix in ["", ".gz"] {
        let path = "\(folder)/\(name)\(separator)\(kind)\(suffix)"
        if Folder.kind(of: path) == .file { return path }
      }
    }
    throw CNNError(
      .inputOutput,
      "\"\(folder)\" has neither \"\(name)-\(kind)\" nor \"\(name)-\(kind).gz\", which MNIST consists "
        + "of")
  }
}
