import CNNKernels
import CNNLayerKit

/// The attributes that `conv2d` and `transposed_conv2d` share.
struct ConvolutionAttributes: Sendable {
  let outChannels: Int
  let kernelSize: (vertical: Int, horizontal: Int)
  let stride: (vertical: Int, horizontal: Int)
  let padding: Padding2D
  let dilation: (vertical: Int, horizontal: Int)
  let groups: Int
  let hasBias: Bool
  let weightInitializer: Initializer
  let biasInitializer: Initializer

  static let specifications =
    [
      AttributeSpecification(
        "out_channels", .integer(ShapeRules.sizes), "The number of channels of the output."),
      AttributeSpecification("kernel_size", .pair(ShapeRules.sizes), "The size of the window."),
      AttributeSpecification(
        "stride", .pair(ShapeRules.sizes), default: 1, "The distance between windows."),
      AttributeSpecification(
        "padding", .padding, default: 0, "How many zeros lie around the plane."),
      AttributeSpecification(
        "dilation", .pair(ShapeRules.sizes), default: 1,
        "The distance between the elements of a window; 1 means none are left out."),
      AttributeSpecification(
        "groups", .integer(ShapeRules.sizes), default: 1,
        "Into how many groups the channels are divided; as many as there are is depthwise."),
    ] + biasAndInitializers

  /// What `linear` has as well.
  static let biasAndInitializers = [
    AttributeSpecification(
      "bias", .boolean, default: true, "Whether a number is added to each output."),
    AttributeSpecification(
      "weight_initializer", .any, default: "he",
      "The first values of the weight: he, xavier, normal, zeros, ones or a standard deviation."),
    AttributeSpecification(
      "bias_initializer", .any, default: "zeros",
      "The first values of the bias, written like those of the weight."),
  ]

  init(_ attributes: Attributes) throws(CNNError) {
    outChannels = try attributes.integer("out_channels")
    kernelSize = try attributes.pair("kernel_size")
    stride = try attributes.pair("stride")
    padding = try attributes.padding("padding")
    dilation = try attributes.pair("dilation")
    groups = try attributes.integer("groups")
    hasBias = try attributes.boolean("bias")
    weightInitializer = try Initializer(try attributes.value("weight_initializer"))
    biasInitializer = try Initializer(try attributes.value("bias_initializer"))
  }

  /// Throws `shapeMismatch` unless the groups divide both numbers of channels.
  func checkGroups(inChannels: Int, for type: String) throws(CNNError) {
    guard inChannels % groups == 0, outChannels % groups == 0 else {
      throw .shapeMismatch(
        "\(type): groups \(groups) must divide the input's \(inChannels) channels and "
          + "out_channels \(outChannels)")
    }
  }

  /// The bias, `[channels]`, if there is one.
  func biasDeclaration(fanIn: Int) throws(CNNError) -> [ParameterDeclaration] {
    guard hasBias else { return [] }
    return [
      ParameterDeclaration(
        "bias", shape: try Shape([outChannels]), initializer: biasInitializer, fanIn: fanIn,
        fanOut: 1)
    ]
  }
}

extension ConvolutionGeometry {
  /// Describes the convolution of `input` with a window into `output`.
  ///
  /// - Throws: `outOfMemory` if the sizes together cannot be computed with.
  init(
    input: (height: Int, width: Int, channels: Int), outChannels: Int, window: Window2D,
    groups: Int, for type: String
  ) throws(CNNError) {
    self.init(
      inputHeight: input.height, inputWidth: input.width, inputChannels: input.channels,
      outputHeight: window.vertical.output, outputWidth: window.horizontal.output,
      outputChannels: outChannels, kernelHeight: window.vertical.kernel,
      kernelWidth: window.horizontal.kernel, strideHeight: window.vertical.stride,
      strideWidth: window.horizontal.stride, dilationHeight: window.vertical.dilation,
      dilationWidth: window.horizontal.dilation, padTop: window.vertical.padBefore,
      padLeft: window.horizontal.padBefore, groups: groups)
    guard isValid else {
      throw CNNError(
        .outOfMemory,
        "\(type): the padded input, the windows or the weight would have more elements than memory "
          + "can hold; use smaller sizes")
    }
  }
}
