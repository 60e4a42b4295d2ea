import CNNGraph
import CNNKit
import CNNLayerKit
import Testing

@Suite("plans of random graphs")
struct RandomGraphTests {
  init() throws { try registerBuiltinLayers() }

  static let seeds = Array(UInt64(1)...60)

  func supply(
    _ model: Model, batch: Int, _ input: (Int) throws -> UnsafeMutableBufferPointer<Float>
  )
    throws
  {
    for index in model.network.inputs {
      let count = batch * model.network.tensors[index].shape.count
      let room = try input(index)
      for (position, value) in randomValues(count, seed: 77 + UInt64(index)).enumerated() {
        room[position] = value
      }
    }
  }

  func outputs(_ session: Session) throws -> [[Float]] {
    try session.model.network.outputs.indices.map { Array(try session.output($0)) }
  }

  @Test("training in shared memory gives the bits of training without", arguments: seeds)
  func training(seed: UInt64) throws {
    let graph = RandomGraph.make(seed: seed, layers: 3 + Int(seed % 14))
    let model = try Model(graph)
    let twin = try Model(graph)
    try randomise(model, seed: seed)
    try randomise(twin, seed: seed)
    let batch = 3
    let session = try TrainingSession(
      model: model, options: .init(capacity: 5, inputGradients: true))
    let key = RandomKey(seed: 5, step: 9)
    let reference = NodeByNode(twin, batch: batch, key: key)
    try supply(model, batch: batch) { try session.input($0) }
    try supply(twin, batch: batch) { reference.tensors[$0].view }

    try session.forward(batch: batch, random: key)
    try reference.forward()
    var gradients: [[Float]] = []
    for (index, output) in model.network.outputs.enumerated() {
      #expect(Array(try session.output(index)) == reference.tensors[output].values)
      let values = randomValues(reference.tensors[output].count, seed: 1000 + UInt64(index))
      let room = try session.outputGradient(index)
      #expect(room.allSatisfy { $0 == 0 })
      if !room.isEmpty { _ = room.update(from: values) }
      gradients.append(values)
    }
    session.zeroGradients()
    try session.backward()
    try reference.backward(outputGradients: gradients)
    for slot in model.parameters {
      #expect(
        Array(try session.gradient(of: slot.name))
          == reference.parameterGradients[slot.name]?.values,
        "\(slot.name) of \(graph.json)")
    }
    for index in model.network.inputs {
      #expect(
        Array(try session.inputGradient(index)) == reference.gradients[index]?.values ?? [],
        "\(graph.json)")
    }
    for slot in model.states {
      #expect(try model.values(of: slot.name) == twin.values(of: slot.name))
    }
  }

  @Test(
    "gradients of random graphs agree with numerical ones", arguments: [3, 8, 21, 34] as [UInt64])
  func numericalGradients(seed: UInt64) throws {
    let graph = RandomGraph.make(seed: seed, layers: 8, isRandomised: false)
    let model = try Model(graph)
    try randomise(model, seed: seed)
    let session = try TrainingSession(model: model, options: .init(capacity: 2))
    try supply(model, batch: 2) { try session.input($0) }
    let key = RandomKey(seed: 1)
    func loss() throws -> Double {
      try session.forward(batch: 2, random: key)
      var sum = 0.0
      for index in model.network.outputs.indices {
        let weights = randomValues(try session.output(index).count, seed: UInt64(50 + index))
        for (weight, value) in zip(weights, try session.output(index)) {
          sum += Double(weight) * Double(value)
        }
      }
      return sum
    }
    _ = try loss()
    for index in model.network.outputs.indices {
      let room = try session.outputGradient(index)
      if !room.isEmpty {
        _ = room.update(from: randomValues(room.count, seed: UInt64(50 + index)))
      }
    }
    session.zeroGradients()
    try session.backward()
    for slot in model.parameters {
      let gradient = Array(try session.gradient(of: slot.name))
      let memory = try model.memory(of: slot.name)
      // Along a random direction, all numbers of a parameter are checked at once.
      let direction = randomValues(slot.count, seed: 9)
      let values = Array(memory)
      func moved(_ step: Float) throws -> Double {
        for position in memory.indices {
          memory[position] = values[position] + step * direction[position]
        }
        defer { _ = memory.update(from: values) }
        return try loss()
      }
      let step: Float = 1e-3
      let numerical = (try moved(step) - (try moved(-step))) / (2 * Double(step))
      let analytic = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      // Kinks of rectifiers and poolings near the point allow no tighter bound for 32-bit numbers.
      #expect(
        abs(numerical - analytic) <= 0.05 * max(1, abs(numerical), abs(analytic)),
        "\(slot.name): \(numerical) and \(analytic) of \(graph.json)")
    }
  }

  @Test("fused prediction agrees with prediction layer by layer", arguments: seeds)
  func fusion(seed: UInt64) throws {
    let graph = RandomGraph.make(seed: seed, layers: 3 + Int(seed % 14))
    let model = try Model(graph)
    try randomise(model, seed: seed)
    let names = model.network.nodes.map(\.name)
    let fused = try Session(model: model, capacity: 2)
    let plain = try Session(model: model, capacity: 2, keep: names)
    for session in [fused, plain] {
      try supply(model, batch: 2) { try session.input($0) }
      try session.run(batch: 2)
    }
    for (a, b) in zip(try outputs(fused), try outputs(plain)) {
      #expect(a.count == b.count)
      for (x, y) in zip(a, b) {
        #expect(abs(x - y) <= 2e-5 * max(1, abs(x), abs(y)), "\(graph.json)")
      }
    }
    #expect(fused.memoryBytes <= plain.memoryBytes)
  }

  @Test(
    "a sample's bits depend on neither the batch nor the session",
    arguments: [2, 5, 11] as [UInt64])
  func batchIndependence(seed: UInt64) throws {
    let model = try Model(RandomGraph.make(seed: seed, layers: 10))
    try randomise(model, seed: seed)
    let whole = try Session(model: model, capacity: 7)
    try supply(model, batch: 7) { try whole.input($0) }
    try whole.run(batch: 7)
    let expected = try outputs(whole)
    // Fewer samples than the capacity, after more: nothing of the others shows.
    try whole.run(batch: 4)
    for (few, all) in zip(try outputs(whole), expected) {
      #expect(few == Array(all.prefix(few.count)))
    }
    let single = try Session(model: model, capacity: 1)
    for sample in 0..<7 {
      for index in model.network.inputs {
        let count = model.network.tensors[index].shape.count
        let all = randomValues(7 * count, seed: 77 + UInt64(index))
        let room = try single.input(index)
        for position in 0..<count { room[position] = all[sample * count + position] }
      }
      try single.run(batch: 1)
      for (index, (one, all)) in zip(try outputs(single), expected).enumerated() {
        let same = Array(all[sample * one.count..<(sample + 1) * one.count])
        let producer = model.network.tensors[model.network.outputs[index]].producer ?? 0
        guard model.network.nodes[producer].type == "linear" else {
          #expect(one == same)
          continue
        }
        // A matrix times one vector is a kernel of its own, which adds in another order.
        for (x, y) in zip(one, same) { #expect(abs(x - y) <= 1e-5 * max(1, abs(x), abs(y))) }
      }
    }
  }

  @Test("64 threads with sessions of their own get the same bits from one model")
  func threads() async throws {
    let model = try Model(RandomGraph.make(seed: 12, layers: 12))
    try randomise(model, seed: 12)
    let results = try await withThrowingTaskGroup(of: [[Float]].self) { group in
      for _ in 0..<64 {
        group.addTask {
          let session = try Session(model: model, capacity: 2)
          try supply(model, batch: 2) { try session.input($0) }
          for _ in 0..<5 { try session.run(batch: 2) }
          return try outputs(session)
        }
      }
      var results: [[[Float]]] = []
      for try await result in group { results.append(result) }
      return results
    }
    #expect(results.count == 64)
    #expect(Set(results).count == 1)
  }

  @Test("a description survives JSON, and the order of layers does not matter", arguments: seeds)
  func jsonAndOrder(seed: UInt64) throws {
    let graph = RandomGraph.make(seed: seed, layers: 12)
    #expect(try Graph(json: graph.json) == graph)
    var shuffled = graph
    var random = SeededRandom(seed)
    shuffled.layers.shuffle(using: &random)
    let (a, b) = (try Network(graph), try Network(shuffled))
    #expect(a.outputNames == b.outputNames)
    for name in a.nodes.map(\.name) {
      #expect(
        a.tensors[try a.tensor(named: name)].shape == b.tensors[try b.tensor(named: name)].shape)
    }
  }
}
