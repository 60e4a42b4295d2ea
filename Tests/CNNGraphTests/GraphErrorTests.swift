import CNNGraph
import CNNKit
import CNNLayerKit
import Foundation
import Testing

/// A description that is wrong, and what the error has to say.
struct WrongGraph: Sendable, CustomTestStringConvertible {
  let what: String
  let json: String
  let code: CNNError.Code
  let fragments: [String]
  var testDescription: String { what }

  init(_ what: String, _ json: String, _ code: CNNError.Code, _ fragments: String...) {
    self.what = what
    self.json = json
    self.code = code
    self.fragments = fragments
  }

  /// A graph with one image input and the given layers.
  init(
    _ what: String, layers: String, outputs: String? = nil, _ code: CNNError.Code,
    _ fragments: String...
  ) {
    self.what = what
    let tail = outputs.map { ", \"outputs\": \($0)" } ?? ""
    json =
      "{\"inputs\": [{\"name\": \"image\", \"shape\": [8, 8, 3]}], \"layers\": [\(layers)]\(tail)}"
    self.code = code
    self.fragments = fragments
  }
}

@Suite("graph errors")
struct GraphErrorTests {
  init() throws { try registerBuiltinLayers() }

  static let conv =
    "{\"name\": \"c\", \"type\": \"conv2d\", \"out_channels\": 4, \"kernel_size\": 3}"

  static let wrong = [
    // The text.
    WrongGraph("nothing", "", .malformedData, "not valid JSON"),
    WrongGraph("a number", "3", .malformedData, "must be a JSON object"),
    WrongGraph("cut off", "{\"inputs\": [", .malformedData, "not valid JSON"),
    WrongGraph(
      "no inputs", "{\"layers\": []}", .malformedData, "\"inputs\" of the graph is missing"),
    WrongGraph(
      "no layers", "{\"inputs\": []}", .malformedData, "\"layers\" of the graph is missing"),
    WrongGraph(
      "unknown key", "{\"inputs\": [], \"layers\": [], \"output\": []}", .unknownName,
      "unknown key \"output\"", "did you mean \"outputs\"?"),
    WrongGraph(
      "unknown input key", "{\"inputs\": [{\"name\": \"x\", \"size\": [1]}], \"layers\": []}",
      .unknownName, "\"size\""),
    WrongGraph(
      "shape of text", "{\"inputs\": [{\"name\": \"x\", \"shape\": [\"a\"]}], \"layers\": []}",
      .malformedData, "\"shape\" of input \"x\""),
    WrongGraph(
      "shape of a fraction", "{\"inputs\": [{\"name\": \"x\", \"shape\": [1.5]}], \"layers\": []}",
      .malformedData, "whole numbers"),
    WrongGraph("layer is a list", layers: "[]", .malformedData, "layer 0"),
    WrongGraph("layer without type", layers: "{\"name\": \"a\"}", .malformedData, "no \"type\""),
    WrongGraph("type is a number", layers: "{\"type\": 4}", .malformedData, "the type of layer 0"),
    WrongGraph(
      "inputs of numbers", layers: "{\"type\": \"relu\", \"inputs\": [1]}", .malformedData,
      "list of names"),
    // The structure.
    WrongGraph(
      "empty inputs", "{\"inputs\": [], \"layers\": [\(conv)]}", .invalidArgument, "no inputs"),
    WrongGraph("empty layers", layers: "", .invalidArgument, "no layers"),
    WrongGraph(
      "two inputs of one name",
      "{\"inputs\": [{\"name\": \"x\", \"shape\": [1]}, {\"name\": \"x\", \"shape\": [1]}], "
        + "\"layers\": [{\"type\": \"relu\"}]}", .invalidArgument, "two inputs are called \"x\""),
    WrongGraph(
      "zero size", "{\"inputs\": [{\"name\": \"x\", \"shape\": [0]}], \"layers\": [\(conv)]}",
      .invalidArgument, "input \"x\"", "at least 1"),
    WrongGraph(
      "overflowing size",
      "{\"inputs\": [{\"name\": \"x\", \"shape\": [4611686018427387904, 4]}], "
        + "\"layers\": [{\"type\": \"relu\"}]}", .invalidArgument, "input \"x\"",
      "too many elements"),
    WrongGraph(
      "unknown type", layers: "{\"name\": \"c\", \"type\": \"conv2\"}", .unknownName,
      "layer \"c\" (conv2)", "did you mean \"conv2d\"?"),
    WrongGraph(
      "missing plugin", layers: "{\"name\": \"s\", \"type\": \"org.example.swish\"}", .unknownName,
      "org.example.swish", "plugin"),
    WrongGraph(
      "unknown attribute",
      layers: "{\"name\": \"c\", \"type\": \"conv2d\", \"out_channels\": 4, \"kernel\": 3}",
      .unknownName, "layer \"c\"", "\"kernel\"", "did you mean \"kernel_size\"?"),
    WrongGraph(
      "missing attribute", layers: "{\"name\": \"c\", \"type\": \"conv2d\", \"out_channels\": 4}",
      .invalidArgument, "layer \"c\"", "\"kernel_size\" is missing"),
    WrongGraph(
      "attribute of the wrong kind",
      layers:
        "{\"name\": \"c\", \"type\": \"conv2d\", \"out_channels\": \"x\", \"kernel_size\": 3}",
      .invalidArgument, "out_channels"),
    WrongGraph(
      "attribute out of range",
      layers: "{\"name\": \"c\", \"type\": \"conv2d\", \"out_channels\": 1e99, \"kernel_size\": 3}",
      .invalidArgument, "out_channels"),
    WrongGraph(
      "repeated name", layers: "\(conv), \(conv)", .invalidArgument, "\"c\" is used twice"),
    WrongGraph(
      "a layer called like an input", layers: "{\"name\": \"image\", \"type\": \"relu\"}",
      .invalidArgument, "\"image\" is used twice"),
    WrongGraph(
      "empty name", layers: "{\"name\": \"\", \"type\": \"relu\"}", .invalidArgument,
      "1 to 256 bytes"),
    WrongGraph(
      "name with a space", layers: "{\"name\": \"a b\", \"type\": \"relu\"}", .invalidArgument,
      "neither spaces"),
    WrongGraph(
      "dangling input",
      layers: "\(conv), {\"name\": \"r\", \"type\": \"relu\", \"inputs\": [\"d\"]}",
      .unknownName, "layer \"r\" (relu)", "unknown input \"d\""),
    WrongGraph(
      "input of itself", layers: "{\"name\": \"r\", \"type\": \"relu\", \"inputs\": [\"r\"]}",
      .invalidArgument, "layer \"r\"", "cycles"),
    WrongGraph(
      "cycle of two",
      layers: "{\"name\": \"a\", \"type\": \"add\", \"inputs\": [\"image\", \"b\"]}, "
        + "{\"name\": \"b\", \"type\": \"relu\", \"inputs\": [\"a\"]}", .invalidArgument, "cycles"),
    WrongGraph(
      "shapes that do not fit",
      layers: "\(conv), {\"name\": \"a\", \"type\": \"add\", \"inputs\": [\"c\", \"image\"]}",
      .shapeMismatch, "layer \"a\" (add)", "[6, 6, 4]", "[8, 8, 3]"),
    WrongGraph(
      "too few inputs", layers: "{\"name\": \"a\", \"type\": \"add\"}", .shapeMismatch,
      "layer \"a\"", "got 1"),
    WrongGraph(
      "too many inputs",
      layers: "{\"name\": \"r\", \"type\": \"relu\", \"inputs\": [\"image\", \"image\"]}",
      .shapeMismatch, "layer \"r\"", "got 2"),
    WrongGraph(
      "no inputs at all", layers: "{\"name\": \"r\", \"type\": \"relu\", \"inputs\": []}",
      .shapeMismatch, "got 0"),
    WrongGraph(
      "a window larger than the image",
      layers: "{\"name\": \"c\", \"type\": \"conv2d\", \"out_channels\": 1, \"kernel_size\": 9}",
      .shapeMismatch, "layer \"c\"", "9"),
    WrongGraph(
      "a vector layer on an image",
      layers: "{\"name\": \"l\", \"type\": \"linear\", \"out_features\": 2}", .shapeMismatch,
      "flatten"),
    WrongGraph(
      "unknown output", layers: conv, outputs: "[\"d\"]", .unknownName, "output \"d\" of the graph"),
    WrongGraph(
      "an input as an output", layers: conv, outputs: "[\"image\"]", .invalidArgument,
      "output \"image\"", "it is an input"),
    WrongGraph(
      "an output twice", layers: conv, outputs: "[\"c\", \"c\"]", .invalidArgument, "listed twice"),
    WrongGraph(
      "unused layer",
      layers: "\(conv), {\"name\": \"r\", \"type\": \"relu\", \"inputs\": [\"image\"]}",
      outputs: "[\"c\"]", .invalidArgument, "layer \"r\"", "nothing uses its output"),
    WrongGraph(
      "unused input",
      "{\"inputs\": [{\"name\": \"x\", \"shape\": [1]}, {\"name\": \"y\", \"shape\": [1]}], "
        + "\"layers\": [{\"type\": \"relu\", \"inputs\": [\"x\"]}]}", .invalidArgument,
      "input \"y\" is not used"),
    WrongGraph(
      "several inputs and no word which",
      "{\"inputs\": [{\"name\": \"x\", \"shape\": [1]}, {\"name\": \"y\", \"shape\": [1]}], "
        + "\"layers\": [{\"name\": \"r\", \"type\": \"relu\"}]}", .invalidArgument, "layer \"r\"",
      "several inputs"),
    WrongGraph(
      "an output that the layer does not have",
      layers: "{\"name\": \"r\", \"type\": \"relu\"}, "
        + "{\"name\": \"s\", \"type\": \"relu\", \"inputs\": [\"r.indices\"]}", .unknownName,
      "\"r.indices\""),
  ]

  @Test("a wrong description is an error that says where and what", arguments: wrong)
  func errors(graph: WrongGraph) throws {
    let error = #expect(throws: CNNError.self) { try Network(try Graph(json: graph.json)) }
    #expect(error?.code == graph.code, "\(error?.message ?? "")")
    for fragment in graph.fragments {
      #expect(error?.message.contains(fragment) == true, "\(error?.message ?? "")")
    }
  }

  @Test("blocks stand for their layers, and outputs of layers have names")
  func blocksAndOutputs() throws {
    let graph = try Graph(
      json: """
        {"inputs": [{"name": "image", "shape": [8, 8, 3]}], "outputs": ["up", "features"],
         "layers": [
          {"name": "features", "type": "conv_relu", "out_channels": 4, "kernel_size": 3,
           "padding": "same"},
          {"name": "pool", "type": "max_pool2d", "kernel_size": 2, "return_indices": true},
          {"name": "up", "type": "max_unpool2d", "inputs": ["pool", "pool.indices"],
           "kernel_size": 2}]}
        """)
    let network = try Network(graph)
    #expect(network.nodes.map(\.name) == ["features.conv", "features.relu", "pool", "up"])
    #expect(network.outputNames == ["up", "features"])
    #expect(network.tensors[network.outputs[0]].shape.sizes == [8, 8, 4])
    // A block's name, the name of its last layer, and `layer.output` mean the same tensor.
    let features = try network.tensor(named: "features")
    #expect(network.nodes[2].inputs == [features])
    #expect(try network.tensor(named: "pool.indices") == network.nodes[2].outputs[1])
    #expect(try Graph(json: graph.json) == graph)
    // Names inside a block may collide with those of layers.
    var clash = graph
    clash.layers.append(Graph.Node("features.relu", type: "relu"))
    #expect(throws: CNNError.self) { try Network(clash) }
  }

  @Test("names and inputs may be left out")
  func shortForm() throws {
    let graph = try Graph(
      json: "{\"inputs\": [{\"name\": \"x\", \"shape\": [4.0]}], "
        + "\"layers\": [{\"type\": \"relu\"}, {\"type\": \"linear\", \"out_features\": 2}]}")
    #expect(graph.layers.map(\.name) == ["relu1", "linear2"])
    let network = try Network(graph)
    #expect(network.tensors[network.outputs[0]].shape.sizes == [2])
  }

  @Test("hostile JSON is an error and never the end of the process")
  func hostileJSON() {
    let deep = String(repeating: "[", count: 100_000)
    let objects = String(repeating: "{\"a\":", count: 100_000)
    let number = String(repeating: "9", count: 100_000)
    var texts = [
      deep, objects, deep + String(repeating: "]", count: 100_000), "\u{0}", "\u{FEFF}{}",
      "{\"inputs\": \(deep)",
    ]
    for value in [
      number, "-\(number)", "1e999999", "-1e999999", "1e-999999", "NaN", "9223372036854775808",
    ] {
      texts.append("{\"inputs\": [{\"name\": \"x\", \"shape\": [\(value)]}], \"layers\": []}")
      texts.append(
        "{\"inputs\": [{\"name\": \"x\", \"shape\": [4]}], \"layers\": "
          + "[{\"type\": \"linear\", \"out_features\": \(value)}]}")
    }
    for text in texts {
      #expect(throws: CNNError.self, "\(text.prefix(60))") { try Network(try Graph(json: text)) }
    }
  }

  @Test("a graph with a character changed is an error or a graph", arguments: 0..<4)
  func mutatedJSON(part: Int) throws {
    let text = Array(RandomGraph.make(seed: 17, layers: 8).json.utf8)
    var random = SeededRandom(UInt64(part))
    for position in stride(from: part, to: text.count, by: 4) {
      var changed = text
      changed[position] = UInt8.random(in: 0...255, using: &random)
      do { _ = try Network(try Graph(json: String(decoding: changed, as: UTF8.self))) } catch {
        #expect(!error.message.isEmpty)
      }
    }
  }
}
