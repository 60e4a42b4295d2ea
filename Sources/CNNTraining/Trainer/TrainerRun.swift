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
  /// The average of the parameters of all steps; nil unless it is asked for.
  let average: ParameterAverage?

  private let report: (TrainerProgress) -> TrainerProgress.Decision
  let loader: BatchLoader
  private let stepsPerEpoch: Int
  private let binding: TargetBinding
  private let mixer: BatchMixer?
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
    let epochCount = options.shuffle ? dataset.samplesPerEpoch ?? dataset.count : dataset.count
    stepOptions.batchSize = min(stepOptions.batchSize, max(1, epochCount))
    loader = try BatchLoader(
      dataset, batchSize: stepOptions.batchSize, shuffle: options.shuffle,
      classBalance: options.classBalance, seed: stepOptions.seed,
      augmentation: options.augmentation, dropLast: options.dropLast,
      prefetch: options.prefetch, workers: options.workers)
    guard loader.batchCount > 0 else {
      throw .invalidArgument("no batch is full, and batches that are not full are left out")
    }
    stepsPerEpoch = (loader.batchCount - 1) / options.accumulation + 1
    stepOptions.schedule = stepOptions.schedule.filledIn(
      epochs: options.epochs, stepsPerEpoch: stepsPerEpoch)
    training = try Training(model: trainer.model, options: stepOptions)
    if options.accumulation > 1 { try training.session.keepGradients() }
    binding = try TargetBinding(
      training.heads, network: trainer.model.network, dataset: dataset, what: "the training data")
    mixer = try TrainerRun.mixer(options, stepOptions, dataset, binding)
    let judge = Judge(model: trainer.model, step: stepOptions, workers: options.workers)
    validator = try trainer.validation.map { data throws(CNNError) in
      try judge.evaluator(data, "the validation data")
    }
    if options.accuracySamples > 0 {
      let count = options.accuracySamples
      let seed = stepOptions.seed
      samplers = (
        training: try judge.evaluator(try sample(dataset, count, seed), "the training data"),
        validation: try sample(trainer.validation, count, seed).map { data throws(CNNError) in
          try judge.evaluator(data, "the validation data")
        }
      )
    } else {
      samplers = nil
    }
    best =
      options.keepBest && trainer.validation != nil ? try BestParameters(trainer.model) : nil
    average = try options.ema.map { rule throws(CNNError) in
      try ParameterAverage(trainer.model, rule)
    }
    training.progress.stepsPerEpoch = stepsPerEpoch
  }

  private static func mixer(
    _ options: TrainerOptions, _ step: TrainingOptions, _ dataset: any Dataset,
    _ binding: TargetBinding
  ) throws(CNNError) -> BatchMixer? {
    guard let mixing = options.mixing else { return nil }
    try binding.check(mixing, of: dataset)
    return try BatchMixer(
      mixing, batchSize: step.batchSize, sampleShape: dataset.sampleShape, seed: step.seed)
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
    } else {
      try leaveAverage()
    }
  }

  /// Gives the model the average of its parameters for good, if there is one.
  func leaveAverage() throws(CNNError) {
    guard let average else { return }
    try training.session.withExclusiveAccess { () throws(CNNError) in average.exchange() }
  }

  /// Runs `body` while the model has the average of its parameters, if there is one.
  private func withAverage<Result>(
    _ body: () throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    guard average != nil else { return try body() }
    try leaveAverage()
    let result: Swift.Result<Result, CNNError>
    do throws(CNNError) { result = .success(try body()) } catch { result = .failure(error) }
    // A second exchange undoes the first.
    try leaveAverage()
    return try result.get()
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
      try use(batch)
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
    average?.update(step: number)
    loss /= Double(batches)
    clock.steps += 1
    if number.isMultiple(of: options.historyInterval) { state.history.steps.append(loss) }
    if number == 0 {
      try withAverage { () throws(CNNError) in try sampleAccuracies() }
    }
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

  /// Takes inputs and targets from a batch, mixed if that is asked for.
  private func use(_ batch: Batch) throws(CNNError) {
    if let mixed = try mixer?.mix(batch), mixed.method != .none {
      try training.useInput(0, mixed.inputs, batch: batch.count)
      try binding.bind(mixed, of: batch)
    } else {
      try training.useInput(0, batch.inputs, batch: batch.count)
      try binding.bind(batch)
    }
  }

  private func endEpoch() throws(CNNError) {
    let number = training.progress.epoch
    let rate = clock.epochRate
    var epoch = History.Epoch(
      epoch: number, loss: state.meanLoss, accuracy: state.accuracy, learningRate: state.lastRate)
    let result = try withAverage { () throws(CNNError) in
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
      return result
    }
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
    let decision = try withAverage { () throws(CNNError) in report(finished) }
    if decision == .cancel { throw cancelled() }
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

/// Makes evaluators that judge by the losses of a training.
private struct Judge {
  let model: Model
  let step: TrainingOptions
  let workers: Int

  func evaluator(_ data: any Dataset, _ what: String) throws(CNNError) -> Evaluator {
    var evaluation = EvaluationOptions()
    evaluation.batchSize = step.batchSize
    evaluation.losses = step.losses
    evaluation.workers = workers
    return try Evaluator(model, dataset: data, options: evaluation, what: what)
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
