import CNNGraph
public import CNNLayerKit

/// How to judge a model.
public struct EvaluationOptions: Hashable, Sendable {
  /// The number of samples that are run at a time, at least 1.
  public var batchSize = 64
  /// The losses.
  public var losses = LossSpecification.defaults
  /// The k of the top-k accuracy, at least 1.
  public var top = 5
  /// How many background threads read samples, from 0 to 64.
  public var workers = 1
  /// The temperature of the probabilities, finite and above 0; nil for the model's own.
  public var temperature: Double?
  /// Whether probabilities are those of the mean logits of a picture and its mirror image; nil for
  /// what the model says.
  public var averageFlips: Bool?
  /// Names of the classes, at least two, to which samples and answers are restricted; nil for all.
  ///
  /// Samples of other classes are left out, and the probabilities of these classes are scaled so that
  /// they add up to 1: a model that knows cats, dogs and birds is judged as one that tells cats from
  /// dogs.
  public var classes: [String]?

  /// The defaults: softmax cross-entropy of the first output, batches of 64.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: `batch_size`, `loss`, `top`, `workers`, `temperature`, `average_flips`, `classes`.
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys and
  ///   names, `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let options = try OptionReader(
      JSONText.parseObject(json, "the options"),
      valid: [
        "batch_size", "loss", "top", "workers", "temperature", "average_flips", "classes",
      ])
    batchSize = try options.integer("batch_size", from: 1) ?? batchSize
    if let value = options.value("loss") { losses = try LossSpecification.list(from: value) }
    top = try options.integer("top", from: 1) ?? top
    workers = try options.integer("workers", from: 0) ?? workers
    temperature = try options.number(
      "temperature", in: 0...Double.greatestFiniteMagnitude, excludingLowest: true)
    averageFlips = try options.boolean("average_flips")
    classes = try options.strings("classes")
  }
}
