public import CNNImaging
public import CNNLayerKit

/// A data set whose inputs are made from pictures by a `Preprocessing`.
public protocol PictureDataset: Dataset {
  /// Returns the picture of sample `index` in 8 bits per channel, before its preprocessing.
  ///
  /// Pictures of an `ImageDataset` already have the preprocessing's size and colours.
  /// - Throws: `invalidArgument` for an index that does not exist, and what reading a file throws.
  func image(at index: Int) throws(CNNError) -> Image

  /// Returns the same pictures and labels with another preprocessing.
  ///
  /// - Throws: `invalidArgument` if the pictures cannot be brought into that form, `outOfMemory`.
  func replacing(_ preprocessing: Preprocessing) throws(CNNError) -> any PictureDataset
}

/// How pixels are centred and scaled before a network sees them.
public enum PixelNormalization: String, Sendable, CaseIterable {
  /// From 0 to 1: divided by 255.
  case unit
  /// Divided by 255; then each channel gets mean 0 and deviation 1 over the training pictures.
  case standard
  /// Divided by 255; then the mean of all training pictures is subtracted.
  case meanImage = "mean_image"
}

extension Dataset {
  /// Returns the preprocessing that normalises these pictures, computed from all of them.
  ///
  /// Compute it from the training pictures, and give the result to the other parts and the model.
  /// - Throws: `unsupported` for data that is no pictures or has none; what reading throws.
  public func preprocessing(
    normalizing normalization: PixelNormalization
  ) throws(CNNError) -> Preprocessing {
    guard let current = preprocessing, count > 0 else {
      throw CNNError(
        .unsupported,
        "normalization \"\(normalization.rawValue)\" needs a data set of pictures, and at least one"
      )
    }
    let plain = try current.withNormalization()
    let pictures = try applying(plain)
    switch normalization {
    case .unit:
      return plain
    case .standard:
      let (mean, deviation) = try channelStatistics(of: pictures, channels: current.channels)
      return try current.withNormalization(mean: mean, standardDeviation: deviation)
    case .meanImage:
      return try current.withNormalization(meanImage: try meanPicture(of: pictures))
    }
  }

  /// Returns the same samples with another preprocessing.
  ///
  /// - Throws: `unsupported` if this is neither a data set of pictures nor a subset of one, or what
  ///   converting throws.
  public func applying(_ preprocessing: Preprocessing) throws(CNNError) -> any Dataset {
    if self.preprocessing == preprocessing { return self }
    if let pictures = self as? any PictureDataset { return try pictures.replacing(preprocessing) }
    if let subset = self as? Subset { return try subset.replacing(preprocessing) }
    throw CNNError(
      .unsupported, "a preprocessing needs a data set of pictures, this one holds numbers")
  }
}

extension Subset {
  /// Returns the same samples of the base with another preprocessing.
  ///
  /// - Throws: `unsupported` if the base is no data set of pictures, or what converting throws.
  public func replacing(_ preprocessing: Preprocessing) throws(CNNError) -> Subset {
    rebased(on: try base.applying(preprocessing))
  }
}

extension Preprocessing {
  /// The same with pixels divided by 255 and normalised so.
  func withNormalization(
    mean: [Float]? = nil, standardDeviation: [Float]? = nil, meanImage: [Float]? = nil
  ) throws(CNNError) -> Preprocessing {
    try Preprocessing(
      width: width, height: height, color: color, resize: resize, filter: filter, mean: mean,
      standardDeviation: standardDeviation, meanImage: meanImage)
  }
}

private func channelStatistics(
  of pictures: any Dataset, channels: Int
) throws(CNNError) -> (mean: [Float], deviation: [Float]) {
  let sample = try FloatBuffer(count: pictures.sampleShape.count, for: "a picture")
  var sums = [Double](repeating: 0, count: channels)
  var squares = [Double](repeating: 0, count: channels)
  for index in 0..<pictures.count {
    try pictures.read(index, into: sample.elements, augmentation: nil)
    for c in 0..<channels {
      var sum = 0.0
      var square = 0.0
      for i in stride(from: c, to: sample.count, by: channels) {
        let value = Double(sample.pointer[i])
        sum += value
        square += value * value
      }
      sums[c] += sum
      squares[c] += square
    }
  }
  let count = Double(pictures.count) * Double(sample.count / channels)
  let means = sums.map { $0 / count }
  let deviations = zip(squares, means).map { square, mean in
    // One grey for all pictures: dividing by 1 leaves 0.
    let variance = max(0, square / count - mean * mean)
    return variance > 1e-12 ? Float(variance.squareRoot()) : 1
  }
  return (means.map { Float($0) }, deviations)
}

private func meanPicture(of pictures: any Dataset) throws(CNNError) -> [Float] {
  let sample = try FloatBuffer(count: pictures.sampleShape.count, for: "a picture")
  let sums = try BudgetedBuffer<Double>(count: sample.count, for: "the mean picture")
  defer { extendLifetime(sums) }
  for index in 0..<pictures.count {
    try pictures.read(index, into: sample.elements, augmentation: nil)
    for i in 0..<sample.count { sums.pointer[i] += Double(sample.pointer[i]) }
  }
  return sums.elements.map { Float($0 / Double(pictures.count)) }
}
