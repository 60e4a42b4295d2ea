public import CNNGraph
public import CNNImaging
public import CNNLayerKit

/// Shows which places of a picture made a model decide as it did.
///
/// ```swift
/// let explainer = try Explainer(model)  // with CNNKit
/// let explanation = try explainer.explain(try Image(contentsOf: "photo.jpg"))
/// try explanation.overlay().writePNG(to: "photo.grad_cam.png")
/// ```
///
/// The model is only read. Any number of threads may use one explainer at the same time.
public final class Explainer: Sendable {
  /// Which class is to be explained.
  public enum Choice: Hashable, Sendable {
    /// The one that the model finds likeliest.
    case likeliest
    /// The one with a number, from 0.
    case index(Int)
    /// The one with a name.
    case name(String)
  }

  /// Returns the probabilities of all classes for a picture that has the size of the network's input
  /// (`Preprocessing.resized`).
  public typealias Probabilities = @Sendable (Image) throws(CNNError) -> [Float]

  /// The model.
  public let model: Model
  /// How pictures become the model's input.
  public let preprocessing: Preprocessing
  let scores: ClassScores
  let sessions: SessionPool
  let gradients: GradientSessionPool
  private let probabilities: Probabilities?

  /// Checks that a model takes pictures and gives one number for each class.
  ///
  /// - Parameters:
  ///   - model: The model; its first output is explained.
  ///   - preprocessing: How pictures become the model's input.
  ///   - sessions: Where sessions to predict with come from; nil for a pool of its own.
  ///   - probabilities: What recognises pictures, so that the answer is the same; nil for the softmax
  ///     of the model's output.
  /// - Throws: `unsupported`, or `shapeMismatch` if the preprocessing does not fit the input.
  public init(
    model: Model, preprocessing: Preprocessing, sessions: SessionPool? = nil,
    probabilities: Probabilities? = nil
  ) throws(CNNError) {
    self.model = model
    self.preprocessing = preprocessing
    self.sessions = sessions ?? SessionPool(model: model)
    self.probabilities = probabilities
    gradients = GradientSessionPool(model: model)
    let network = model.network
    guard network.inputs.count == 1, let input = network.tensors[0].shape.image else {
      throw CNNError(
        .unsupported,
        "pictures need a model with one input of shape [height, width, 1 or 3]; this one takes "
          + network.inputs.map { network.tensors[$0].shape.description }.joined(separator: ", "))
    }
    guard input == (preprocessing.height, preprocessing.width, preprocessing.channels) else {
      throw .shapeMismatch(
        "the preprocessing gives [\(preprocessing.height), \(preprocessing.width), "
          + "\(preprocessing.channels)], the model's input is \(network.tensors[0].shape)")
    }
    scores = try ClassScores(network)
  }

  /// Explains a decision about a picture of any size.
  ///
  /// - Parameters:
  ///   - photo: The picture.
  ///   - method: How to look; Grad-CAM unless given.
  ///   - choice: Which class; the likeliest unless given.
  /// - Throws: `invalidArgument` or `unknownName` for a class that there is not, or what
  ///   `HeatmapMethod.heatmap(of:)` throws.
  public func explain(
    _ photo: Image, by method: any HeatmapMethod = GradCAM(), for choice: Choice = .likeliest
  ) throws(CNNError) -> Explanation {
    try explain(photo, seen: try preprocessing.resized(photo), by: method, for: choice)
  }

  /// Explains a decision about a PNG or JPEG file.
  ///
  /// The answer is that of `Recognizer.classes(ofPictureAt:most:)`, which decodes large JPEG files only
  /// so far as the network needs them; the map lies over the whole photo.
  /// - Throws: `inputOutput` or `malformedData` for a picture that cannot be read, else as there.
  public func explain(
    pictureAt path: String, by method: any HeatmapMethod = GradCAM(),
    for choice: Choice = .likeliest
  ) throws(CNNError) -> Explanation {
    let contents = try readFile(path: path, limit: Image.Limits.default.maximumFileBytes)
    let photo: Image
    let seen: Image
    do throws(CNNError) {
      (photo, seen) = try contents.withUnsafeBytes { (bytes) throws(CNNError) in
        (try Image(decoding: bytes), try preprocessing.resized(decoding: bytes))
      }
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
    return try explain(photo, seen: seen, by: method, for: choice)
  }

  /// - Parameter seen: The photo as it was brought to the network's size.
  private func explain(
    _ photo: Image, seen: Image, by method: any HeatmapMethod, for choice: Choice
  ) throws(CNNError) -> Explanation {
    let shares = try classProbabilities(of: seen)
    let index = try classIndex(choice, shares)
    let decision = try Decision(self, photo: photo, seen: seen, classIndex: index)
    let (map, score) = try method.heatmap(of: decision)
    let names = model.classNames
    let strongest = map.quantile(above: method.clippedShare)
    return Explanation(
      method: type(of: method).name, classIndex: index,
      label: names.indices.contains(index) ? names[index] : "", probability: shares[index],
      score: score, map: try map.projected(onto: photo, through: preprocessing),
      strongest: strongest > 0 ? strongest : map.maximum, photo: photo)
  }

  /// Releases the memory of sessions that nobody uses.
  public func releaseIdleSessions() {
    sessions.releaseIdleSessions()
    gradients.releaseIdleSessions()
  }

  private func classProbabilities(of seen: Image) throws(CNNError) -> [Float] {
    let found: [Float]
    if let probabilities {
      found = try probabilities(seen)
    } else {
      found = try sessions.withSession(batch: 1) { session throws(CNNError) in
        let input = try session.input()
        try preprocessing.normalize(
          seen, into: UnsafeMutableBufferPointer(rebasing: input[..<preprocessing.outputCount]))
        try session.run(batch: 1)
        return try scores.probabilities(try session.output())
      }
    }
    guard found.count == scores.count, found.allSatisfy(\.isFinite) else {
      throw CNNError(
        .nonFinite, "the model's output for this picture is infinite or not a number")
    }
    return found
  }

  private func classIndex(_ choice: Choice, _ shares: [Float]) throws(CNNError) -> Int {
    switch choice {
    case .likeliest:
      // Equally likely ones in the order of their numbers.
      return shares.indices.max { (shares[$0], $1) < (shares[$1], $0) } ?? 0
    case .index(let index):
      guard shares.indices.contains(index) else {
        throw .invalidArgument(
          "the class is \(index), and the model has \(shares.count) classes, numbered from 0")
      }
      return index
    case .name(let name):
      let names = model.classNames
      guard let index = names.firstIndex(of: name), shares.indices.contains(index) else {
        guard !names.isEmpty else {
          throw CNNError(
            .unknownName,
            "the class \"\(name)\" cannot be found, because the model's classes have no names; give "
              + "its number, from 0 to \(shares.count - 1)")
        }
        throw .unknownName("class", name, valid: names)
      }
      return index
    }
  }
}
