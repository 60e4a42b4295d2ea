public import CNNData
public import CNNGraph
import CNNImaging
public import CNNLayerKit

/// Trains a copy of a model further, on a few pictures of other classes.
///
/// ```swift
/// let finetuner = try Finetuner(model, dataset: pets)
/// let history = try finetuner.run()
/// try ModelFile.save(finetuner.model, to: "mine.cnn")
/// ```
///
/// The copy has a new head, unless its classes are those of the data already. Two phases follow:
///
/// 1. Everything before the head stays as it is, so its results are computed once, for each picture
///    and some random changes of it, and the head alone is trained on them, which takes next to no
///    time.
/// 2. Head and last stage are trained together on freshly changed pictures, at a lower rate; nothing
///    else is, and running statistics stay what they are. If the validation data says that the result
///    is worse than that of the first phase, that one is taken back.
///
/// The same model, data and options give the same bits, for any number of threads. One thread at a
/// time may use a finetuner.
public final class Finetuner {
  /// The copy that is trained.
  public let model: Model
  /// What it is trained on.
  public let dataset: any Dataset
  /// What it is judged by; nil without such data.
  public let validation: (any Dataset)?
  /// How it is trained.
  public let options: FinetuneOptions
  /// What happened in the last call of `run`, also when it threw.
  public private(set) var history = FinetuneHistory()

  /// The node whose parameters set the classes.
  private let head: Int
  /// The random changes, or nil for none.
  private let augmentation: Augmentation?

  /// Copies the model and gives it a new head.
  ///
  /// - Parameters:
  ///   - model: The model to begin with, which stays as it is.
  ///   - dataset: What to train on; pictures go through the model's preprocessing.
  ///   - validation: What to judge by, with the same classes; nil to set aside a share of `dataset`.
  ///   - options: How to train.
  /// - Throws: `invalidArgument` for unfit options or a data set without classes, `shapeMismatch` for
  ///   samples or validation data that do not fit, `unknownName` and `unsupported` as
  ///   `Model.replacingHead`, `outOfMemory`.
  public init(
    _ model: Model, dataset: any Dataset, validation: (any Dataset)? = nil,
    options: FinetuneOptions = FinetuneOptions()
  ) throws(CNNError) {
    try options.validate()
    self.options = options
    var dataset = try Finetuner.prepared(dataset, for: model, "the training data")
    var validation = try validation.map { data throws(CNNError) in
      try Finetuner.prepared(data, for: model, "the validation data")
    }
    let names = dataset.classNames
    if let validation, validation.classNames != names {
      throw .shapeMismatch(
        "the validation data has the classes \(validation.classNames.joined(separator: ", ")), the "
          + "training data \(names.joined(separator: ", ")); they must be the same")
    }
    if validation == nil, options.validationShare > 0 {
      let parts = try dataset.stratifiedSplit(first: options.validationShare, seed: options.seed)
      if parts.first.count > 0, parts.rest.count > 0 {
        (dataset, validation) = (parts.rest, parts.first)
      }
    }
    guard dataset.count > 0 else { throw .invalidArgument("the training data has no samples") }
    self.dataset = dataset
    self.validation = validation
    augmentation = try Finetuner.changes(options.augmentation, of: dataset)
    // Classes that the model knows already keep what it learned of them.
    self.model =
      model.classNames == names
      ? try model.copy()
      : try model.replacingHead(classes: names, layer: options.layer, seed: options.seed)
    head = try self.model.headNode(layer: options.layer)
    // What was measured of the model before is no longer true afterwards.
    for key in Model.keysOfClasses { self.model.metadata[key] = nil }
    if self.model.metadata[Model.preprocessingKey] == nil, let own = dataset.preprocessing {
      self.model.metadata[Model.preprocessingKey] = try own.json()
    }
  }

  /// The samples as the model's preprocessing gives them.
  private static func prepared(
    _ dataset: any Dataset, for model: Model, _ what: String
  ) throws(CNNError) -> any Dataset {
    guard !dataset.classNames.isEmpty else {
      throw .invalidArgument("\(what) has no classes; finetuning needs one for each sample")
    }
    var result = dataset
    if dataset.preprocessing != nil, let text = model.metadata[Model.preprocessingKey] {
      result = try dataset.applying(try Preprocessing(json: text))
    }
    let shapes = model.network.inputs.map { model.network.tensors[$0].shape }
    guard shapes == [result.sampleShape] else {
      throw .shapeMismatch(
        "\(what) has samples of shape \(result.sampleShape), the model takes "
          + shapes.map(\.description).joined(separator: " and "))
    }
    return result
  }

  /// The changes that were asked for; by default as many of those that suit photos as the data can
  /// take.
  private static func changes(
    _ given: Augmentation?, of dataset: any Dataset
  ) throws(CNNError) -> Augmentation? {
    if let given {
      try dataset.check(given)
      return given == Augmentation() ? nil : given
    }
    var augmentation = Augmentation(
      randomResizedCrop: Augmentation.RandomResizedCrop(scale: 0.4...1), horizontalFlip: 0.5,
      colorJitter: Augmentation.ColorJitter(brightness: 0.2, contrast: 0.2, saturation: 0.2))
    if (try? dataset.check(augmentation)) != nil { return augmentation }
    augmentation.colorJitter = nil
    return (try? dataset.check(augmentation)) == nil ? nil : augmentation
  }

  // MARK: Training

  /// Trains.
  ///
  /// - Parameter report: Called after steps and epochs, on the calling thread; decides whether to go
  ///   on. Epochs are counted through both phases. While features are computed, which is reported as
  ///   steps of the first epoch, there is no loss: it is NaN.
  /// - Returns: What happened.
  /// - Throws: `cancelled` if `report` asked to stop: then `model` is as it was trained so far.
  ///   `nonFinite`, `outOfMemory`, and what reading samples throws.
  @discardableResult
  public func run(
    report: ((TrainerProgress) -> TrainerProgress.Decision)? = nil
  ) throws(CNNError) -> FinetuneHistory {
    let report = report ?? { _ in .proceed }
    history = FinetuneHistory()
    history.unfrozen = try unfrozen
    history.keptPhase = bodyEpochs > 0 ? "body" : "head"
    if options.headEpochs > 0 { try trainHead(report) }
    if bodyEpochs > 0 { try trainBody(report) }
    if let validation {
      let metrics = try evaluate(model, on: validation, options: evaluation)
      history.validationCount = validation.count
      history.validationLoss = metrics.loss
      history.validationAccuracy = metrics.accuracy
    }
    return history
  }

  private var evaluation: EvaluationOptions {
    var evaluation = EvaluationOptions()
    evaluation.losses = options.trainer(epochs: 1, learningRate: 1).training.losses
    evaluation.workers = options.workers
    return evaluation
  }

  /// The names of the head's parameters.
  private var headNames: [String] {
    let nodes = model.network.nodes(dependingOn: head)
    return model.parameters.filter { nodes.contains($0.node) }.map(\.name)
  }

  /// The names of the parameters beside the head's that the second phase trains.
  private var unfrozen: [String] {
    get throws(CNNError) {
      let own = Set(headNames)
      if let patterns = options.unfreeze {
        let names = try model.parameterNames(matching: patterns, option: "unfreeze")
        return model.parameters.map(\.name).filter { names.contains($0) && !own.contains($0) }
      }
      func stage(_ slot: ParameterSlot) -> Substring { slot.name.prefix { $0 != "." } }
      guard let last = model.parameters.last(where: { $0.node < head && !own.contains($0.name) })
      else { return [] }
      return model.parameters.filter { stage($0) == stage(last) && !own.contains($0.name) }
        .map(\.name)
    }
  }

  /// How many epochs the second phase has: none if there is nothing for it to train.
  private var bodyEpochs: Int { history.unfrozen.isEmpty ? 0 : options.epochs }

  /// Runs a trainer as a phase whose epochs are counted from `first`.
  private func fit(
    _ phase: String, _ trainer: Trainer, from first: Int,
    _ report: @escaping (TrainerProgress) -> TrainerProgress.Decision
  ) throws(CNNError) {
    let total = options.headEpochs + bodyEpochs
    defer { history.phases.append(FinetuneHistory.Phase(name: phase, history: trainer.history)) }
    try trainer.fit { progress in
      var progress = progress
      progress.epoch += first
      progress.epochCount = total
      return report(progress)
    }
  }

  /// The first phase.
  private func trainHead(
    _ report: @escaping (TrainerProgress) -> TrainerProgress.Decision
  ) throws(CNNError) {
    var trainer = options.trainer(
      epochs: options.headEpochs, learningRate: options.headLearningRate)
    guard let tail = try model.tail(fromNode: head) else {
      // There is nothing before the head, or it takes more than one tensor.
      let names = Set(headNames)
      trainer.training.frozen = Set(model.parameters.map(\.name)).subtracting(names)
      trainer.training.statistics = .always
      trainer.augmentation = augmentation
      return try fit(
        "head",
        try Trainer(model: model, dataset: dataset, validation: validation, options: trainer),
        from: 0, report)
    }
    let features = try features(tail.tensor, report)
    do throws(CNNError) {
      try fit(
        "head",
        try Trainer(
          model: tail.model, dataset: features.training, validation: features.validation,
          options: trainer), from: 0, report)
    } catch {
      try model.copyNumbers(from: tail.model)
      throw error
    }
    try model.copyNumbers(from: tail.model)
  }

  private func features(
    _ tensor: String, _ report: (TrainerProgress) -> TrainerProgress.Decision
  ) throws(CNNError) -> (training: TensorDataset, validation: TensorDataset?) {
    let extractor = FeatureExtractor(model: model, tensor: tensor, options: options)
    let views = augmentation == nil ? 1 : options.views
    var clock = RunClock()
    let judged = validation.map { extractor.batchCount(of: $0, views: 1) } ?? 0
    let total = extractor.batchCount(of: dataset, views: views) + judged
    func tell() throws(CNNError) {
      clock.steps += 1
      let progress = TrainerProgress(
        event: .step, epoch: 0, epochCount: options.headEpochs + bodyEpochs, step: clock.steps,
        stepCount: total, loss: .nan, learningRate: 0, accuracy: nil, validationLoss: nil,
        validationAccuracy: nil, samplesPerSecond: clock.samplesPerSecond(),
        seconds: clock.seconds, secondsLeft: clock.secondsLeft(steps: Double(total - clock.steps)))
      guard report(progress) == .proceed else {
        throw CNNError(.cancelled, "finetuning was cancelled by its callback")
      }
    }
    let training = try extractor.features(
      of: dataset, views: views, augmentation: augmentation
    ) { (count) throws(CNNError) in
      clock.samples += count
      try tell()
    }
    let judging = try validation.map { data throws(CNNError) in
      try extractor.features(of: data, views: 1, augmentation: nil) { (count) throws(CNNError) in
        clock.samples += count
        try tell()
      }
    }
    history.featureSeconds = clock.seconds
    return (training, judging)
  }

  /// The second phase.
  private func trainBody(
    _ report: @escaping (TrainerProgress) -> TrainerProgress.Decision
  ) throws(CNNError) {
    var trainer = options.trainer(epochs: options.epochs, learningRate: options.learningRate)
    trainer.augmentation = augmentation
    let trained = Set(headNames).union(history.unfrozen)
    trainer.training.frozen = Set(model.parameters.map(\.name)).subtracting(trained)
    trainer.training.statistics = .always
    let before = try validation.map { data throws(CNNError) in
      try evaluate(model, on: data, options: evaluation)
    }
    let best = try BestParameters(model)
    best.keep()
    try fit(
      "body", try Trainer(model: model, dataset: dataset, validation: validation, options: trainer),
      from: options.headEpochs, report)
    guard let validation, let before else { return }
    let after = try evaluate(model, on: validation, options: evaluation)
    if (after.accuracy ?? 0, -after.loss) < (before.accuracy ?? 0, -before.loss) {
      best.putBack()
      try model.noteParametersChanged()
      history.keptPhase = "head"
    }
  }
}
