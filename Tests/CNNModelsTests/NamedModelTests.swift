import CNNGraph
import CNNKit
import CNNLayerKit
import CNNModels
import Testing

/// An architecture with what is published or counted by hand about it.
struct Published: Sendable, CustomTestStringConvertible {
  let name: String
  let parameters: Int
  /// Multiplications followed by an addition, in millions, of the layers that count them.
  let millionProducts: ClosedRange<Int>
  var testDescription: String { name }
}

@Suite("named models")
struct NamedModelTests {
  init() throws { try registerBuiltinLayers() }

  static let published = [
    // 32·3·49 + 32; 16·16·32·100 + 100; 2·100; 100·10 + 10.
    Published(
      name: "convnet", parameters: 4_736 + 819_300 + 200 + 1_010, millionProducts: 5...7),
    // 32·3·49 + 32; five times 32·32·49 + 32; three times 2·32; 512·1042 + 1042; 1042·2 + 2.
    Published(
      name: "deep", parameters: 4_736 + 5 * 50_208 + 3 * 64 + 534_546 + 2_086,
      millionProducts: 80...90),
    // 64·3·49 + 64; 64·64·49 + 64; 128; 128·64·49 + 128; 128·128·49 + 128; 256;
    // 16·16·128·4096 + 4096; 4096·2 + 2.
    Published(
      name: "shallow",
      parameters: 9_472 + 200_768 + 128 + 401_536 + 802_944 + 256 + 134_221_824 + 8_194,
      millionProducts: 2_200...2_400),
    // 96·3·121 + 96; 256·96·25 + 256; 384·256·9 + 384; 384·384·9 + 384; 256·384·9 + 256;
    // 9216·4096 + 4096; 4096·4096 + 4096; 4096·1000 + 1000.
    Published(
      name: "alexnet",
      parameters: 34_944 + 614_656 + 885_120 + 1_327_488 + 884_992 + 37_752_832 + 16_781_312
        + 4_097_000, millionProducts: 1_100...1_160),
    // 32·9 + 32; 13·13·32·128 + 128; 128·10 + 10.
    Published(name: "mnist", parameters: 320 + 692_352 + 1_290, millionProducts: 0...1),
    // The 269,722 of ResNet-20 without, plus 32·16 + 2·32 and 64·32 + 2·64 with projections.
    Published(
      name: "resnet_small", parameters: 269_722 + 576 + 2_176, millionProducts: 40...42),
    // As torchvision's documentation says: 1.81, 3.66 and 4.09 "GFLOPS" of fused products.
    Published(name: "resnet18", parameters: 11_689_512, millionProducts: 1_800...1_830),
    Published(name: "resnet34", parameters: 21_797_672, millionProducts: 3_650...3_690),
    Published(name: "resnet50", parameters: 25_557_032, millionProducts: 4_080...4_140),
  ]

  @Test("parameters and operations are those published", arguments: published)
  func counts(expected: Published) throws {
    let network = try Network(try NamedModel.named(expected.name).graph())
    let parameters = network.nodes.flatMap { $0.layer.parameters }.reduce(0) { $0 + $1.shape.count }
    #expect(parameters == expected.parameters)
    let products = network.nodes.filter { $0.type == "conv2d" || $0.type == "linear" }
      .reduce(0) { $0 + $1.layer.operationCount / 2 }
    #expect(expected.millionProducts.contains(products / 1_000_000), "\(products)")
  }

  @Test("every architecture is tested against published numbers")
  func complete() {
    #expect(Set(NamedModel.all.map(\.name)) == Set(NamedModelTests.published.map(\.name)))
    #expect(Set(NamedModel.all.map(\.name)).count == NamedModel.all.count)
  }

  @Test("defaults are what the description says", arguments: NamedModel.all.map(\.name))
  func defaults(name: String) throws {
    let named = try NamedModel.named(name)
    let graph = try named.graph()
    #expect(graph.inputs.map(\.shape) == [named.inputShape])
    let network = try Network(graph)
    #expect(network.outputs.map { network.tensors[$0].shape.sizes } == [[named.classes]])
    #expect(try Graph(json: graph.json) == graph)
  }

  @Test(
    "classes, size and channels can be chosen",
    arguments: [
      ("convnet", [16, 20, 1]), ("deep", [16, 16, 3]), ("shallow", [8, 8, 3]),
      ("alexnet", [67, 67, 3]), ("mnist", [8, 8, 2]), ("resnet_small", [96, 64, 3]),
      ("resnet18", [64, 64, 4]), ("resnet34", [32, 32, 3]), ("resnet50", [32, 48, 1]),
    ])
  func options(name: String, shape: [Int]) throws {
    let options: [String: AttributeValue] = [
      "classes": 7, "input_shape": .list(shape.map(AttributeValue.integer)),
    ]
    let network = try Network(try NamedModel.named(name).graph(options))
    #expect(network.tensors[0].shape.sizes == shape)
    #expect(network.outputs.map { network.tensors[$0].shape.sizes } == [[7]])
  }

  @Test("AlexNet's planes are 55, 27, 13 and 6 wide, and it normalises in two ways")
  func alexNet() throws {
    let network = try Network(.alexNet())
    for (name, shape) in [
      ("conv1", [55, 55, 96]), ("pool1", [27, 27, 96]), ("pool2", [13, 13, 256]),
      ("pool5", [6, 6, 256]),
    ] {
      #expect(network.tensors[try network.tensor(named: name)].shape.sizes == shape)
    }
    let batch = try NamedModel.named("alexnet").graph(json: "{\"norm\": \"batch\"}")
    #expect(batch.layers.filter { $0.type == "batch_norm" }.map(\.name) == ["norm1", "norm2"])
    let quarter = try Network(
      NamedModel.named("alexnet").graph(
        json: "{\"width\": 0.25, \"input_shape\": [67, 67, 3], \"classes\": 10}"))
    for (name, shape) in [("conv1", [15, 15, 24]), ("pool5", [1, 1, 64]), ("fc7", [1024])] {
      #expect(quarter.tensors[try quarter.tensor(named: name)].shape.sizes == shape)
    }
    let counts = quarter.nodes.flatMap { $0.layer.parameters.map(\.shape.count) }
    #expect(counts.reduce(0, +) == 1_367_402)
    for width in [0, -1, .nan, .infinity] {
      #expect(throws: CNNError.self) { try Network(.alexNet(width: width)) }
    }
  }

  @Test("ResNet parameters have torchvision's names and shapes")
  func torchvisionNames() throws {
    let network = try Network(.resNet50())
    var shapes: [String: [Int]] = [:]
    for node in network.nodes {
      for declaration in node.layer.parameters + node.layer.states {
        let sizes = declaration.shape.sizes
        shapes["\(node.name).\(declaration.name)"] =
          declaration.fileAxes?.map { sizes[$0] } ?? sizes
      }
    }
    // 161 parameters and 106 running statistics; the 53 counters of batches are left out.
    #expect(shapes.count == 320 - 53)
    for (name, shape) in [
      ("conv1.weight", [64, 3, 7, 7]), ("bn1.running_var", [64]),
      ("layer1.0.conv1.weight", [64, 64, 1, 1]), ("layer1.0.downsample.0.weight", [256, 64, 1, 1]),
      ("layer1.0.downsample.1.bias", [256]), ("layer2.0.conv2.weight", [128, 128, 3, 3]),
      ("layer4.2.bn3.running_mean", [2048]), ("fc.weight", [1000, 2048]), ("fc.bias", [1000]),
    ] {
      #expect(shapes[name] == shape, "\(name)")
    }
  }

  @Test("the small residual network follows its options")
  func resNetSmall() throws {
    let named = try NamedModel.named("resnet_small")
    let graph = try named.graph([
      "widths": [8, 12], "blocks_per_stage": 1, "dropout": 0.3, "stem_stride": 2,
    ])
    #expect(
      graph.layers.filter { $0.type == "add" }.map(\.name) == ["layer1.0.add", "layer2.0.add"])
    #expect(graph.layers.contains { $0.type == "dropout" })
    #expect(graph.layers[0].attributes["stride"] == 2)
    #expect(try named.graph().layers[0].attributes["stride"] == nil)
    #expect(try named.graph(["input_shape": [96, 96, 3]]).layers[0].attributes["stride"] == 2)
  }

  @Test("with pooling between stages every 3x3 convolution but the first has stride 1")
  func pooledResNet() throws {
    let graph = try NamedModel.named("resnet_small").graph([
      "input_shape": [96, 96, 3], "widths": [8, 12, 16], "blocks_per_stage": [0, 1, 2],
      "downsampling": "max_pool",
    ])
    #expect(
      graph.layers.filter { $0.type == "max_pool2d" || $0.type == "add" }.map(\.name)
        == ["layer2.pool", "layer2.0.add", "layer3.pool", "layer3.0.add", "layer3.1.add"])
    #expect(
      graph.layers.dropFirst().allSatisfy {
        $0.attributes["stride", default: 1] != 2
          || $0.type == "max_pool2d"
      })
    let network = try Network(graph)
    let shape = network.tensors.first { $0.name == "layer3.1.relu" }?.shape
    #expect(shape?.sizes == [12, 12, 16])
  }

  @Test(
    "wrong options are errors that name the option",
    arguments: [
      ("convnet", "{\"clases\": 3}", "did you mean \"classes\"?"),
      ("convnet", "{\"classes\": 0}", "classes"),
      ("convnet", "{\"classes\": 1e300}", "classes"),
      ("convnet", "{\"input_shape\": [32, 32]}", "[height, width, channels]"),
      ("convnet", "{\"input_shape\": [32, 32, -3]}", "input_shape"),
      ("convnet", "{\"norm\": \"batch\"}", "norm"),
      ("convnet", "[]", "JSON object"),
      ("alexnet", "{\"norm\": \"bach\"}", "did you mean \"batch\"?"),
      ("alexnet", "{\"width\": 0}", "width"),
      ("resnet_small", "{\"widths\": []}", "widths"),
      ("resnet_small", "{\"stem_stride\": 0}", "stem_stride"),
      ("resnet_small", "{\"dropout\": 2}", "dropout"),
      ("resnet_small", "{\"downsampling\": \"max_pol\"}", "did you mean \"max_pool\"?"),
      ("resnet_small", "{\"blocks_per_stage\": 0}", "from 1 to 64"),
      ("resnet_small", "{\"blocks_per_stage\": [1, 2]}", "3 of them"),
      ("resnet_small", "{\"blocks_per_stage\": [0, 0, 1]}", "the first may be 0"),
      ("resnet_small", "{\"blocks_per_stage\": [1, \"2\", 1]}", "3 of them"),
    ])
  func wrongOptions(name: String, options: String, fragment: String) throws {
    let named = try NamedModel.named(name)
    let error = #expect(throws: CNNError.self) { try named.graph(json: options) }
    #expect(error?.message.contains(fragment) == true, "\(error?.message ?? "")")
  }

  @Test("an unknown architecture is an error with the nearest one")
  func unknownName() {
    let error = #expect(throws: CNNError.self) { try NamedModel.named("resnet-18") }
    #expect(error?.code == .unknownName)
    #expect(error?.message.contains("\"resnet18\"") == true)
  }

  @Test("an input that is too small is an error that names the layer")
  func tooSmall() throws {
    let graph = try NamedModel.named("alexnet").graph(["input_shape": [32, 32, 3]])
    let error = #expect(throws: CNNError.self) { try Network(graph) }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message.contains("pool2") == true, "\(error?.message ?? "")")
  }
}
