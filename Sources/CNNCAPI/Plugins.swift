import CCNN
import CNNGraph
import CNNKit
import CNNLayerKit
import CNNLayers
import CNNPlugins
import CNNTraining

// Section 7 of cnn.h, and the functions of cnn_plugin.h.

/// See `cnn_plugin_load` in `cnn.h`.
@implementation @_cdecl("cnn_plugin_load")
public func cnn_plugin_load(_ path: UnsafePointer<CChar>?) -> Int32 {
  status { () throws(CNNError) in
    try registerBuiltinLayers()
    try Plugin.load(path: try text(path, "path"))
  }
}

/// See `cnn_plugins` in `cnn.h`.
@implementation @_cdecl("cnn_plugins")
public func cnn_plugins(_ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in JSONText.write(TypeListing.plugins()) }
}

/// See `cnn_layer_types` in `cnn.h`.
@implementation @_cdecl("cnn_layer_types")
public func cnn_layer_types(
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in
    try registerBuiltinLayers()
    return JSONText.write(try TypeListing.layerTypes())
  }
}

/// See `cnn_loss_types` in `cnn.h`.
@implementation @_cdecl("cnn_loss_types")
public func cnn_loss_types(
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in
    JSONText.write(try TypeListing.lossTypes())
  }
}

/// See `cnn_optimizer_types` in `cnn.h`.
@implementation @_cdecl("cnn_optimizer_types")
public func cnn_optimizer_types(
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in
    JSONText.write(try TypeListing.optimizerTypes())
  }
}

/// See `cnn_layer_register` in `cnn_plugin.h`.
@implementation @_cdecl("cnn_layer_register")
public func cnn_layer_register(_ type: UnsafePointer<cnn_layer_type>?) -> Int32 {
  status { () throws(CNNError) in
    try registerBuiltinLayers()
    try LayerRegistry.shared.register(try LayerType(type))
  }
}

/// See `cnn_loss_register` in `cnn_plugin.h`.
@implementation @_cdecl("cnn_loss_register")
public func cnn_loss_register(_ type: UnsafePointer<cnn_loss_type>?) -> Int32 {
  status { () throws(CNNError) in try LossRegistry.shared.register(try LossType(type)) }
}

/// See `cnn_optimizer_register` in `cnn_plugin.h`.
@implementation @_cdecl("cnn_optimizer_register")
public func cnn_optimizer_register(_ type: UnsafePointer<cnn_optimizer_type>?) -> Int32 {
  status { () throws(CNNError) in try OptimizerRegistry.shared.register(try OptimizerType(type)) }
}
