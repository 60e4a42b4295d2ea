public import CNNData
public import CNNGraph
public import CNNLayerKit

/// Judges a model on a data set, without changing it.
///
/// Probabilities are computed as in recognising: with the temperature and the mirror images that
/// `Model.recognition` or the options ask for. The classes of the data are matched with those of
/// the model by their names where the model knows all of them, otherwise by their numbers. A model
/// that ends in softmax (or, for a loss that applies it, sigmoid) is judged by the logarithms.
/// - Throws: `shapeMismatch` and the like if the data does not fit the model, what reading samples
///   throws, `unknownName` or `invalidArgument` for a choice of classes that does not exist,
///   `unsupported` if mirror images are asked for and the model does not take one picture,
///   `nonFinite` if the loss is infinite or not a number, `busy` while the model is trained.
public func evaluate(
  _ model: Model, on dataset: any Dataset, options: EvaluationOptions = EvaluationOptions()
) throws(CNNError) -> Metrics {
  let recognition = try model.recognition().replacing(
    temperature: options.temperature, averageFlips: options.averageFlips)
  // Class names are those of the first output.
  let isFirst = options.losses.first.map {
    $0.output == nil || $0.output == model.network.outputNames[0]
  }
  let selection = try MatchedClasses.select(
    options.classes, of: dataset, modelNames: isFirst == true ? model.classNames : [])
  return try Evaluator(
    model, selection: selection, options: options, recognition: recognition,
    what: "the data set"
  ).run()
}

/// Memory to judge a model on one data set again and again.
///
/// Safety: used by one thread at a time.
final class Evaluator {
  private let heads: [LossHead]
  private let binding: TargetBinding
  private let loader: BatchLoader
  private let session: Session
  private let options: EvaluationOptions
  private let selection: MatchedClasses.Selection
  private let rules: [ClassProbabilities]
  /// Where logits go that a loss is to see, for the outputs of layers that applied its function.
  private var logits: FloatBuffer?
  /// Where outputs are kept while the mirror images are run.
  private var plainOutput: FloatBuffer?

  /// Prepares to judge as training sees a model: without temperature and mirror images.
  convenience init(
    _ model: Model, dataset: any Dataset, options: EvaluationOptions, what: String
  ) throws(CNNError) {
    let selection = MatchedClasses.Selection(
      dataset: dataset, classes: nil, names: dataset.classNames)
    try self.init(
      model, selection: selection, options: options, recognition: .plain, what: what)
  }

  init(
    _ model: Model, selection: MatchedClasses.Selection, options: EvaluationOptions,
    recognition: Recognition, what: String
  ) throws(CNNError) {
    guard options.batchSize >= 1, options.top >= 1 else {
      throw .invalidArgument(
        "\"batch_size\" and \"top\" are at least 1, got \(options.batchSize) and \(options.top)")
    }
    let dataset = selection.dataset
    let batchSize = min(options.batchSize, max(1, dataset.count))
    self.selection = selection
    self.options = options
    heads = try LossHead.heads(
      options.losses, network: model.network, capacity: batchSize, allowsAppliedFunction: true)
    binding = try TargetBinding(heads, network: model.network, dataset: dataset, what: what)
    var rules: [ClassProbabilities] = []
    for head in heads {
      rules.append(
        try ClassProbabilities(model.network, output: head.outputIndex, recognition: recognition))
    }
    self.rules = rules
    loader = try BatchLoader(
      dataset, batchSize: batchSize, shuffle: false, workers: options.workers)
    session = try Session(model: model, capacity: batchSize)
  }

  /// Judges the model.
  ///
  /// - Parameter record: Where logits and classes of the answers are kept as well; nil for nowhere.
  func run(recording record: AnswerRecord? = nil) throws(CNNError) -> Metrics {
    var sums = EvaluationSums(
      heads.count, sources: selection.dataset.sourceNames.count, record: record)
    try loader.startEpoch(0)
    while let batch = try loader.next() {
      try session.setInput(0, batch.inputs)
      try session.run(batch: batch.count)
      try binding.bind(batch)
      for index in heads.indices {
        let head = heads[index]
        guard let output = try session.output(head.outputIndex).baseAddress else { continue }
        let loss = try head.evaluate(
          batch: batch.count, output: try lossInput(head, output, batch.count), gradient: nil)
        sums.losses[index] += loss * Double(batch.count)
        if head.labels != nil, sums.accuracyHead == nil { sums.accuracyHead = index }
      }
      if let index = sums.accuracyHead { try count(batch, heads[index], rules[index], &sums) }
      sums.samples += batch.count
    }
    return try metrics(sums)
  }

  /// What the loss is to see of an output: the output, or what its last layer was applied to.
  private func lossInput(
    _ head: LossHead, _ output: UnsafePointer<Float>, _ batch: Int
  ) throws(CNNError) -> UnsafePointer<Float> {
    guard let function = head.appliedFunction else { return output }
    let count = batch * head.shape.count
    let room = try FloatBuffer.reused(&logits, count: count, for: "the logits of a batch")
    function.invert(output, count: count, into: room)
    return UnsafePointer(room)
  }

  /// Counts the answers of a batch; runs the mirror images first where they are asked for.
  private func count(
    _ batch: Batch, _ head: LossHead, _ rule: ClassProbabilities, _ sums: inout EvaluationSums
  ) throws(CNNError) {
    guard let labels = head.labels, var output = try session.output(head.outputIndex).baseAddress
    else { return }
    var mirrored: UnsafeMutablePointer<Float>?
    if rule.recognition.averageFlips, let image = loader.dataset.sampleShape.image {
      let count = batch.count * head.shape.count
      let plain = try FloatBuffer.reused(&plainOutput, count: count, for: "the outputs of a batch")
      plain.update(from: output, count: count)
      output = plain
      // The batch is ours until the next one, and has served.
      mirrorColumns(
        of: batch.inputs, height: image.height, width: image.width, channels: image.channels,
        count: batch.count)
      try session.run(batch: batch.count)
      mirrored = try session.output(head.outputIndex).baseAddress
    }
    let chosen = selection.classes ?? Array(0..<head.classes)
    sums.start(classes: chosen.count, top: options.top)
    var places = [Int?](repeating: nil, count: head.classes)
    for (place, index) in chosen.enumerated() where places.indices.contains(index) {
      places[index] = place
    }
    var all = [Double](repeating: 0, count: head.classes)
    var some = [Double](repeating: 0, count: chosen.count)
    for row in 0..<batch.count * head.positions {
      let label = Int(labels[row])
      // A loss of the caller's own may let labels pass that are no classes.
      guard places.indices.contains(label), let place = places[label] else { continue }
      let sample = batch.sampleIndices[row / head.positions]
      let source = sums.hasSources ? try selection.dataset.source(of: sample) : nil
      all.withUnsafeMutableBufferPointer { all in
        guard let start = all.baseAddress else { return }
        rule.logits(
          of: output + row * head.classes, mirrored: mirrored.map { $0 + row * head.classes },
          into: start)
        for (place, index) in chosen.enumerated() { some[place] = all[index] }
      }
      some.withUnsafeMutableBufferPointer { sums.add($0, label: place, source: source, rule) }
    }
  }

  private func metrics(_ sums: EvaluationSums) throws(CNNError) -> Metrics {
    var metrics = Metrics()
    metrics.count = sums.samples
    metrics.top = options.top
    for (head, sum) in zip(heads, sums.losses) {
      let loss = sum / Double(max(1, sums.samples))
      guard loss.isFinite else { throw nonFinite("the loss", head, "is \(loss)") }
      metrics.losses[head.outputName] = loss
      metrics.loss += head.weight * loss
    }
    guard let index = sums.accuracyHead, let answers = sums.answers else { return metrics }
    guard !answers.isNonFinite else {
      throw nonFinite("the outputs", heads[index], "are infinite or not numbers")
    }
    metrics.recognition = rules[index].recognition
    guard answers.metrics.count > 0 else { return metrics }
    metrics.top = min(options.top, selection.classes?.count ?? heads[index].classes)
    metrics.classification = answers.metrics
    metrics.classNames = selection.names
    for (name, answers) in zip(selection.dataset.sourceNames, sums.sources) {
      metrics.sources.append(
        Metrics.SourceMetrics(name: name, classification: answers.metrics))
    }
    return metrics
  }

  private func nonFinite(_ what: String, _ head: LossHead, _ problem: String) -> CNNError {
    CNNError(
      .nonFinite,
      "\(what) of output \"\(head.outputName)\" over the data set \(problem): parameters, inputs or "
        + "targets hold numbers that are too large or no numbers")
  }
}

/// What an evaluation has counted so far.
private struct EvaluationSums {
  var samples = 0
  var losses: [Double]
  /// The first head that is compared with classes.
  var accuracyHead: Int?
  private(set) var answers: ClassificationSums?
  private(set) var sources: [ClassificationSums] = []
  private let sourceCount: Int
  private let record: AnswerRecord?

  init(_ heads: Int, sources: Int, record: AnswerRecord?) {
    self.record = record
    losses = [Double](repeating: 0, count: heads)
    sourceCount = sources
  }

  var hasSources: Bool { sourceCount > 0 }

  /// Makes ready to count answers, if that was not done before.
  mutating func start(classes: Int, top: Int) {
    guard answers == nil else { return }
    let empty = ClassificationSums(classes: classes, top: top)
    answers = empty
    sources = Array(repeating: empty, count: sourceCount)
  }

  mutating func add(
    _ logits: UnsafeMutableBufferPointer<Double>, label: Int, source: Int?,
    _ rule: ClassProbabilities
  ) {
    if let record, let start = logits.baseAddress, logits.count == record.classes {
      record.append(start, label: label)
    }
    let answer = Answer(logits, label: label, rule)
    answers?.add(answer)
    if let source, sources.indices.contains(source) { sources[source].add(answer) }
  }
}
