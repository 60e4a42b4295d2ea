import CNNGraph
import CNNLayerKit
import Testing

/// A layer with a precise form: the quick one says 1, the precise one 2.
private struct Rounding: Layer {
  let outputs: [OutputDeclaration]
  var value: Float = 1

  var precise: any Layer {
    var layer = self
    layer.value = 2
    return layer
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    for i in call.outputs[0].indices { call.outputs[0][i] = value }
  }
}

@Suite struct PreciseTests {
  private static func registry() throws -> LayerRegistry {
    let registry = LayerRegistry()
    try registry.register(
      LayerType("rounding", summary: "A layer with two forms.") {
        (_, inputs) throws(CNNError) in Rounding(outputs: [OutputDeclaration(shape: inputs[0])])
      })
    return registry
  }

  private static let text = """
    {"inputs": [{"name": "x", "shape": [2]}], "layers": [{"type": "rounding"}]PRECISE}
    """

  @Test(
    arguments: [
      ("", false, 1), (", \"precise\": false", false, 1), (", \"precise\": true", false, 2),
      ("", true, 2), (", \"precise\": true", true, 2),
    ] as [(String, Bool, Float)])
  func preciseLayersAreUsedWhereAskedFor(key: String, session isPrecise: Bool, value: Float) throws
  {
    let graph = try Graph(json: Self.text.replacing("PRECISE", with: key))
    #expect(try Graph(json: graph.json) == graph)
    let model = try Model(graph, registry: try Self.registry())
    let session = try Session(model: model, isPrecise: isPrecise)
    _ = try session.input()
    try session.run(batch: 1)
    #expect(try Array(session.output()) == [value, value])
  }

  @Test func preciseIsTrueOrFalse() {
    #expect(throws: CNNError.self) {
      try Graph(json: Self.text.replacing("PRECISE", with: ", \"precise\": 1"))
    }
  }
}
