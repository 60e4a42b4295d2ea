import CNNGraph
import CNNLayerKit

extension Graph {
  /// ResNet-18, with torchvision's structure and names, so that its state dict loads.
  ///
  /// He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition".
  ///
  /// - Parameters:
  ///   - inputShape: Height, width and channels; at least 7 x 7, meant for 224.
  ///   - classes: The number of outputs, which are logits.
  public static func resNet18(inputShape: [Int] = [224, 224, 3], classes: Int = 1000) -> Graph {
    ResNetBuilder.imageNet("resnet18", [2, 2, 2, 2], bottleneck: false, inputShape, classes)
  }

  /// ResNet-34; see `resNet18`.
  public static func resNet34(inputShape: [Int] = [224, 224, 3], classes: Int = 1000) -> Graph {
    ResNetBuilder.imageNet("resnet34", [3, 4, 6, 3], bottleneck: false, inputShape, classes)
  }

  /// ResNet-50, with the stride on the 3x3 convolutions as torchvision has it ("version 1.5"); see
  /// `resNet18`.
  public static func resNet50(inputShape: [Int] = [224, 224, 3], classes: Int = 1000) -> Graph {
    ResNetBuilder.imageNet("resnet50", [3, 4, 6, 3], bottleneck: true, inputShape, classes)
  }

  /// How a residual network makes planes smaller from stage to stage.
  public enum Downsampling: String, CaseIterable, Hashable, Sendable {
    /// The first convolution of a stage and its shortcut have stride 2, as in the paper.
    case stride
    /// A 2 x 2 max pooling before the stage. All 3x3 convolutions but the first have stride 1 then,
    /// for which Winograd's algorithms save most.
    case maxPool = "max_pool"
  }

  /// A residual network for images of 32 to 96 pixels.
  ///
  /// That of He, Zhang, Ren and Sun 2015, section 4.2, with projections as shortcuts.
  /// A 3x3 convolution, then as many stages as there are widths, each of some blocks of two 3x3
  /// convolutions; each stage after the first halves the plane; the mean of each channel, dropout,
  /// and a linear layer. The default is ResNet-20 with 272,474 parameters for 10 classes.
  /// - Parameters:
  ///   - inputShape: Height, width and channels.
  ///   - classes: The number of outputs, which are logits.
  ///   - widths: The channels of each stage; the first convolution has those of the first.
  ///   - blocksPerStage: How many residual blocks each stage has: a number for each width, or one
  ///     for all. At least 1, except that the first may be 0: then that stage is the first
  ///     convolution alone.
  ///   - stemStride: The stride of the first convolution; nil means 1 up to 48 pixels and 2 above.
  ///   - downsampling: What halves the plane at the begin of a stage.
  ///   - dropout: The probability of dropping a feature before the linear layer.
  public static func resNetSmall(
    inputShape: [Int] = [32, 32, 3], classes: Int = 10, widths: [Int] = [16, 32, 64],
    blocksPerStage: [Int] = [3], stemStride: Int? = nil, downsampling: Downsampling = .stride,
    dropout probability: Double = 0
  ) -> Graph {
    let isLarge = inputShape.prefix(2).contains { $0 > 48 }
    let stem = widths.first ?? 16
    var builder = ResNetBuilder(channels: stem)
    builder.layers = [
      conv("conv1", stem, 3, stride: stemStride ?? (isLarge ? 2 : 1), padding: 1, bias: false),
      batchNorm("bn1"), relu("relu"),
    ]
    for (index, width) in widths.enumerated() {
      let blocks =
        index < blocksPerStage.count ? blocksPerStage[index] : (blocksPerStage.last ?? 1)
      if index == 0, blocks == 0 { continue }
      let pools = index > 0 && downsampling == .maxPool
      if pools { builder.addPooling("layer\(index + 1).pool") }
      builder.addStage(
        "layer\(index + 1)", blocks: blocks, width: width, stride: index == 0 || pools ? 1 : 2,
        bottleneck: false)
    }
    builder.addHead(classes, dropout: probability)
    return Graph(name: "resnet_small", input: inputShape, layers: builder.layers)
  }
}

/// Puts residual blocks one after the other.
private struct ResNetBuilder {
  var layers: [Graph.Node] = []
  /// The channels of the last layer.
  private var channels: Int
  private var last = "relu"

  init(channels: Int) { self.channels = channels }

  static func imageNet(
    _ name: String, _ blocks: [Int], bottleneck: Bool, _ inputShape: [Int], _ classes: Int
  ) -> Graph {
    var builder = ResNetBuilder(channels: 64)
    builder.layers = [
      conv("conv1", 64, 7, stride: 2, padding: 3, bias: false), batchNorm("bn1"), relu("relu"),
      maxPool("maxpool", 3, stride: 2, padding: 1),
    ]
    builder.last = "maxpool"
    for (index, count) in blocks.enumerated() {
      builder.addStage(
        "layer\(index + 1)", blocks: count, width: 64 << index, stride: index == 0 ? 1 : 2,
        bottleneck: bottleneck)
    }
    builder.addHead(classes, dropout: 0)
    return Graph(name: name, input: inputShape, layers: builder.layers)
  }

  mutating func addPooling(_ name: String) {
    layers.append(maxPool(name, 2, stride: 2, from: last))
    last = name
  }

  mutating func addStage(
    _ name: String, blocks: Int, width: Int, stride: Int, bottleneck: Bool
  ) {
    for index in 0..<max(1, blocks) {
      addBlock("\(name).\(index)", width, stride: index == 0 ? stride : 1, bottleneck)
    }
  }

  private mutating func addBlock(_ name: String, _ width: Int, stride: Int, _ bottleneck: Bool) {
    let input = last
    let output = bottleneck ? 4 * width : width
    if bottleneck {
      layers += [
        conv("\(name).conv1", width, 1, bias: false, from: input),
        batchNorm("\(name).bn1"), relu("\(name).relu1"),
        conv("\(name).conv2", width, 3, stride: stride, padding: 1, bias: false),
        batchNorm("\(name).bn2"), relu("\(name).relu2"),
        conv("\(name).conv3", output, 1, bias: false), batchNorm("\(name).bn3"),
      ]
    } else {
      layers += [
        conv("\(name).conv1", width, 3, stride: stride, padding: 1, bias: false, from: input),
        batchNorm("\(name).bn1"), relu("\(name).relu1"),
        conv("\(name).conv2", output, 3, padding: 1, bias: false), batchNorm("\(name).bn2"),
      ]
    }
    let main = layers[layers.count - 1].name
    var shortcut = input
    if stride != 1 || channels != output {
      shortcut = "\(name).downsample.1"
      layers += [
        conv("\(name).downsample.0", output, 1, stride: stride, bias: false, from: input),
        batchNorm(shortcut),
      ]
    }
    layers += [
      Graph.Node("\(name).add", type: "add", inputs: [main, shortcut]), relu("\(name).relu"),
    ]
    last = "\(name).relu"
    channels = output
  }

  mutating func addHead(_ classes: Int, dropout probability: Double) {
    layers.append(Graph.Node("avgpool", type: "global_avg_pool2d"))
    if probability > 0 { layers.append(dropout("dropout", probability)) }
    layers.append(linear("fc", classes, initializer: 0.01))
  }
}

extension NamedModel {
  static let resNetSmall = NamedModel(
    "resnet_small", "A residual network for images of 32 to 96 pixels (ResNet-20 by default).",
    inputShape: [32, 32, 3], classes: 10,
    options: [
      AttributeSpecification(
        "widths", .integers(1...65536), default: [16, 32, 64], "The channels of each stage."),
      AttributeSpecification(
        "blocks_per_stage", .any, default: 3,
        "How many residual blocks a stage has: a number from 1 to 64, or one for each stage, of "
          + "which the first may be 0."),
      AttributeSpecification(
        "stem_stride", .any, default: .null,
        "The stride of the first convolution; left out, 1 up to 48 pixels and 2 above."),
      AttributeSpecification(
        "downsampling", .choice(Graph.Downsampling.allCases.map(\.rawValue)), default: "stride",
        "What halves the plane before each stage but the first: the stride of its first "
          + "convolution, or a max pooling, which is faster."),
      AttributeSpecification(
        "dropout", .number(0...1), default: 0,
        "The probability of dropping a feature before the linear layer."),
    ]
  ) { (options) throws(CNNError) in
    let widths = try options.values.integers("widths")
    guard (1...8).contains(widths.count) else {
      throw .invalidArgument("\"widths\" lists 1 to 8 stages, got \(widths.count)")
    }
    return .resNetSmall(
      inputShape: options.inputShape, classes: options.classes, widths: widths,
      blocksPerStage: try blocks(options.values, stages: widths.count),
      stemStride: try stemStride(options.values),
      downsampling: Graph.Downsampling(rawValue: try options.values.string("downsampling"))
        ?? .stride,
      dropout: try options.values.number("dropout"))
  }

  private static func blocks(_ values: Attributes, stages: Int) throws(CNNError) -> [Int] {
    let value = try values.value("blocks_per_stage")
    var counts: [Int] = []
    if case .list(let items) = value {
      counts = items.compactMap(\.asInteger)
      guard counts.count == items.count, counts.count == stages else {
        throw .invalidArgument(
          "\"blocks_per_stage\" is a number, or \(stages) of them as there are \"widths\"")
      }
    } else if let count = value.asInteger {
      counts = [count]
    }
    guard let first = counts.first, (counts.count > 1 ? 0...64 : 1...64).contains(first),
      counts.dropFirst().allSatisfy({ (1...64).contains($0) })
    else {
      throw .invalidArgument(
        "\"blocks_per_stage\" is from 1 to 64; of several, the first may be 0")
    }
    return counts
  }

  private static func stemStride(_ values: Attributes) throws(CNNError) -> Int? {
    guard values.has("stem_stride") else { return nil }
    guard let stride = try values.value("stem_stride").asInteger, (1...16).contains(stride) else {
      throw .invalidArgument("\"stem_stride\" is a whole number from 1 to 16")
    }
    return stride
  }

  static let resNet18 = NamedModel(
    "resnet18", "ResNet-18 for ImageNet, with torchvision's names.", inputShape: [224, 224, 3],
    classes: 1000
  ) { (options) throws(CNNError) in
    .resNet18(inputShape: options.inputShape, classes: options.classes)
  }

  static let resNet34 = NamedModel(
    "resnet34", "ResNet-34 for ImageNet, with torchvision's names.", inputShape: [224, 224, 3],
    classes: 1000
  ) { (options) throws(CNNError) in
    .resNet34(inputShape: options.inputShape, classes: options.classes)
  }

  static let resNet50 = NamedModel(
    "resnet50", "ResNet-50 (version 1.5) for ImageNet, with torchvision's names.",
    inputShape: [224, 224, 3], classes: 1000
  ) { (options) throws(CNNError) in
    .resNet50(inputShape: options.inputShape, classes: options.classes)
  }
}
