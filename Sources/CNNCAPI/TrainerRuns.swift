import CCNN
import CNNData
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNTraining

// Section 3 of cnn.h, second part: whole runs, evaluation, checkpoints, the gradient check.

/// See `cnn_trainer_fit` in `cnn.h`.
@implementation @_cdecl("cnn_trainer_fit")
public func cnn_trainer_fit(
  _ model: OpaquePointer?, _ train: OpaquePointer?, _ validation: OpaquePointer?,
  _ optionsJSON: UnsafePointer<CChar>?, _ progress: cnn_progress_callback?,
  _ user: UnsafeMutableRawPointer?,
  _ outHistory: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  outHistory?.pointee = nil
  return status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let train = try object(train, DatasetObject.self)
    let validation = try optionalObject(validation, DatasetObject.self)
    let options = try TrainerOptions(json: try optionalText(optionsJSON, "options_json") ?? "{}")
    if let preprocessing = train.dataset.preprocessing, !model.hasPreprocessing {
      try model.setPreprocessing(preprocessing)
    }
    let trainer = try Trainer(
      model: model, dataset: try train.samples(for: model),
      validation: try validation?.samples(for: model), options: options)
    do throws(CNNError) {
      _ = try trainer.fit { report($0, to: progress, user) }
    } catch {
      // A run that was cancelled has a history worth having.
      if error.code == .cancelled, let outHistory { try give(trainer.history.json, to: outHistory) }
      throw error
    }
    if let outHistory { try give(trainer.history.json, to: outHistory) }
  }
}

/// See `cnn_training_presets` in `cnn.h`.
@implementation @_cdecl("cnn_training_presets")
public func cnn_training_presets(
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in TrainingPreset.json }
}

/// Tells a caller how far a run has come, and returns what the caller wants.
func report(
  _ progress: TrainerProgress, to callback: cnn_progress_callback?,
  _ user: UnsafeMutableRawPointer?
) -> TrainerProgress.Decision {
  guard let callback else { return .proceed }
  var c = cnn_progress()
  c.struct_size = MemoryLayout<cnn_progress>.size
  c.event =
    switch progress.event {
    case .step: Int32(CNN_PROGRESS_STEP)
    case .epoch: Int32(CNN_PROGRESS_EPOCH)
    }
  c.epoch = Int64(progress.epoch)
  c.epoch_count = Int64(progress.epochCount)
  c.step = Int64(progress.step)
  c.step_count = Int64(progress.stepCount)
  c.loss = progress.loss
  c.learning_rate = progress.learningRate
  c.accuracy = progress.accuracy ?? .nan
  c.validation_loss = progress.validationLoss ?? .nan
  c.validation_accuracy = progress.validationAccuracy ?? .nan
  c.samples_per_second = progress.samplesPerSecond
  c.seconds = progress.seconds
  c.seconds_left = progress.secondsLeft
  return callback(&c, user) == 0 ? .proceed : .cancel
}

/// See `cnn_evaluate` in `cnn.h`.
@implementation @_cdecl("cnn_evaluate")
public func cnn_evaluate(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outLoss: UnsafeMutablePointer<Double>?, _ outAccuracy: UnsafeMutablePointer<Double>?,
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  outLoss?.pointee = 0
  outAccuracy?.pointee = 0
  outJSON?.pointee = nil
  return status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let dataset = try object(dataset, DatasetObject.self)
    let options = try EvaluationOptions(
      json: try optionalText(optionsJSON, "options_json") ?? "{}")
    let metrics = try evaluate(model, on: try dataset.samples(for: model), options: options)
    if let outJSON { try give(metrics.json, to: outJSON) }
    outLoss?.pointee = metrics.loss
    outAccuracy?.pointee = metrics.accuracy ?? .nan
  }
}

/// See `cnn_calibrate` in `cnn.h`.
@implementation @_cdecl("cnn_calibrate")
public func cnn_calibrate(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  outJSON?.pointee = nil
  return status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let dataset = try object(dataset, DatasetObject.self)
    let options = try CalibrationOptions(
      json: try optionalText(optionsJSON, "options_json") ?? "{}")
    let report = try calibrate(model, on: try dataset.samples(for: model), options: options)
    if let outJSON { try give(report.json, to: outJSON) }
  }
}

/// See `cnn_gradient_check` in `cnn.h`.
@implementation @_cdecl("cnn_gradient_check")
public func cnn_gradient_check(
  _ model: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outError: UnsafeMutablePointer<Double>?,
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  outError?.pointee = 0
  outJSON?.pointee = nil
  return status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let check = try GradientCheck(json: try optionalText(optionsJSON, "options_json") ?? "{}")
    let report = try check.run(model)
    if let outJSON { try give(report.json, to: outJSON) }
    outError?.pointee = report.largestError
  }
}

/// See `cnn_training_save` in `cnn.h`.
@implementation @_cdecl("cnn_training_save")
public func cnn_training_save(_ training: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> Int32 {
  withTraining(training) { training throws(CNNError) in
    try training.training.save(to: try text(path, "path"))
  }
}

/// See `cnn_training_load` in `cnn.h`.
@implementation @_cdecl("cnn_training_load")
public func cnn_training_load(_ training: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> Int32 {
  withTraining(training) { training throws(CNNError) in
    try training.training.load(from: try text(path, "path"))
  }
}
