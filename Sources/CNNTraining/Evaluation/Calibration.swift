public import CNNData
public import CNNGraph
public import CNNLayerKit

/// How to calibrate a model.
public struct CalibrationOptions: Hashable, Sendable {
  /// The number of samples that are run at a time, at least 1.
  public var batchSize = 64
  /// How many background threads read samples, from 0 to 64.
  public var workers = 1
  /// Whether probabilities shall be those of the mean logits of a picture and its mirror image; nil
  /// for what the model says.
  public var averageFlips: Bool?

  /// The defaults.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: `batch_size`, `workers`, `average_flips`.
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys,
  ///   `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let options = try OptionReader(
      JSONText.parseObject(json, "the options"), valid: ["batch_size", "workers", "average_flips"])
    batchSize = try options.integer("batch_size", from: 1) ?? batchSize
    workers = try options.integer("workers", from: 0) ?? workers
    averageFlips = try options.boolean("average_flips")
  }
}

/// What a calibration has found.
public struct CalibrationReport: Hashable, Sendable {
  /// How probabilities were computed before.
  public let oldRecognition: Recognition
  /// How they are computed now.
  public let recognition: Recognition
  /// How good the probabilities were.
  public let before: ClassificationMetrics
  /// How good they are now.
  public let after: ClassificationMetrics

  /// The report as a JSON object.
  ///
  /// Keys: `temperature` and `average_flips`, as they are now; `count`; and `before` and `after`, both
  /// objects with `temperature`, `average_flips`, and the keys that `Metrics.json` has for answers.
  public var json: String {
    JSONText.write([
      "temperature": .number(recognition.temperature),
      "average_flips": .boolean(recognition.averageFlips), "count": .integer(after.count),
      "before": CalibrationReport.value(before, oldRecognition),
      "after": CalibrationReport.value(after, recognition),
    ])
  }

  private static func value(
    _ metrics: ClassificationMetrics, _ recognition: Recognition
  ) -> AttributeValue {
    .object(
      ClassificationMetrics.members(of: metrics).merging([
        "temperature": .number(recognition.temperature),
        "average_flips": .boolean(recognition.averageFlips),
      ]) { $1 })
  }
}

/// Finds the temperature at which the probabilities of a model fit data that it was not trained on,
/// and stores it in the model.
///
/// The temperature T minimises the mean of −log softmax(logits / T) at the true class (Guo et al.,
/// On Calibration of Modern Neural Networks, 2017). It changes how sure the model says it is, and
/// never which class is the likeliest. The same data gives the same bits, whatever the number of
/// threads. Nothing else of the model changes.
///
/// - Parameter dataset: Held-out samples with classes, which are matched with those of the model as in
///   `evaluate(_:on:options:)`. What was trained on would make the model too sure.
/// - Throws: `unsupported` for a model without one number for each class; `invalidArgument` if no
///   temperature from 0.01 to 100 is best, as where every answer is right; and as `evaluate`. Then the
///   model is as it was.
@discardableResult
public func calibrate(
  _ model: Model, on dataset: any Dataset, options: CalibrationOptions = CalibrationOptions()
) throws(CNNError) -> CalibrationReport {
  let output = model.network.tensors[model.network.outputs[0]]
  guard output.shape.rank == 1 else {
    throw CNNError(
      .unsupported,
      "calibration needs a model that gives one number for each class; the output "
        + "\"\(output.name)\" has the shape \(output.shape)")
  }
  let old = try model.recognition()
  let measured = try old.replacing(temperature: nil, averageFlips: options.averageFlips)
  var evaluation = EvaluationOptions()
  evaluation.batchSize = options.batchSize
  evaluation.workers = options.workers
  let selection = try MatchedClasses.select(nil, of: dataset, modelNames: model.classNames)
  func run(_ recognition: Recognition, _ record: AnswerRecord?) throws(CNNError) -> Metrics {
    try Evaluator(
      model, selection: selection, options: evaluation, recognition: recognition,
      what: "the calibration data"
    ).run(recording: record)
  }
  let record = try AnswerRecord(samples: dataset.count, classes: output.shape.count)
  let before = try run(measured, record)
  let temperature = try TemperatureFit(record).best()
  let new = try measured.replacing(temperature: temperature, averageFlips: nil)
  let after = record.metrics(
    try ClassProbabilities(model.network, recognition: new), top: evaluation.top)
  let plain = old == measured ? before : try run(old, nil)
  guard let classification = plain.classification else {
    throw .invalidArgument("the calibration data has no classes")
  }
  try model.setRecognition(new)
  return CalibrationReport(
    oldRecognition: old, recognition: new, before: classification, after: after)
}
