import CNNLayerKit

/// Sequences of layers under one name, as the teaching repository of 2018 had them.
///
/// A block takes the attributes of its members. Where two members share one, that of the later
/// member has a prefix: `pool_size`, `pool_stride`, `pool_padding`.
enum Blocks {
  /// `flatten`, `linear`.
  static let affine = LayerBlock(
    "affine", summary: "Any shape flattened, then an affine layer.", attributes: affineAttributes
  ) { (attributes) throws(CNNError) in
    affineMembers(attributes)
  }

  /// `flatten`, `linear`, `relu`.
  static let affineReLU = LayerBlock(
    "affine_relu", summary: "An affine layer of any shape, then a rectifier.",
    attributes: affineAttributes
  ) { (attributes) throws(CNNError) in
    affineMembers(attributes) + [relu]
  }

  /// `flatten`, `linear`, `batch_norm`, `relu`.
  static let affineBatchNormReLU = LayerBlock(
    "affine_batchnorm_relu",
    summary: "An affine layer of any shape, then batch normalisation and a rectifier.",
    attributes: affineAttributes + BatchNorm.type.attributes
  ) { (attributes) throws(CNNError) in
    affineMembers(attributes) + [
      LayerBlock.Member(
        "batch_norm", type: "batch_norm",
        attributes: values(of: BatchNorm.type.attributes, in: attributes)),
      relu,
    ]
  }

  /// `flatten`, `linear`, `relu`, `dropout`.
  static let affineReLUDropout = LayerBlock(
    "affine_relu_dropout", summary: "An affine layer of any shape, a rectifier, then dropout.",
    attributes: affineAttributes + Dropout.type.attributes
  ) { (attributes) throws(CNNError) in
    affineMembers(attributes) + [
      relu,
      LayerBlock.Member(
        "dropout", type: "dropout",
        attributes: values(of: Dropout.type.attributes, in: attributes)),
    ]
  }

  /// `conv2d`, `relu`.
  static let convReLU = LayerBlock(
    "conv_relu", summary: "A convolution, then a rectifier.", attributes: Conv2D.type.attributes
  ) { (attributes) throws(CNNError) in
    [conv(attributes), relu]
  }

  /// `conv2d`, `relu`, `max_pool2d`.
  static let convReLUMaxPool = LayerBlock(
    "conv_relu_maxpool", summary: "A convolution, a rectifier, then max pooling.",
    attributes: Conv2D.type.attributes + [
      AttributeSpecification(
        "pool_size", .pair(ShapeRules.sizes), default: 2, "The size of the pooling's window."),
      AttributeSpecification(
        "pool_stride", .pair(ShapeRules.sizes), default: .null,
        "The distance between the pooling's windows; pool_size if left out."),
      AttributeSpecification(
        "pool_padding", .padding, default: 0,
        "How many rows and columns lie around the pooling's plane."),
    ]
  ) { (attributes) throws(CNNError) in
    let pool = LayerBlock.Member(
      "max_pool", type: "max_pool2d",
      attributes: [
        "kernel_size": try attributes.value("pool_size"),
        "stride": try attributes.value("pool_stride"),
        "padding": try attributes.value("pool_padding"),
      ].filter { $0.value != .null })
    return [conv(attributes), relu, pool]
  }

  private static let relu = LayerBlock.Member("relu", type: "relu")

  private static let affineAttributes = Linear.type.attributes + Flatten.type.attributes

  private static func affineMembers(_ attributes: Attributes) -> [LayerBlock.Member] {
    [
      LayerBlock.Member(
        "flatten", type: "flatten",
        attributes: values(of: Flatten.type.attributes, in: attributes)),
      LayerBlock.Member(
        "linear", type: "linear", attributes: values(of: Linear.type.attributes, in: attributes)),
    ]
  }

  private static func conv(_ attributes: Attributes) -> LayerBlock.Member {
    LayerBlock.Member(
      "conv", type: "conv2d", attributes: values(of: Conv2D.type.attributes, in: attributes))
  }

  /// The values of the attributes that `specifications` name.
  private static func values(
    of specifications: [AttributeSpecification], in attributes: Attributes
  ) -> [String: AttributeValue] {
    let names = Set(specifications.map(\.name))
    return attributes.values.filter { names.contains($0.key) && $0.value != .null }
  }
}
