import CHeap
import CNNFormats
import CNNGraph
import CNNKernels
import CNNLayerKit
import CNNTraining

/// Checks of a layer's life: memory, and a network around it.
let layerUseChecks: [Check] = [
  Check(
    .layer, "leaks", "Layers that are made and destroyed, and calls, lose no memory.",
    needs: ["backward"], run: checkLeaks),
  Check(
    .layer, "network",
    "In a network, the layer trains with a finite loss, is saved, loaded and summarised, and predicts "
      + "the same bits again.", needs: ["repeat", "read-only", "bounds", "optional"],
    run: checkNetwork),
]

/// The bytes that are taken of malloc, and of the host's budget.
private func bytesInUse() -> (heap: Int, host: Int) {
  (Int(cnn_heap_bytes()), MemoryBudget.bytesInUse)
}

/// Throws a finding if each run of `body` takes memory for good.
func expectNoLeak(_ what: String, runs: Int, _ body: () throws -> Void) throws {
  // As many runs as there is time for.
  var (runs, warmed) = (runs, 0)
  let start = ContinuousClock.now
  while warmed < runs / 4, ContinuousClock.now - start < .milliseconds(300) {
    try body()
    warmed += 1
  }
  runs = max(8, min(runs, 4 * warmed))
  var growth: [(heap: Int, host: Int)] = []
  for _ in 0..<2 {
    let before = bytesInUse()
    for _ in 0..<runs { try body() }
    let after = bytesInUse()
    growth.append((after.heap - before.heap, after.host - before.host))
  }
  // What is kept once, such as a table, does not grow twice.
  for (name, bytes) in [("the host", growth.map(\.host)), ("malloc", growth.map(\.heap))] {
    try expect(
      bytes.contains { $0 < 8 * runs || $0 < 512 },
      "\(what): \(runs) times take \(bytes[1]) bytes of \(name), which do not come back")
  }
}

private func checkLeaks(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.layerCases().prefix(3) {
    CheckProcess.note("create and destroy again and again, \(layerCase)")
    try expectNoLeak("\(layerCase), create and destroy", runs: 1000) { _ = try layerCase.make() }
    let bench = try LayerBench(layerCase, options(context))
    try expectNoLeak("\(layerCase), forward and backward", runs: 200) { _ = try bench.runAll() }
  }
}

private func checkNetwork(_ context: CheckContext) throws {
  var last: (any Error)?
  for layerCase in try context.layerCases() {
    // What stands around the layer may not go with its shapes.
    do { return try LayerNetwork(layerCase, context).check() } catch let skip as Skip {
      last = skip
    }
  }
  if let last { throw last }
}

/// A small network with the layer in it.
private struct LayerNetwork {
  private let layerCase: LayerCase
  private let layer: any Layer
  private let range: ClosedRange<Float>
  private let batch = 4

  init(_ layerCase: LayerCase, _ context: CheckContext) throws {
    self.layerCase = layerCase
    layer = try layerCase.make()
    range = context.request.values
  }

  func check() throws {
    ThreadPool.setThreadCount(2)
    let model: Model
    do throws(CNNError) {
      model = try Model(graph(), seed: 5)
    } catch { throw Skip("the network around it cannot be made: \(error.message)") }
    if layer.isDifferentiable { try train(model) }
    CheckProcess.note("predicting with a network, \(layerCase)")
    let predictions = try predict(model)
    try expect(
      predictions.allSatisfy(\.isFinite), "\(layerCase): the network predicts numbers that are none"
    )
    let bytes = try ModelFile.encode(model)
    let loaded = try bytes.withUnsafeBytes { try ModelFile.load(bytes: $0) }
    for threads in [2, 1, 3] {
      ThreadPool.setThreadCount(threads)
      try expect(
        try predict(loaded).map(\.bitPattern) == predictions.map(\.bitPattern),
        "\(layerCase): the network predicts other bits after it was saved and loaded, with "
          + "\(threads) threads")
    }
    let summary = try ModelSummary(loaded).text
    try expect(
      summary.contains("checked"), "\(layerCase): the summary does not show the layer")
  }

  /// Linear layers in front, so that gradients flow through; the layer, twice if it fits; scores.
  private func graph() -> Graph {
    var nodes: [Graph.Node] = []
    var inputs: [Graph.Input] = []
    var sources: [String] = []
    for (index, shape) in layerCase.inputs.enumerated() {
      inputs.append(Graph.Input("in\(index)", shape: shape.sizes))
      sources.append("in\(index)")
      guard layer.isDifferentiable(input: index), shape.rank == 1 || shape.rank == 3 else {
        continue
      }
      let channels = AttributeValue.integer(shape.sizes[shape.rank - 1])
      nodes.append(
        shape.rank == 1
          ? Graph.Node(
            "front\(index)", type: "linear", ["out_features": channels], inputs: ["in\(index)"])
          : Graph.Node(
            "front\(index)", type: "conv2d", ["out_channels": channels, "kernel_size": 1],
            inputs: ["in\(index)"]))
      sources[index] = "front\(index)"
    }
    nodes.append(
      Graph.Node("checked", type: layerCase.type.name, layerCase.attributes, inputs: sources))
    var end = "checked"
    if layerCase.inputs.count == 1, layer.outputs[0].shape == layerCase.inputs[0] {
      nodes.append(
        Graph.Node("again", type: layerCase.type.name, layerCase.attributes, inputs: [end]))
      end = "again"
    }
    if layer.outputs[0].shape.rank != 1 {
      nodes.append(Graph.Node("flat", type: "flatten", inputs: [end]))
      end = "flat"
    }
    nodes.append(Graph.Node("scores", type: "linear", ["out_features": 3], inputs: [end]))
    return Graph(inputs: inputs, layers: nodes, outputs: ["scores"])
  }

  private func train(_ model: Model) throws {
    var options = TrainingOptions()
    options.batchSize = batch
    options.learningRate = 0.001
    let training = try Training(model: model, options: options)
    let labels: [Int32] = [0, 1, 2, 1]
    for step in 0..<4 {
      CheckProcess.note("step \(step + 1) of training a network, \(layerCase)")
      for index in layerCase.inputs.indices {
        fill(try training.input(index, batch: batch), index)
      }
      try labels.withUnsafeBufferPointer { try training.setLabels($0) }
      let loss = try training.step()
      try expect(loss.isFinite, "\(layerCase): the loss of step \(step + 1) is \(loss)")
    }
  }

  private func predict(_ model: Model) throws -> [Float] {
    let session = try Session(model: model, capacity: batch)
    for index in layerCase.inputs.indices { fill(try session.input(index), index) }
    try session.run(batch: batch)
    return Array(try session.output())
  }

  private func fill(_ memory: UnsafeMutableBufferPointer<Float>, _ index: Int) {
    var numbers = Numbers(index + 1)
    let shape = layerCase.inputs[index]
    let channels = shape.sizes.last ?? 1
    for i in memory.indices {
      memory[i] =
        layer.isDifferentiable(input: index)
        ? numbers.number(range) : Float(i % shape.count / channels)
    }
  }
}
