import CCNN
import CNNGraph
import CNNLayerKit

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
