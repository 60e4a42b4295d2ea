import CNNGraph
import CNNLayerKit
import Testing

/// Layers that prepare as many numbers as a layer may, and together more than can be counted.
@Suite struct HugePreparationTests {
  private struct Huge: Layer {
    let outputs: [OutputDeclaration]
    var preparedCount: Int { Shape.maximumCount }
    func forward(_ call: borrowing ForwardCall) throws(CNNError) {}
  }

  @Test(arguments: [1, 70]) func areRefused(_ layers: Int) throws {
    let registry = LayerRegistry()
    try registry.register(
      LayerType("org.example.huge", summary: "") { (_, inputs) throws(CNNError) in
        Huge(outputs: [OutputDeclaration(shape: inputs[0])])
      })
    let graph = Graph(
      input: [4], layers: (0..<layers).map { Graph.Node("l\($0)", type: "org.example.huge") })
    let model = try Model(network: Network(graph, registry: registry))
    let error = #expect(throws: CNNError.self) { try Session(model: model, capacity: 1) }
    #expect(error?.code == .outOfMemory)
  }
}
