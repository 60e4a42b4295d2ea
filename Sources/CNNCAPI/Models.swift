import CCNN
import CNNFormats
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit
import CNNLayers

// Section 2 of cnn.h, first half: creating, loading, saving and describing models.

/// See `cnn_model_create` in `cnn.h`.
@implementation @_cdecl("cnn_model_create")
public func cnn_model_create(
  _ graphJSON: UnsafePointer<CChar>?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outModel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outModel, "out_model") { () throws(CNNError) in
    let graph = try Graph(json: try text(graphJSON, "graph_json"))
    return try makeModel(graph, try Options(optionsJSON, keys: modelOptions))
  }
}

/// The options that every new model takes.
let modelOptions = ["seed", "class_names"]

/// Gives a graph parameters and the class names of the options.
func makeModel(_ graph: Graph, _ options: Options) throws(CNNError) -> ModelObject {
  try registerBuiltinLayers()
  let model = try Model(graph, seed: try options.seed())
  let names = try options.texts("class_names")
  try checkClassNames(names, of: model)
  model.classNames = names
  return ModelObject(model)
}

/// Checks that there are as many class names as the first output has elements, or none.
func checkClassNames(_ names: [String], of model: Model) throws(CNNError) {
  let output = model.network.tensors[model.network.outputs[0]]
  guard names.isEmpty || names.count == output.shape.count else {
    throw .shapeMismatch(
      "\(names.count) class names were given, and the output \"\(output.name)\" has "
        + "\(output.shape.count) elements")
  }
}

/// See `cnn_model_free` in `cnn.h`.
@implementation @_cdecl("cnn_model_free")
public func cnn_model_free(_ model: OpaquePointer?) {
  HandleTable.shared.remove(model, ModelObject.self)
}

/// See `cnn_model_describe` in `cnn.h`.
@implementation @_cdecl("cnn_model_describe")
public func cnn_model_describe(
  _ model: OpaquePointer?, _ outInfo: UnsafeMutablePointer<cnn_model_info>?
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outInfo, "cnn_model_info", empty: cnn_model_info()) { () throws(CNNError) in
      let model = try object(model, ModelObject.self).model
      var info = cnn_model_info()
      info.input_count = Int64(model.network.inputs.count)
      info.output_count = Int64(model.network.outputs.count)
      info.layer_count = Int64(model.network.nodes.count)
      info.parameter_count = Int64(model.parameters.count)
      info.state_count = Int64(model.states.count)
      info.parameter_elements = Int64(model.parameterCount)
      info.class_count = Int64(model.classNames.count)
      return info
    }
  }
}

/// See `cnn_model_input` in `cnn.h`.
@implementation @_cdecl("cnn_model_input")
public func cnn_model_input(
  _ model: OpaquePointer?, _ index: Int64, _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  describe(model, index, outTensor, "input") { Array($0.inputs) }
}

/// See `cnn_model_output` in `cnn.h`.
@implementation @_cdecl("cnn_model_output")
public func cnn_model_output(
  _ model: OpaquePointer?, _ index: Int64, _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  describe(model, index, outTensor, "output") { $0.outputs }
}

/// Describes an input or output.
private func describe(
  _ model: OpaquePointer?, _ index: Int64, _ outTensor: UnsafeMutablePointer<cnn_tensor>?,
  _ what: String, _ tensors: (Network) -> [Int]
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outTensor, "cnn_tensor", empty: .empty) { () throws(CNNError) in
      let model = try object(model, ModelObject.self)
      let network = model.model.network
      let tensor = network.tensors[try element(of: tensors(network), at: index, what)]
      return cnn_tensor(name: try model.names.borrow(tensor.name), shape: tensor.shape)
    }
  }
}

/// Returns an element of a list that a caller numbers.
func element<Element>(
  of list: [Element], at index: Int64, _ what: String
) throws(CNNError) -> Element {
  guard let position = Int(exactly: index), list.indices.contains(position) else {
    throw .invalidArgument(
      "there is no \(what) \(index): there are \(list.count), counted from 0")
  }
  return list[position]
}

/// See `cnn_model_graph` in `cnn.h`.
@implementation @_cdecl("cnn_model_graph")
public func cnn_model_graph(
  _ model: OpaquePointer?, _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in
    try object(model, ModelObject.self).model.network.graph.json
  }
}

// MARK: Class names, preprocessing, metadata

/// See `cnn_model_class_name` in `cnn.h`.
@implementation @_cdecl("cnn_model_class_name")
public func cnn_model_class_name(
  _ model: OpaquePointer?, _ index: Int64,
  _ outName: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> Int32 {
  status { () throws(CNNError) in
    let out = try output(outName, "out_name", initially: nil)
    let model = try object(model, ModelObject.self)
    out.pointee = try model.names.borrow(
      try element(of: model.model.classNames, at: index, "class"))
  }
}

/// See `cnn_model_set_class_names` in `cnn.h`.
@implementation @_cdecl("cnn_model_set_class_names")
public func cnn_model_set_class_names(
  _ model: OpaquePointer?, _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int64
) -> Int32 {
  status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let output = model.network.tensors[model.network.outputs[0]]
    guard count == 0 || count == Int64(output.shape.count) else {
      throw .shapeMismatch(
        "\(count) class names were given, and the output \"\(output.name)\" has "
          + "\(output.shape.count) elements")
    }
    model.classNames = try texts(names, count, "names")
  }
}

/// See `cnn_model_preprocessing` in `cnn.h`.
@implementation @_cdecl("cnn_model_preprocessing")
public func cnn_model_preprocessing(
  _ model: OpaquePointer?, _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in
    try object(model, ModelObject.self).model.preprocessing().json()
  }
}

/// See `cnn_model_set_preprocessing` in `cnn.h`.
@implementation @_cdecl("cnn_model_set_preprocessing")
public func cnn_model_set_preprocessing(
  _ model: OpaquePointer?, _ json: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    try model.setPreprocessing(try Preprocessing(json: try text(json, "json")))
  }
}

/// See `cnn_model_recognition` in `cnn.h`.
@implementation @_cdecl("cnn_model_recognition")
public func cnn_model_recognition(
  _ model: OpaquePointer?, _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in
    try object(model, ModelObject.self).model.recognition().json
  }
}

/// See `cnn_model_set_recognition` in `cnn.h`.
@implementation @_cdecl("cnn_model_set_recognition")
public func cnn_model_set_recognition(
  _ model: OpaquePointer?, _ json: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    try model.setRecognition(try Recognition(json: try text(json, "json")))
  }
}

/// See `cnn_model_metadata` in `cnn.h`.
@implementation @_cdecl("cnn_model_metadata")
public func cnn_model_metadata(
  _ model: OpaquePointer?, _ key: UnsafePointer<CChar>?,
  _ outText: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outText, "out_text") { () throws(CNNError) in
    let metadata = try object(model, ModelObject.self).model.metadata
    let key = try text(key, "key")
    guard let value = metadata[key] else {
      throw .unknownName("key of the model's metadata", key, valid: metadata.keys)
    }
    return value
  }
}

/// See `cnn_model_set_metadata` in `cnn.h`.
@implementation @_cdecl("cnn_model_set_metadata")
public func cnn_model_set_metadata(
  _ model: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let key = try text(key, "key")
    guard !key.isEmpty else { throw .invalidArgument("key is empty") }
    let settings = [Model.preprocessingKey, Model.recognitionKey]
    guard !settings.contains(key), !ModelFile.reservedKeys.contains(key) else {
      throw .invalidArgument(
        "the key \"\(key)\" is the library's"
          + (settings.contains(key) ? ": use cnn_model_set_\(key)" : ""))
    }
    model.metadata[key] = try optionalText(value, "text")
  }
}

/// See `cnn_model_summary` in `cnn.h`.
@implementation @_cdecl("cnn_model_summary")
public func cnn_model_summary(
  _ model: OpaquePointer?, _ batch: Int64,
  _ outText: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outText, "out_text") { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    return try ModelSummary(model, batch: try size(batch, "batch")).text
  }
}
