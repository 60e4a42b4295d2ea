public import CNNData
public import CNNGraph
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

  /// The defaults: softmax cross-entropy of the first output, batches of 64.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: `batch_size`, `loss`, `top`, `workers`.
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys and
  ///   names, `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let options = try OptionReader(
      JSONText.parseObject(json, "the options"), valid: ["batch_size", "loss", "top", "workers"])
    batchSize = try options.integer("batch_size", from: 1) ?? batchSize
    if let value = options.value("loss") { losses = try LossSpecification.list(from: value) }
    top = try options.integer("top", from: 1) ?? top
    workers = try options.integer("workers", from: 0) ?? workers
  }
}

/// Judges a model on a data set, without changing it.
///
/// - Throws: `shapeMismatch` and the like if the data does not fit the model, what reading samples
///   throws, `nonFinite` if the loss is infinite or not a number, `busy` while the model is trained.
public func evaluate(
  _ model: Model, on dataset: any Dataset, options: EvaluationOptions = EvaluationOptions()
) throws(CNNError) -> Metrics {
  try Evaluator(model, dataset: dataset, options: options, what: "the data set").run()
}

/// Memory to judge a model on one data set again and again.
///
/// Safety: used by one thread at a time.
final class Evaluator {
  private let heads: [LossHead]
  private let binding: TargetBinding
  private let loader: BatchLoader
  private let session: Session
  private let top: Int

  init(
    _ model: Model, dataset: any Dataset, options: EvaluationOptions, what: String
  ) throws(CNNError) {
    guard options.batchSize >= 1, options.top >= 1 else {
      throw .invalidArgument(
        "\"batch_size\" and \"top\" are at least 1, got \(options.batchSize) and \(options.top)")
    }
    let batchSize = min(options.batchSize, max(1, dataset.count))
    heads = try LossHead.heads(options.losses, network: model.network, capacity: batchSize)
    binding = try TargetBinding(heads, network: model.network, dataset: dataset, what: what)
    loader = try BatchLoader(
      dataset, batchSize: batchSize, shuffle: false, workers: options.workers)
    session = try Session(model: model, capacity: batchSize)
    top = options.top
  }

  func run() throws(CNNError) -> Metrics {
    var sums = EvaluationSums(heads, top: top)
    try loader.startEpoch(0)
    while let batch = try loader.next() {
      try session.setInput(0, batch.inputs)
      try session.run(batch: batch.count)
      try binding.bind(batch)
      for index in heads.indices {
        guard let output = try session.output(heads[index].outputIndex).baseAddress else {
          continue
        }
        let loss = try heads[index].evaluate(batch: batch.count, output: output, gradient: nil)
        sums.losses[index] += loss * Double(batch.count)
        let labels = heads[index].labels
        if let labels, sums.accuracyHead ?? index == index {
          sums.accuracyHead = index
          let predicted = try heads[index].predict(batch: batch.count, output: output)
          sums.count(
            heads[index], rows: batch.count * heads[index].positions, output, predicted, labels)
        }
      }
      sums.samples += batch.count
    }
    return try sums.metrics(heads)
  }
}

/// What an evaluation has counted so far.
private struct EvaluationSums {
  var samples = 0
  var losses: [Double]
  /// The first head that is compared with classes.
  var accuracyHead: Int?
  private let top: Int
  private var positions = 0
  private var correct = 0
  private var inTop = 0
  private var confusion: [[Int]]?

  init(_ heads: [LossHead], top: Int) {
    losses = [Double](repeating: 0, count: heads.count)
    self.top = top
  }

  mutating func count(
    _ head: LossHead, rows: Int, _ output: UnsafePointer<Float>,
    _ predicted: UnsafePointer<Int32>, _ labels: UnsafePointer<Int32>
  ) {
    let classes = head.classes
    if confusion == nil, classes <= Metrics.largestConfusion {
      confusion = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    }
    for row in 0..<rows {
      let label = Int(labels[row])
      let answer = Int(predicted[row])
      // A loss of the caller's own may let labels pass that are no classes.
      guard label >= 0, label < classes else { continue }
      positions += 1
      if label == answer { correct += 1 }
      confusion?[label][answer] += 1
      let scores = output + row * classes
      // As in sorting: of equal scores the one of the lower class comes first.
      var better = 0
      for other in 0..<classes
      where scores[other] > scores[label] || (scores[other] == scores[label] && other < label) {
        better += 1
      }
      if better < top { inTop += 1 }
    }
  }

  func metrics(_ heads: [LossHead]) throws(CNNError) -> Metrics {
    var metrics = Metrics()
    metrics.count = samples
    metrics.top = top
    for (head, sum) in zip(heads, losses) {
      let loss = sum / Double(max(1, samples))
      guard loss.isFinite else {
        throw CNNError(
          .nonFinite,
          "the loss of output \"\(head.outputName)\" over the data set is \(loss): parameters, "
            + "inputs or targets hold numbers that are too large or no numbers")
      }
      metrics.losses[head.outputName] = loss
      metrics.loss += head.weight * loss
    }
    if let accuracyHead, positions > 0 {
      metrics.top = min(top, heads[accuracyHead].classes)
      metrics.accuracy = Double(correct) / Double(positions)
      metrics.topAccuracy = Double(inTop) / Double(positions)
      metrics.confusion = confusion
    }
    return metrics
  }
}
