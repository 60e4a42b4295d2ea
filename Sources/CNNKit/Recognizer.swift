public import CNNGraph
public import CNNImaging
public import CNNLayerKit

/// Says what pictures show, by a model that gives one number for each class.
///
/// ```swift
/// let recognizer = try Recognizer(model)
/// for answer in try recognizer.classes(of: try Image(contentsOf: "photo.jpg"), most: 5) {
///   print(answer.label, answer.probability)
/// }
/// ```
///
/// Preprocessing, temperature and averaged flips are those that the model had when the recognizer
/// was made. Any number of threads may use one at the same time.
public final class Recognizer: Sendable {
  /// One of the classes that a picture may show.
  public struct Answer: Hashable, Sendable {
    /// The number of the class, from 0.
    public let index: Int
    /// The name of the class; empty if the model has none.
    public let label: String
    /// How likely the class is; over all classes the probabilities add up to 1.
    public let probability: Float
  }

  /// The model.
  public let model: Model
  /// How pictures become the model's input.
  public let preprocessing: Preprocessing
  /// How the model's output becomes probabilities.
  public let recognition: Recognition
  private let sessions: SessionPool
  private let rule: ClassProbabilities

  /// Checks that a model takes pictures and gives one number for each class.
  ///
  /// - Parameters:
  ///   - model: The model; its first output is used.
  ///   - sessions: Where sessions come from; nil for a pool of its own.
  /// - Throws: `unsupported`, or what `Model.preprocessing` and `Model.recognition` throw.
  public init(_ model: Model, sessions: SessionPool? = nil) throws(CNNError) {
    self.model = model
    self.sessions = sessions ?? SessionPool(model: model)
    preprocessing = try model.preprocessing()
    recognition = try model.recognition()
    let network = model.network
    let output = network.tensors[network.outputs[0]]
    guard output.shape.rank == 1 else {
      throw CNNError(
        .unsupported,
        "recognising needs a model that gives one number for each class; the output "
          + "\"\(output.name)\" has the shape \(output.shape)")
    }
    rule = try ClassProbabilities(network, recognition: recognition)
  }

  /// Returns the probability of each class for a picture of any size.
  ///
  /// The model's output is taken as probabilities where its last layer is a softmax, otherwise as
  /// logits; `recognition` says what else happens to it.
  /// - Throws: `nonFinite` if the output is infinite or not a number, `outOfMemory`, `busy`.
  public func probabilities(of image: Image) throws(CNNError) -> [Float] {
    try probabilities(ofResized: try preprocessing.resized(image))
  }

  /// Returns the likeliest classes of a picture of any size, likeliest first; equally likely ones in
  /// the order of their numbers.
  ///
  /// - Throws: As `probabilities(of:)`.
  public func classes(of image: Image, most count: Int) throws(CNNError) -> [Answer] {
    try classes(ofResized: try preprocessing.resized(image), most: count)
  }

  /// Returns the likeliest classes of a PNG or JPEG file; see `classes(of:most:)`.
  ///
  /// The file is decoded so far as the model needs it (see `Preprocessing.resized(decoding:limits:)`),
  /// so for large JPEG files the answer comes sooner, and differs in the last digits from that for the
  /// picture that was loaded as a whole.
  /// - Throws: `inputOutput` or `malformedData` for a picture that cannot be read, else as there.
  public func classes(
    ofPictureAt path: String, most count: Int
  ) throws(CNNError) -> [Answer] {
    try classes(ofResized: try preprocessing.resized(contentsOf: path), most: count)
  }

  /// Returns the likeliest classes of a PNG or JPEG file in memory; the same as for the file.
  ///
  /// - Throws: `malformedData` for bytes that are no such picture, else as there.
  public func classes(
    ofPictureIn bytes: UnsafeRawBufferPointer, most count: Int
  ) throws(CNNError) -> [Answer] {
    try classes(ofResized: try preprocessing.resized(decoding: bytes), most: count)
  }

  /// The same for a picture that has the input's size.
  package func classes(ofResized image: Image, most count: Int) throws(CNNError) -> [Answer] {
    let probabilities = try probabilities(ofResized: image)
    let order = probabilities.indices.sorted {
      (probabilities[$1], $0) < (probabilities[$0], $1)
    }
    let names = model.classNames
    return order.prefix(max(0, count)).map { index in
      Answer(
        index: index, label: names.indices.contains(index) ? names[index] : "",
        probability: probabilities[index])
    }
  }

  private func probabilities(ofResized image: Image) throws(CNNError) -> [Float] {
    try sessions.withSession(batch: 1) { session throws(CNNError) in
      let input = try session.input()
      try preprocessing.normalize(
        image, into: UnsafeMutableBufferPointer(rebasing: input[..<preprocessing.outputCount]))
      try session.run(batch: 1)
      let output = Array(try session.output())
      guard recognition.averageFlips, let start = input.baseAddress else {
        return try rule.probabilities(of: output)
      }
      mirrorColumns(
        of: start, height: preprocessing.height, width: preprocessing.width,
        channels: preprocessing.channels, count: 1)
      try session.run(batch: 1)
      return try rule.probabilities(of: output, mirrored: Array(try session.output()))
    }
  }
}
