import CNNGraph
import CNNKit
import CNNLayerKit
import Foundation
import Testing

@Suite("model summary")
struct ModelSummaryTests {
  init() throws { try registerBuiltinLayers() }

  static let residual = Graph(
    name: "tiny", input: [8, 8, 3],
    layers: [
      Graph.Node(
        "conv", type: "conv2d", ["out_channels": 16, "kernel_size": 3, "padding": "same"]),
      Graph.Node("bn", type: "batch_norm"),
      Graph.Node("relu", type: "relu"),
      Graph.Node(
        "conv2", type: "conv2d", ["out_channels": 16, "kernel_size": 3, "padding": "same"]),
      Graph.Node("add", type: "add", inputs: ["conv2", "relu"]),
      Graph.Node("flatten", type: "flatten"),
      Graph.Node("fc", type: "linear", ["out_features": 10]),
    ])

  @Test("numbers are those counted by hand")
  func numbers() throws {
    let model = try Model(ModelSummaryTests.residual)
    let summary = try ModelSummary(model, batch: 4)
    #expect(summary.rows.map(\.name) == ["conv", "bn", "relu", "conv2", "add", "flatten", "fc"])
    #expect(
      summary.rows.map(\.parameterCount) == [
        16 * 27 + 16, 32, 0, 16 * 144 + 16, 0, 0, 10 * 1024 + 10,
      ])
    #expect(summary.rows[1].stateCount == 32)
    #expect(summary.parameterCount == 448 + 32 + 2320 + 10250)
    #expect(summary.parameterCount == model.parameterCount)
    #expect(summary.parameterBytes == (13050 + 32) * 4)
    #expect(summary.rows[0].operationCount == 2 * 27 * 1024 + 1024)
    #expect(summary.rows[0].activationBytes == 8 * 8 * 16 * 4)
    #expect(summary.rows.map(\.followsPrevious) == [true, true, true, true, false, true, true])
    #expect(summary.predictionBytes == (try Session(model: model, capacity: 4)).memoryBytes)
    let training = try TrainingSession(model: model, options: .init(capacity: 4))
    #expect(summary.trainingBytes == training.memoryBytes)
  }

  @Test("the table is aligned and says what matters")
  func text() throws {
    let text = try ModelSummary(try Model(ModelSummaryTests.residual), batch: 32).text
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "tiny: 7 layers")
    #expect(lines[1] == "Input input: 8 x 8 x 3")
    let header = try #require(lines.first { $0.hasPrefix("Layer") })
    let end = try #require(header.range(of: "Parameters")?.upperBound)
    let column = header.distance(from: header.startIndex, to: end)
    for line in lines where line.hasPrefix("conv") || line.hasPrefix("fc") {
      #expect(line.prefix(column).last?.isNumber == true, "\(line)")
    }
    #expect(text.contains("10,250"))
    #expect(text.contains("<- conv2, relu"))
    #expect(text.contains("13,050 trained + 32 not trained (51.1 KiB)"))
    #expect(text.contains("batch of 32"))
    #expect(lines.allSatisfy { $0.last != " " })
  }

  @Test("JSON has the same numbers")
  func json() throws {
    let summary = try ModelSummary(try Model(ModelSummaryTests.residual), batch: 2)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(summary.json.utf8)) as? [String: Any])
    #expect(object["parameter_count"] as? Int == 13050)
    #expect(object["prediction_bytes"] as? Int == summary.predictionBytes)
    let layers = try #require(object["layers"] as? [[String: Any]])
    #expect(layers.count == 7)
    #expect(layers[4]["inputs"] as? [String] == ["conv2", "relu"])
    #expect(layers[3]["output_shape"] as? [Int] == [8, 8, 16])
  }

  @Test("a batch that makes no sense is an error")
  func wrongBatch() throws {
    let model = try Model(ModelSummaryTests.residual)
    for batch in [0, -1, Int.min] {
      #expect(throws: CNNError.self) { try ModelSummary(model, batch: batch) }
    }
    let error = #expect(throws: CNNError.self) { try ModelSummary(model, batch: .max) }
    #expect(error?.code == .outOfMemory)
  }

  @Test("a network that cannot be trained still has a summary")
  func predictionOnly() throws {
    struct OneWay: Layer {
      let outputs: [OutputDeclaration]
      var isDifferentiable: Bool { false }
      func forward(_ call: borrowing ForwardCall) throws(CNNError) {
        _ = call.outputs[0].update(from: call.inputs[0])
      }
    }
    let registry = LayerRegistry()
    try registerBuiltinLayers(in: registry)
    try registry.register(
      LayerType("one_way", summary: "Copies.") { (_, inputs) throws(CNNError) in
        OneWay(outputs: [OutputDeclaration(shape: inputs[0])])
      })
    let graph = Graph(
      input: [4],
      layers: [
        Graph.Node("fc", type: "linear", ["out_features": 2]), Graph.Node("end", type: "one_way"),
      ])
    let summary = try ModelSummary(try Model(graph, registry: registry))
    #expect(summary.trainingBytes == nil)
    #expect(summary.text.contains("training not possible"))
  }
}
