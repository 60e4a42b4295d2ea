import CNNLayerKit

/// The kinds of layer that the library brings along.
enum Builtins {
  /// Every type; each is described in the file of its name.
  static let types: [LayerType] = [
    Conv2D.type, TransposedConv2D.type, Linear.type,
    MaxPool2D.type, AvgPool2D.type, GlobalAvgPool2D.type, MaxUnpool2D.type, Upsample2D.type,
    BatchNorm.type, LocalResponseNorm.type, Dropout.type,
    ReLU.type, LeakyReLU.type, Sigmoid.type, Tanh.type, Softmax.type,
    Flatten.type, Reshape.type, Add.type, Multiply.type, Concat.type, Pad2D.type,
  ]

  /// Every block.
  static let blocks: [LayerBlock] = [
    Blocks.affine, Blocks.affineReLU, Blocks.affineBatchNormReLU, Blocks.affineReLUDropout,
    Blocks.convReLU, Blocks.convReLUMaxPool,
  ]

  /// What came of the one registration with the shared registry.
  fileprivate static let shared: Result<Void, CNNError> = {
    do throws(CNNError) {
      return .success(try register(in: .shared))
    } catch {
      return .failure(error)
    }
  }()

  fileprivate static func register(in registry: LayerRegistry) throws(CNNError) {
    try registry.register(types, origin: .builtIn)
    for block in blocks { try registry.register(block) }
  }
}

/// Makes the built-in kinds of layer and blocks known to `registry`.
///
/// With the shared registry, the default, only the first call does something, and any number of
/// threads may call at once; all return when the layers are there. With any other registry it is to
/// be called once.
///
/// - Throws: `invalidArgument` if a foreign type has taken the name of a built-in one.
public func registerBuiltinLayers(in registry: LayerRegistry = .shared) throws(CNNError) {
  if registry === LayerRegistry.shared {
    try Builtins.shared.get()
  } else {
    try Builtins.register(in: registry)
  }
}
