public import CNNGraph
public import CNNImaging
public import CNNLayerKit

extension Model {
  /// Returns how pictures become the input of this model.
  ///
  /// - Returns: What the model carries, or, for a model that carries nothing and has one input of 1
  ///   or 3 channels: stretched to the input's size and divided by 255.
  /// - Throws: `unsupported` for a model that takes no pictures, `malformedData` if what the model
  ///   carries is no preprocessing, `shapeMismatch` if it does not fit the input.
  public func preprocessing() throws(CNNError) -> Preprocessing {
    let image = try pictureInput()
    guard let text = metadata[Model.preprocessingKey] else {
      return try Preprocessing(
        width: image.width, height: image.height, color: image.channels == 1 ? .grey : .rgb)
    }
    let preprocessing: Preprocessing
    do throws(CNNError) {
      preprocessing = try Preprocessing(json: text)
    } catch {
      throw error.prefixed(by: "the model's metadata")
    }
    try check(preprocessing, fits: image)
    return preprocessing
  }

  /// Sets how pictures become the input of this model.
  ///
  /// - Throws: `unsupported` for a model that takes no pictures, `shapeMismatch` if the result does
  ///   not fit the input.
  public func setPreprocessing(_ preprocessing: Preprocessing) throws(CNNError) {
    try check(preprocessing, fits: try pictureInput())
    metadata[Model.preprocessingKey] = try preprocessing.json()
  }

  /// Whether the model carries a preprocessing of its own.
  public var hasPreprocessing: Bool { metadata[Model.preprocessingKey] != nil }

  private func pictureInput() throws(CNNError) -> (height: Int, width: Int, channels: Int) {
    guard network.inputs.count == 1, let image = network.tensors[0].shape.image,
      image.channels == 1 || image.channels == 3
    else {
      let shapes = network.inputs.map { network.tensors[$0].shape.description }
      throw CNNError(
        .unsupported,
        "pictures need a model with one input of shape [height, width, 1 or 3]; this one takes "
          + shapes.joined(separator: ", "))
    }
    return image
  }

  private func check(
    _ preprocessing: Preprocessing, fits image: (height: Int, width: Int, channels: Int)
  ) throws(CNNError) {
    guard preprocessing.height == image.height, preprocessing.width == image.width,
      preprocessing.channels == image.channels
    else {
      throw .shapeMismatch(
        "the preprocessing gives [\(preprocessing.height), \(preprocessing.width), "
          + "\(preprocessing.channels)], the model's input is [\(image.height), \(image.width), "
          + "\(image.channels)]")
    }
  }
}
