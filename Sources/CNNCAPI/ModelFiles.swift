import CCNN
import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNLayers
import CNNModels
import CNNPlugins

// Section 2 of cnn.h, continued: named architectures, files, what there is to build from.

/// See `cnn_model_create_named` in `cnn.h`.
@implementation @_cdecl("cnn_model_create_named")
public func cnn_model_create_named(
  _ name: UnsafePointer<CChar>?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outModel, "out_model") { () throws(CNNError) in
    let architecture = try NamedModel.named(try text(name, "name"))
    var members: [String: AttributeValue] = [:]
    if let json = try optionalText(optionsJSON, "options_json") {
      members = try JSONText.parseObject(json, "options_json")
    }
    // What concerns every model is ours, the rest is the architecture's and checked there.
    let ours = members.filter { modelOptions.contains($0.key) }
    let rest = members.filter { !modelOptions.contains($0.key) }
    return try makeModel(
      try architecture.graph(rest), try Options(ours, place: "options", keys: modelOptions))
  }
}

/// See `cnn_architectures` in `cnn.h`.
@implementation @_cdecl("cnn_architectures")
public func cnn_architectures(
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") {
    JSONText.write(
      .list(
        NamedModel.all.map { model in
          .object([
            "name": .string(model.name), "summary": .string(model.summary),
            "input_shape": .list(model.inputShape.map(AttributeValue.integer)),
            "classes": .integer(model.classes), "options": TypeListing.describe(model.options),
          ])
        }))
  }
}

/// See `cnn_model_load` in `cnn.h`.
@implementation @_cdecl("cnn_model_load")
public func cnn_model_load(
  _ path: UnsafePointer<CChar>?, _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outModel, "out_model") { () throws(CNNError) in
    try registerBuiltinLayers()
    return ModelObject(try ModelFile.load(path: try text(path, "path")))
  }
}

/// See `cnn_model_load_pretrained` in `cnn.h`.
@implementation @_cdecl("cnn_model_load_pretrained")
public func cnn_model_load_pretrained(
  _ name: UnsafePointer<CChar>?, _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outModel, "out_model") { () throws(CNNError) in
    try registerBuiltinLayers()
    let name = try optionalText(name, "name") ?? PretrainedModels.defaultName
    return ModelObject(try Model.pretrained(name))
  }
}

/// See `cnn_model_load_memory` in `cnn.h`.
@implementation @_cdecl("cnn_model_load_memory")
public func cnn_model_load_memory(
  _ bytes: UnsafeRawPointer?, _ size: Int64, _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outModel, "out_model") { () throws(CNNError) in
    try registerBuiltinLayers()
    return ModelObject(try ModelFile.load(bytes: try rawBytes(bytes, size, "bytes")))
  }
}

/// See `cnn_model_save` in `cnn.h`.
@implementation @_cdecl("cnn_model_save")
public func cnn_model_save(_ model: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> Int32 {
  status { () throws(CNNError) in
    try ModelFile.save(try object(model, ModelObject.self).model, to: try text(path, "path"))
  }
}

/// See `cnn_model_save_as` in `cnn.h`.
@implementation @_cdecl("cnn_model_save_as")
public func cnn_model_save_as(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ optionsJSON: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let options = try Options(optionsJSON, keys: ["precision"])
    try ModelFile.save(
      model, to: try text(path, "path"),
      precision: try options.word("precision", default: ModelFile.Precision.float32))
  }
}

/// See `cnn_model_save_memory` in `cnn.h`.
@implementation @_cdecl("cnn_model_save_memory")
public func cnn_model_save_memory(
  _ model: OpaquePointer?, _ outBytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  _ outSize: UnsafeMutablePointer<Int64>?
) -> Int32 {
  giveBytes(outBytes, outSize) { () throws(CNNError) in
    try ModelFile.encode(try object(model, ModelObject.self).model)
  }
}

/// See `cnn_model_copy` in `cnn.h`.
@implementation @_cdecl("cnn_model_copy")
public func cnn_model_copy(
  _ model: OpaquePointer?, _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outModel, "out_model") { () throws(CNNError) in
    // A file holds everything that makes up a model, and is exact.
    let contents = try ModelFile.encode(try object(model, ModelObject.self).model)
    return ModelObject(
      try contents.withUnsafeBytes { (bytes) throws(CNNError) in
        try ModelFile.load(bytes: bytes)
      })
  }
}
