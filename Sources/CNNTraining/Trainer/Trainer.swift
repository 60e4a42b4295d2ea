public import CNNData
public import CNNGraph
import CNNImaging
public import CNNLayerKit

/// Trains a model on a data set: shuffled batches, validation, checkpoints, the best parameters.
///
/// ```swift
/// var options = TrainerOptions()
/// options.epochs = 4
/// let trainer = try Trainer(model: model, dataset: training, validation: rest, options: options)
/// let history = try trainer.fit { progress in
///   print(progress.epoch, progress.loss)
///   return .proceed
/// }
/// ```
///
/// What a run computes depends on the model, the data and the options alone: not on the number of
/// threads, and not on whether it was interrupted and resumed from its checkpoint.
///
/// One thread at a time may use a trainer. During each step the model is busy for everybody else;
/// between steps, and in the callback, it may be used for predictions.
public final class Trainer {
  /// The model that is trained.
  public let model: Model
  /// What it is trained on.
  public let dataset: any Dataset
  /// What it is judged by, or nil.
  public let validation: (any Dataset)?
  /// How it is trained.
  public let options: TrainerOptions
  /// What happened in the last call of `fit`, also when it threw.
  public private(set) var history = History()

  /// Checks what can be checked before training.
  ///
  /// - Parameters:
  ///   - model: The model, whose parameters `fit` changes.
  ///   - dataset: What to train on: at least one sample.
  ///   - validation: What to judge each epoch by, or nil.
  ///   - options: How to train.
  /// - Throws: `invalidArgument` for unfit options.
  public init(
    model: Model, dataset: any Dataset, validation: (any Dataset)? = nil,
    options: TrainerOptions = TrainerOptions()
  ) throws(CNNError) {
    try options.validate()
    self.model = model
    self.dataset = dataset
    self.validation = validation
    self.options = options
  }

  /// Trains.
  ///
  /// A model without class names gets those of the data set, and one without preprocessing that of
  /// the data set.
  ///
  /// - Parameter report: Called after steps and epochs, on the calling thread; decides whether to go
  ///   on.
  /// - Returns: What happened.
  /// - Throws: `cancelled` if `report` asked to stop: then the parameters are those of the last
  ///   step, and the checkpoint, if there is one, is that of this step. `nonFinite` if a loss or
  ///   gradient was not finite: then the parameters are those before that step. In both cases they
  ///   are the average with `ema`, which is also what the model has while `report` is told of an
  ///   epoch. `shapeMismatch` and
  ///   the like if the data does not fit the model, `malformedData` or `invalidArgument` for a
  ///   checkpoint of something else, and what reading samples throws.
  @discardableResult
  public func fit(
    report: ((TrainerProgress) -> TrainerProgress.Decision)? = nil
  ) throws(CNNError) -> History {
    history = History()
    history.stepInterval = options.historyInterval
    let run = try TrainerRun(self, report: report ?? { _ in .proceed })
    defer { history = run.state.history }
    if model.classNames.isEmpty, dataset.classNames.count == firstOutputCount {
      model.classNames = dataset.classNames
    }
    if model.metadata[Model.preprocessingKey] == nil, let preprocessing = dataset.preprocessing {
      model.metadata[Model.preprocessingKey] = try preprocessing.json()
    }
    try run.start()
    do throws(CNNError) { try run.work() } catch {
      // The reason is told; that the average could not be taken over as well would only hide it.
      do throws(CNNError) { try run.leaveAverage() } catch {}
      throw error
    }
    return run.state.history
  }

  /// How many class names the model takes; a data set may know fewer classes.
  private var firstOutputCount: Int {
    model.network.tensors[model.network.outputs[0]].shape.count
  }
}
