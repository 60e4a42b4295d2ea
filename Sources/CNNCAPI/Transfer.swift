import CCNN
import CNNData
import CNNGraph
import CNNLayerKit
import CNNTraining

// Parts of sections 2 and 3 of cnn.h: what was learned for one task, used for another.

/// See `cnn_model_replace_head` in `cnn.h`.
@implementation @_cdecl("cnn_model_replace_head")
public func cnn_model_replace_head(
  _ model: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outModel, "out_model") { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let options = try Options(optionsJSON, keys: ["classes", "layer", "seed"])
    let layer = try options.text("layer")
    let seed = try options.seed()
    let expected = "a list of names, or how many classes there are"
    switch options["classes"] {
    case .list:
      return ModelObject(
        try model.replacingHead(classes: try options.texts("classes"), layer: layer, seed: seed))
    case let value?:
      guard let count = value.asInteger else {
        throw options.unfit("classes", expected, value)
      }
      return ModelObject(try model.replacingHead(classCount: count, layer: layer, seed: seed))
    case nil:
      throw .invalidArgument("options: \"classes\" is required: \(expected)")
    }
  }
}

/// See `cnn_finetune` in `cnn.h`.
@implementation @_cdecl("cnn_finetune")
public func cnn_finetune(
  _ model: OpaquePointer?, _ train: OpaquePointer?, _ validation: OpaquePointer?,
  _ optionsJSON: UnsafePointer<CChar>?, _ progress: cnn_progress_callback?,
  _ user: UnsafeMutableRawPointer?,
  _ outHistory: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  outHistory?.pointee = nil
  return create(outModel, "out_model") { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let train = try object(train, DatasetObject.self)
    let validation = try optionalObject(validation, DatasetObject.self)
    let finetuner = try Finetuner(
      model, dataset: try train.samples(for: model),
      validation: try validation?.samples(for: model),
      options: try FinetuneOptions(json: try optionalText(optionsJSON, "options_json") ?? "{}"))
    do throws(CNNError) {
      try finetuner.run { report($0, to: progress, user) }
    } catch {
      // A run that was cancelled has a history worth having.
      if error.code == .cancelled, let outHistory {
        try give(finetuner.history.json, to: outHistory)
      }
      throw error
    }
    if let outHistory { try give(finetuner.history.json, to: outHistory) }
    return ModelObject(finetuner.model)
  }
}
