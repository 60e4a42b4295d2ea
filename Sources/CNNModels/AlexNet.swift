import CNNGraph
import CNNLayerKit

extension Graph {
  /// How AlexNet normalises after its first two poolings.
  public enum AlexNetNorm: String, Sendable, CaseIterable {
    /// Across neighbouring channels, as in the paper (k = 2, n = 5, alpha = 1e-4, beta = 0.75).
    case localResponse = "local_response"
    /// Batch normalisation, which trains faster.
    case batch
  }

  /// AlexNet in one piece (Krizhevsky, Sutskever and Hinton 2012).
  ///
  /// conv 96 11x11 stride 4, relu, max pool 3x3 stride 2, norm; conv 256 5x5 padding 2, relu, max
  /// pool 3x3 stride 2, norm; conv 384, 384 and 256 3x3 padding 1, each with relu; max pool 3x3
  /// stride 2; linear 4096, 4096 and `classes`, the first two with relu and dropout 0.5. At 227
  /// pixels the planes are 55, 27, 13 and 6 wide. The paper's split over two devices is left out, so
  /// there are 62.4 million parameters.
  /// - Parameters:
  ///   - inputShape: Height, width and channels; at least 67 x 67.
  ///   - classes: The number of outputs, which are logits.
  ///   - norm: How to normalise; the paper's way unless told otherwise.
  ///   - width: The share of the paper's channels and hidden units that each layer has, above 0;
  ///     a quarter leaves 1.4 million parameters at 67 x 67 with 10 classes.
  public static func alexNet(
    inputShape: [Int] = [227, 227, 3], classes: Int = 1000, norm: AlexNetNorm = .localResponse,
    width: Double = 1
  ) -> Graph {
    // A width that is none gives layers without channels, which a network refuses by name.
    func wide(_ channels: Int) -> Int {
      guard width > 0, let count = Int(exactly: (Double(channels) * width).rounded()) else {
        return 0
      }
      return max(1, count)
    }
    return Graph(
      name: "alexnet", input: inputShape,
      layers: [
        conv("conv1", wide(96), 11, stride: 4), relu("relu1"), maxPool("pool1", 3, stride: 2),
        normalization("norm1", norm),
        conv("conv2", wide(256), 5, padding: 2), relu("relu2"), maxPool("pool2", 3, stride: 2),
        normalization("norm2", norm),
        conv("conv3", wide(384), 3, padding: 1), relu("relu3"),
        conv("conv4", wide(384), 3, padding: 1), relu("relu4"),
        conv("conv5", wide(256), 3, padding: 1), relu("relu5"), maxPool("pool5", 3, stride: 2),
        flatten(),
        linear("fc6", wide(4096)), relu("relu6"), dropout("dropout6", 0.5),
        linear("fc7", wide(4096)), relu("relu7"), dropout("dropout7", 0.5),
        linear("fc8", classes, initializer: 0.01),
      ])
  }

  private static func normalization(_ name: String, _ norm: AlexNetNorm) -> Node {
    switch norm {
    case .batch: batchNorm(name)
    case .localResponse:
      // The layer takes the mean over the 5 channels where the paper takes the sum: 5 · 1e-4.
      Node(
        name, type: "local_response_norm", ["size": 5, "alpha": 5e-4, "beta": 0.75, "k": 2])
    }
  }
}

extension NamedModel {
  static let alexNet = NamedModel(
    "alexnet", "AlexNet (2012) in one piece, for ImageNet.", inputShape: [227, 227, 3],
    classes: 1000,
    options: [
      AttributeSpecification(
        "norm", .choice(Graph.AlexNetNorm.allCases.map(\.rawValue)), default: "local_response",
        "How to normalise after the first two poolings: as in the paper, or over the batch."),
      AttributeSpecification(
        "width", .number(0.01...4), default: 1.0,
        "The share of the paper's channels and hidden units that each layer has."),
    ]
  ) { (options) throws(CNNError) in
    let norm = Graph.AlexNetNorm(rawValue: try options.values.string("norm"))
    return .alexNet(
      inputShape: options.inputShape, classes: options.classes, norm: norm ?? .localResponse,
      width: try options.values.number("width"))
  }
}
