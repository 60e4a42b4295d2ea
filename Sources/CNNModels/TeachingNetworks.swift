import CNNGraph
import CNNLayerKit

// The small networks of the teaching repository that this library goes back to.

extension Graph {
  /// A convolution, a rectifier, pooling, and two linear layers with batch normalisation between:
  /// the repository's network for CIFAR-10.
  ///
  /// conv 32 7x7 (padding 3), relu, max pool 2x2; linear 100, batch norm (momentum 0.95), relu;
  /// linear `classes`. Weights start normally distributed with a deviation of 0.001.
  /// - Parameters:
  ///   - inputShape: Height, width and channels; at least 2 x 2.
  ///   - classes: The number of outputs, which are logits.
  public static func convNet(inputShape: [Int] = [32, 32, 3], classes: Int = 10) -> Graph {
    Graph(
      name: "convnet", input: inputShape,
      layers: [
        conv("conv1", 32, 7, padding: 3, initializer: 0.001), relu("relu1"),
        maxPool("pool1", 2, stride: 2), flatten(),
        linear("fc1", 100, initializer: 0.001), batchNorm("bn1", momentum: 0.95), relu("relu2"),
        linear("fc2", classes, initializer: 0.001),
      ])
  }

  /// Three stages of two 7x7 convolutions, and a linear layer of 1,042: the repository's network
  /// for dogs against cats at 32 pixels.
  ///
  /// Three times [conv 32 7x7 same, relu, conv 32 7x7 same, relu, max pool 2x2, batch norm]; linear
  /// 1042, relu, dropout 0.5; linear `classes`. Xavier initialisation.
  /// - Parameters:
  ///   - inputShape: Height, width and channels; at least 8 x 8.
  ///   - classes: The number of outputs, which are logits.
  public static func deep(inputShape: [Int] = [32, 32, 3], classes: Int = 2) -> Graph {
    var layers: [Node] = []
    for stage in 1...3 { layers += doubleConvolution(stage, channels: 32) }
    layers += [
      flatten(), linear("fc1", 1042, initializer: "xavier"), relu("fc1.relu"),
      dropout("fc1.dropout", 0.5), linear("fc2", classes, initializer: "xavier"),
    ]
    return Graph(name: "deep", input: inputShape, layers: layers)
  }

  /// Two stages of two wide 7x7 convolutions, and a linear layer of 4,096: the repository's network
  /// for dogs against cats at 64 pixels.
  ///
  /// [conv 64 7x7 same, relu, conv 64 7x7 same, relu, max pool 2x2, batch norm], the same with 128
  /// channels; linear 4096, dropout 0.5; linear `classes`. Xavier initialisation.
  /// - Parameters:
  ///   - inputShape: Height, width and channels; at least 4 x 4.
  ///   - classes: The number of outputs, which are logits.
  ///   - hiddenReLU: Whether a rectifier follows the linear layer of 4,096. The repository names
  ///     none, and without it the two linear layers can express no more than one.
  public static func shallow(
    inputShape: [Int] = [64, 64, 3], classes: Int = 2, hiddenReLU: Bool = true
  ) -> Graph {
    var layers = doubleConvolution(1, channels: 64) + doubleConvolution(2, channels: 128)
    layers += [flatten(), linear("fc1", 4096, initializer: "xavier")]
    if hiddenReLU { layers.append(relu("fc1.relu")) }
    layers += [dropout("fc1.dropout", 0.5), linear("fc2", classes, initializer: "xavier")]
    return Graph(name: "shallow", input: inputShape, layers: layers)
  }

  /// One convolution and two linear layers: the well-known first network for MNIST.
  ///
  /// conv 32 3x3, relu, max pool 2x2, dropout 0.25; linear 128, relu, dropout 0.25; linear
  /// `classes`. Xavier initialisation. The outputs are logits: the softmax that Keras users write as
  /// the last layer belongs to the loss here.
  /// - Parameters:
  ///   - inputShape: Height, width and channels; at least 4 x 4.
  ///   - classes: The number of outputs.
  public static func mnist(inputShape: [Int] = [28, 28, 1], classes: Int = 10) -> Graph {
    Graph(
      name: "mnist", input: inputShape,
      layers: [
        conv("conv1", 32, 3, initializer: "xavier"), relu("conv1.relu"),
        maxPool("pool1", 2, stride: 2), dropout("pool1.dropout", 0.25), flatten(),
        linear("fc1", 128, initializer: "xavier"), relu("fc1.relu"), dropout("fc1.dropout", 0.25),
        linear("fc2", classes, initializer: "xavier"),
      ])
  }

  private static func doubleConvolution(_ stage: Int, channels: Int) -> [Node] {
    let first = "stage\(stage).conv1"
    let second = "stage\(stage).conv2"
    return [
      conv(first, channels, 7, padding: "same", initializer: "xavier"), relu("\(first).relu"),
      conv(second, channels, 7, padding: "same", initializer: "xavier"), relu("\(second).relu"),
      maxPool("stage\(stage).pool", 2, stride: 2), batchNorm("stage\(stage).bn"),
    ]
  }
}

extension NamedModel {
  static let convNet = NamedModel(
    "convnet", "One 7x7 convolution and two linear layers with batch normalisation, for CIFAR-10.",
    inputShape: [32, 32, 3], classes: 10
  ) { (options) throws(CNNError) in
    .convNet(inputShape: options.inputShape, classes: options.classes)
  }

  static let deep = NamedModel(
    "deep", "Six 7x7 convolutions in three stages, for dogs against cats at 32 pixels.",
    inputShape: [32, 32, 3], classes: 2
  ) { (options) throws(CNNError) in
    .deep(inputShape: options.inputShape, classes: options.classes)
  }

  static let shallow = NamedModel(
    "shallow", "Four wide 7x7 convolutions in two stages, for dogs against cats at 64 pixels.",
    inputShape: [64, 64, 3], classes: 2,
    options: [
      AttributeSpecification(
        "hidden_relu", .boolean, default: true,
        "Whether a rectifier follows the linear layer of 4,096.")
    ]
  ) { (options) throws(CNNError) in
    .shallow(
      inputShape: options.inputShape, classes: options.classes,
      hiddenReLU: try options.values.boolean("hidden_relu"))
  }

  static let mnist = NamedModel(
    "mnist", "One 3x3 convolution and two linear layers, for handwritten digits.",
    inputShape: [28, 28, 1], classes: 10
  ) { (options) throws(CNNError) in
    .mnist(inputShape: options.inputShape, classes: options.classes)
  }
}
