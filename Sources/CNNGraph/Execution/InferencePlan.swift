import CNNLayerKit

/// The memory of one session: where each tensor of an inference program lies, for up to `capacity`
/// samples.
struct InferencePlan {
  /// What a step needs at run time.
  struct Step {
    let layer: any Layer
    /// The nodes' names, for messages.
    let name: String
    /// The number of the first node, which tells random streams apart.
    let node: Int
    let inputs: BufferTable.Entries
    let outputs: BufferTable.Entries
    let parameters: BufferTable.Entries
    let states: BufferTable.Entries
    let prepared: UnsafeMutableBufferPointer<Float>
    let scratch: UnsafeMutableBufferPointer<Float>
  }

  let steps: [Step]
  let table: BufferTable
  let arena: FloatBuffer
  /// Where each tensor of the network is; `.none` for those that fusion removed.
  let sources: [BufferTable.Source]

  init(
    model: Model, program: InferenceProgram, capacity: Int, concurrency: Int
  ) throws(CNNError) {
    var builder = InferencePlanBuilder(
      model: model, program: program, capacity: capacity, concurrency: concurrency)
    try builder.place()
    let (offsets, size) = try builder.planner.solve()
    arena = try FloatBuffer(count: size, for: "the session's tensors")
    table = BufferTable(arena: arena, externalCount: model.network.inputs.count)
    let sources = builder.sources(offsets)
    self.sources = sources
    var steps: [Step] = []
    for (index, step) in program.steps.enumerated() {
      let scratch = builder.scratch[index]
      let inputs = step.inputs.map { sources[$0] }
      let outputs = step.outputs.map { sources[$0] }
      let parameters = step.parameters.map {
        BufferTable.Source.fixed(
          model.memory(of: model.parameters[$0], in: model.parameterMemory))
      }
      let states = step.states.map {
        BufferTable.Source.fixed(model.memory(of: model.states[$0], in: model.stateMemory))
      }
      steps.append(
        Step(
          layer: step.layer, name: step.nodes.joined(separator: " + "), node: index,
          inputs: table.append(inputs), outputs: table.append(outputs),
          parameters: table.append(parameters), states: table.append(states),
          prepared: program.prepared(of: step),
          scratch: table.resolve(
            scratch.map { .arena(offset: offsets[$0.request], count: $0.count) } ?? .none, batch: 0)
        ))
    }
    self.steps = steps
  }
}

extension InferencePlan {
  /// How many numbers the tensors of a session take, found without taking memory for them.
  static func arenaCount(model: Model, capacity: Int, concurrency: Int) throws(CNNError) -> Int {
    var builder = InferencePlanBuilder(
      model: model, program: try model.sharedProgram(), capacity: capacity,
      concurrency: concurrency)
    try builder.place()
    return try builder.planner.solve().size
  }
}

/// Finds lifetimes; time counts steps, and the time after the last step is the caller's.
private struct InferencePlanBuilder {
  struct Scratch {
    let request: Int
    let count: Int
  }

  private let network: Network
  private let program: InferenceProgram
  private let capacity: Int
  private let concurrency: Int
  /// For each tensor, its request to the planner, or nil for the caller's and the removed ones.
  private var requests: [Int?]

  var planner = ArenaPlanner()
  private(set) var scratch: [Scratch?] = []

  init(model: Model, program: InferenceProgram, capacity: Int, concurrency: Int) {
    network = model.network
    self.program = program
    self.capacity = capacity
    self.concurrency = concurrency
    requests = [Int?](repeating: nil, count: network.tensors.count)
  }

  mutating func place() throws(CNNError) {
    let end = program.steps.count
    var lastUse = [Int](repeating: -1, count: network.tensors.count)
    for (time, step) in program.steps.enumerated() {
      for input in step.inputs { lastUse[program.roots[input]] = time }
    }
    for output in Set(network.outputs).union(program.kept) { lastUse[program.roots[output]] = end }
    let used = Set(network.outputs).union(program.kept).union(program.steps.flatMap(\.inputs))
    for (time, step) in program.steps.enumerated() {
      for (position, output) in step.outputs.enumerated() {
        // Outputs after the first exist only for those who use them.
        guard position == 0 || used.contains(output) else { continue }
        let lifetime = time...max(time, lastUse[output])
        if position == 0, let shared = inPlaceRequest(step, time, lastUse) {
          planner.extend(shared, over: lifetime)
          requests[output] = shared
        } else {
          requests[output] = planner.add(size: try size(of: output), lifetime: lifetime)
        }
      }
      let workspace: Workspace
      do throws(CNNError) {
        workspace = try step.layer.workspace(
          batch: capacity, mode: .inference, concurrency: concurrency)
      } catch {
        throw error.prefixed(by: "layer \"\(step.nodes.joined(separator: " + "))\"")
      }
      guard workspace.forwardScratch > 0 else {
        scratch.append(nil)
        continue
      }
      try checkScratch(workspace.forwardScratch, step.nodes)
      scratch.append(
        Scratch(
          request: planner.add(size: workspace.forwardScratch, lifetime: time...time),
          count: workspace.forwardScratch))
    }
  }

  /// The request whose memory the step's first output can take over, if there is one.
  private func inPlaceRequest(
    _ step: InferenceProgram.Step, _ time: Int, _ lastUse: [Int]
  ) -> Int? {
    guard let output = step.outputs.first else { return nil }
    for (index, input) in step.inputs.enumerated() where step.layer.supportsInPlace(input: index) {
      let root = program.roots[input]
      guard lastUse[root] == time, step.inputs.filter({ program.roots[$0] == root }).count == 1,
        network.tensors[root].shape.count == network.tensors[output].shape.count,
        let request = requests[root]
      else { continue }
      return request
    }
    return nil
  }

  private func size(of tensor: Int) throws(CNNError) -> Int {
    let tensor = network.tensors[tensor]
    return try elementCount(capacity, tensor.shape.count, of: "\"\(tensor.name)\" of the network")
  }

  func sources(_ offsets: [Int]) -> [BufferTable.Source] {
    network.tensors.indices.map { index in
      let root = program.roots[index]
      let perSample = network.tensors[index].shape.count
      if network.tensors[root].producer == nil {
        return .external(slot: root, perSample: perSample)
      }
      return requests[root].map { .samples(offset: offsets[$0], perSample: perSample) } ?? .none
    }
  }
}

/// Refuses a workspace that no memory could hold.
func checkScratch(_ count: Int, _ nodes: [String]) throws(CNNError) {
  guard count <= Shape.maximumCount else {
    throw CNNError(
      .outOfMemory,
      "layer \"\(nodes.joined(separator: " + "))\" asks for more temporary memory than can be "
        + "addressed")
  }
}
