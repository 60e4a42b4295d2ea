import CNNData
import CNNGraph
import CNNLayerKit

/// One call of `Trainer.fit`.
final class TrainerRun {
  let options: TrainerOptions
  let training: Training
  let dataset: any Dataset
  var state: TrainerState
  /// Parameters and states of the best epoch, laid out like the model's; nil unless they are kept.
  let best: BestParameters?

  private let report: (TrainerProgress) -> TrainerProgress.Decision
  let loader: BatchLoader
  private let binding: TargetBinding
  private let validator: Evaluator?
  private let samplers: (training: Evaluator, validation: Evaluator?)?
  private var clock = RunClock()

  init(
    _ trainer: Trainer, report: @escaping (TrainerProgress) -> TrainerProgress.Decision
  ) throws(CNNError) {
    options = trainer.options
    dataset = trainer.dataset
    self.report = report
    state = TrainerState(historyInterval: options.historyInterval)
    var stepOptions = options.training
    if case .cosine(nil, let minimum) = stepOptions.schedule.rule {
      stepOptions.schedule.rule = .cosine(epochs: options.epochs, minimum: minimum)
    }
    let epochCount = options.shuffle ? dataset.samplesPerEpoch ?? dataset.count : dataset.count
    stepOptions.batchSize = min(stepOptions.batchSize, max(1, epochCount))
    training = try Training(model: trainer.model, options: stepOptions)
    if options.accumulation > 1 { try training.session.keepGradients() }
    binding = try TargetBinding(
      training.heads, network: trainer.model.network, dataset: dataset, what: "the training data")
    loader = try BatchLoader(
      dataset, batchSize: stepOptions.batchSize, shuffle: options.shuffle,
      seed: stepOptions.seed, augmentation: options.augmentation, dropLast: options.dropLast,
      prefetch: options.prefetch, workers: options.workers)
    guard loader.batchCount > 0 else {
      throw .invalidArgument("no batch is full, and batches that are not full are left out")
    }
    func evaluator(_ data: any Dataset, _ what: String) throws(CNNError) -> Evaluator {
      var evaluation = EvaluationOptions()
      evaluation.batchSize = stepOptions.batchSize
      evaluation.losses = stepOptions.losses
      evaluation.workers = trainer.options.workers
      return try Evaluator(trainer.model, dataset: data, options: evaluation, what: what)
    }
    if let validation = trainer.validation {
      validator = try evaluator(validation, "the validation data")
    } else {
      validator = nil
    }
    if options.accuracySamples > 0 {
      let count = options.accuracySamples
      let seed = stepOptions.seed
      samplers = (
        training: try evaluator(try sample(dataset, count, seed), "the training data"),
        validation: try sample(trainer.validation, count, seed).map { data throws(CNNError) in
          try evaluator(data, "the validation data")
        }
      )
    } else {
      samplers = nil
    }
    best =
      options.keepBest && trainer.validation != nil ? try BestParameters(trainer.model) : nil
    training.progress.stepsPerEpoch = stepsPerEpoch
  }

  private var stepsPerEpoch: Int {
    let full = loader.batchCount / options.accumulation
    return loader.batchCount.isMultiple(of: options.accumulation) ? full : full + 1
  }

  /// Whether the results have stopped getting better for long enough.
  private var isOutOfPatience: Bool {
    options.patience > 0 && state.epochsWithoutImprovement >= options.patience
  }

  /// Goes on from the checkpoint, if that was asked for and there is one.
  func start() throws(CNNError) {
    if options.resume, let path = options.checkpointPath, fileExists(path) {
      try resume(from: path)
      guard state.nextBatch <= loader.batchCount else {
        throw .malformedData(
          "\"\(path)\" stands at batch \(state.nextBatch) of an epoch that has \(loader.batchCount)"
        )
      }
    }
    clock = RunClock()
  }

  /// Trains until all epochs are done or patience is over.
  func work() throws(CNNError) {
    while training.progress.epoch < options.epochs, !isOutOfPatience {
      clock.beginEpoch()
      try loader.startEpoch(training.progress.epoch, fromBatch: state.nextBatch)
      while state.nextBatch < loader.batchCount { try workOnStep() }
      try endEpoch()
    }
    state.history.stopped = isOutOfPatience ? .patience : .finished
    if let best, state.history.bestEpoch != nil {
      try training.session.withExclusiveAccess { () throws(CNNError) in best.putBack() }
    }
  }

  private func workOnStep() throws(CNNError) {
    state.lastRate = training.learningRate
    let number = training.progress.step
    var loss = 0.0
    var batches = 0
    // A single batch changes each parameter as soon as its gradient is complete.
    let accumulates = options.accumulation > 1
    if accumulates { try training.zeroGradients() }
    while batches < options.accumulation, let batch = try loader.next() {
      try training.useInput(0, batch.inputs, batch: batch.count)
      try binding.bind(batch)
      let batchLoss = try training.exclusively { () throws(CNNError) in
        accumulates ? try training.runGradients() : try training.runStep()
      }
      state.add(loss: batchLoss, training.lastCounts)
      clock.samples += batch.count
      loss += batchLoss
      batches += 1
    }
    guard batches > 0 else { throw CNNError(.internal, "an epoch ended before its last batch") }
    if accumulates {
      try training.exclusively { () throws(CNNError) in
        try training.runOptimizer(gradientScale: 1 / Double(batches))
      }
    }
    loss /= Double(batches)
    clock.steps += 1
    if number.isMultiple(of: options.historyInterval) { state.history.steps.append(loss) }
    if number == 0 { try sampleAccuracies() }
    let isDue =
      options.checkpointInterval > 0
      && training.progress.step.isMultiple(of: options.checkpointInterval)
    if isDue { try saveCheckpoint() }
    guard training.progress.step.isMultiple(of: options.reportInterval) else { return }
    if report(progress(.step, loss: loss)) == .cancel {
      if !isDue { try saveCheckpoint() }
      throw cancelled()
    }
  }

  private func endEpoch() throws(CNNError) {
    let number = training.progress.epoch
    let rate = clock.epochRate
    var epoch = History.Epoch(
      epoch: number, loss: state.meanLoss, accuracy: state.accuracy, learningRate: state.lastRate)
    if let metrics = try validator?.run() {
      epoch.validationLoss = metrics.loss
      epoch.validationAccuracy = metrics.accuracy
    }
    try sampleAccuracies()
    let result =
      validator == nil
      ? epoch.accuracy ?? -epoch.loss
      : epoch.validationAccuracy ?? -(epoch.validationLoss ?? .infinity)
    if state.note(result: result, epoch: number, minDelta: options.minDelta) { best?.keep() }
    epoch.seconds = clock.epochSeconds
    state.history.epochs.append(epoch)
    try training.endEpoch(result: result)
    var finished = progress(.epoch, loss: epoch.loss)
    finished.epoch = number
    finished.samplesPerSecond = rate
    finished.step = stepsPerEpoch
    finished.validationLoss = epoch.validationLoss
    finished.validationAccuracy = epoch.validationAccuracy
    state.beginEpoch()
    try saveCheckpoint()
    if report(finished) == .cancel { throw cancelled() }
  }

  private func sampleAccuracies() throws(CNNError) {
    guard let samplers, let accuracy = try samplers.training.run().accuracy else { return }
    state.history.accuracySamples.append(
      History.AccuracySample(
        step: training.progress.step, training: accuracy,
        validation: try samplers.validation?.run().accuracy))
  }

  private func saveCheckpoint() throws(CNNError) {
    if let path = options.checkpointPath { try save(to: path) }
  }

  private func cancelled() -> CNNError {
    state.history.stopped = .cancelled
    return CNNError(
      .cancelled, "training was cancelled after step \(training.progress.step) by its callback")
  }

  private func progress(_ event: TrainerProgress.Event, loss: Double) -> TrainerProgress {
    let position = training.progress
    // In floating point, because the number of epochs may be as large as an integer can be.
    let epochsLeft = Double(options.epochs) - Double(position.epoch)
    let stepsLeft = epochsLeft * Double(stepsPerEpoch) - Double(position.stepInEpoch)
    return TrainerProgress(
      event: event, epoch: position.epoch, epochCount: options.epochs,
      step: position.stepInEpoch, stepCount: stepsPerEpoch, loss: loss,
      learningRate: state.lastRate,
      accuracy: state.accuracy, validationLoss: nil, validationAccuracy: nil,
      samplesPerSecond: clock.samplesPerSecond(), seconds: clock.seconds,
      secondsLeft: clock.secondsLeft(steps: stepsLeft))
  }
}

/// Returns as many samples as asked for, drawn by the seed, or all if there are no more.
private func sample(
  _ dataset: any Dataset, _ count: Int, _ seed: UInt64
) throws(CNNError) -> any Dataset {
  if count >= dataset.count { return dataset }
  return try dataset.randomSplit(first: count, seed: seed).first
}

private func sample(
  _ dataset: (any Dataset)?, _ count: Int, _ seed: UInt64
) throws(CNNError) -> (any Dataset)? {
  guard let dataset else { return nil }
  return try sample(dataset, count, seed) as any Dataset
}
