public import CNNLayerKit

/// How the output of a model becomes probabilities of classes.
///
/// Kept in the model (`Model.setRecognition(_:)`) and in its file, and used wherever a picture
/// becomes probabilities: in recognising, in evaluation and in calibration. Training and plain
/// forward passes are not concerned.
public struct Recognition: Hashable, Sendable {
  /// What the logits are divided by before the softmax: finite, above 0.
  ///
  /// Above 1 the probabilities are more even, below 1 more extreme; the order of the classes stays.
  /// See Guo et al., On Calibration of Modern Neural Networks, 2017.
  public let temperature: Double

  /// Whether the probabilities are those of the mean of the logits of a picture and of its mirror
  /// image (left and right exchanged).
  ///
  /// Costs a second forward pass.
  public let averageFlips: Bool

  /// Describes how probabilities are computed; by default the plain softmax.
  ///
  /// - Throws: `invalidArgument` for a temperature that is not finite or not above 0.
  public init(temperature: Double = 1, averageFlips: Bool = false) throws(CNNError) {
    guard temperature.isFinite, temperature > 0 else {
      throw .invalidArgument(
        "the temperature of recognition is finite and above 0, got \(temperature)")
    }
    self.temperature = temperature
    self.averageFlips = averageFlips
  }

  private init() {
    temperature = 1
    averageFlips = false
  }

  /// The softmax of the logits as they are.
  public static let plain = Recognition()

  private static let keys = ["temperature", "average_flips"]

  /// Reads a description from JSON text: an object with `temperature` (default 1) and
  /// `average_flips` (default false).
  ///
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for other keys,
  ///   `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let members = try JSONText.parseObject(json, "recognition")
    for key in members.keys.sorted() where !Recognition.keys.contains(key) {
      throw .unknownName("recognition key", key, valid: Recognition.keys)
    }
    var temperature = 1.0
    if let value = members["temperature"], value != .null {
      guard let number = value.asNumber else {
        throw .invalidArgument(
          "recognition: \"temperature\" must be a number above 0, got \(value)")
      }
      temperature = number
    }
    var averageFlips = false
    if let value = members["average_flips"], value != .null {
      guard let boolean = value.asBoolean else {
        throw .invalidArgument("recognition: \"average_flips\" must be true or false, got \(value)")
      }
      averageFlips = boolean
    }
    try self.init(temperature: temperature, averageFlips: averageFlips)
  }

  /// The description as JSON text, which `init(json:)` reads back.
  public var json: String {
    JSONText.write(["average_flips": .boolean(averageFlips), "temperature": .number(temperature)])
  }

  /// The same with one or both settings replaced.
  ///
  /// - Throws: `invalidArgument` for a temperature that is not finite or not above 0.
  package func replacing(
    temperature: Double?, averageFlips: Bool?
  ) throws(CNNError) -> Recognition {
    try Recognition(
      temperature: temperature ?? self.temperature,
      averageFlips: averageFlips ?? self.averageFlips)
  }
}

extension Model {
  /// The key under which `metadata` holds how outputs become probabilities.
  public static let recognitionKey = "recognition"

  /// Returns how the output becomes probabilities; the plain softmax if nothing was set.
  ///
  /// - Throws: `malformedData`, `unknownName` or `invalidArgument` if what the model carries is no
  ///   such description.
  public func recognition() throws(CNNError) -> Recognition {
    guard let text = metadata[Model.recognitionKey] else { return .plain }
    do throws(CNNError) { return try Recognition(json: text) } catch {
      throw error.prefixed(by: "the model's metadata")
    }
  }

  /// Sets how the output becomes probabilities.
  ///
  /// - Throws: `unsupported` if mirror images are asked for and the model does not take one picture
  ///   and give one number for each class.
  public func setRecognition(_ recognition: Recognition) throws(CNNError) {
    _ = try ClassProbabilities(network, recognition: recognition)
    metadata[Model.recognitionKey] = recognition == .plain ? nil : recognition.json
  }
}
