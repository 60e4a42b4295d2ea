import CNNLayerKit

/// The memory of training: where each activation, cache and gradient lies, for up to `capacity`
/// samples, and which layers run backward.
struct TrainingPlan {
  /// One node, forward and backward.
  struct Step {
    let layer: any Layer
    let name: String
    let node: Int
    let inputs: BufferTable.Entries
    let outputs: BufferTable.Entries
    let parameters: BufferTable.Entries
    let states: BufferTable.Entries
    let cache: BufferTable.Entries
    let forwardScratch: BufferTable.Entries
    /// Nil for a node that no gradient passes.
    let backward: Backward?
  }

  /// What a backward call gets beside what the forward call had.
  struct Backward {
    let inputs: BufferTable.Entries
    let outputs: BufferTable.Entries
    let outputGradients: BufferTable.Entries
    let inputGradients: BufferTable.Entries
    let parameterGradients: BufferTable.Entries
    let scratch: BufferTable.Entries
    /// Pairs of entries: after the call the second is added to the first, where a tensor has
    /// several consumers.
    let sums: BufferTable.Entries
  }

  let steps: [Step]
  let table: BufferTable
  let arena: FloatBuffer
  /// Where each tensor is.
  let activations: [BufferTable.Source]
  /// Where each tensor's gradient is; `.none` where there is none.
  let gradients: [BufferTable.Source]

  init(
    model: Model, gradientMemory: FloatBuffer, options: TrainingSession.Options, concurrency: Int
  ) throws(CNNError) {
    var builder = TrainingPlanBuilder(model: model, options: options, concurrency: concurrency)
    try builder.place()
    let (offsets, size) = try builder.planner.solve()
    arena = try FloatBuffer(count: size, for: "training with batches of \(options.capacity)")
    table = BufferTable(arena: arena, externalCount: model.network.inputs.count)
    let sources = TrainingSources(
      model: model, gradientMemory: gradientMemory, builder: builder, offsets: offsets)
    activations = model.network.tensors.indices.map(sources.activation)
    gradients = model.network.tensors.indices.map(sources.gradient)
    var steps: [Step] = []
    for index in model.network.nodes.indices { steps.append(sources.step(index, in: table)) }
    self.steps = steps
  }
}

extension TrainingPlan {
  /// How many numbers activations, caches and their gradients take, found without taking memory for
  /// them.
  static func arenaCount(
    model: Model, options: TrainingSession.Options, concurrency: Int
  ) throws(CNNError) -> Int {
    var builder = TrainingPlanBuilder(model: model, options: options, concurrency: concurrency)
    try builder.place()
    return try builder.planner.solve().size
  }
}

/// Turns the planner's requests into entries of a table.
private struct TrainingSources {
  let model: Model
  let gradientMemory: FloatBuffer
  let builder: TrainingPlanBuilder
  let offsets: [Int]

  private var network: Network { model.network }

  func activation(_ tensor: Int) -> BufferTable.Source {
    let perSample = network.tensors[tensor].shape.count
    if network.tensors[tensor].producer == nil {
      return .external(slot: tensor, perSample: perSample)
    }
    return builder.activations[tensor].map {
      .samples(offset: offsets[$0], perSample: perSample)
    } ?? .none
  }

  func gradient(_ tensor: Int) -> BufferTable.Source {
    builder.gradients[tensor].map {
      .samples(offset: offsets[$0], perSample: network.tensors[tensor].shape.count)
    } ?? .none
  }

  func step(_ index: Int, in table: BufferTable) -> TrainingPlan.Step {
    let node = network.nodes[index]
    let parameters = model.parameterLayout.ranges[index].map { model.parameters[$0] }
    let states = model.stateLayout.ranges[index].map { model.states[$0] }
    return TrainingPlan.Step(
      layer: node.layer, name: node.name, node: index,
      inputs: table.append(node.inputs.map(activation)),
      outputs: table.append(node.outputs.map(activation)),
      parameters: table.append(
        parameters.map { .fixed(model.memory(of: $0, in: model.parameterMemory)) }),
      states: table.append(states.map { .fixed(model.memory(of: $0, in: model.stateMemory)) }),
      cache: table.append([memory(builder.caches[index])]),
      forwardScratch: table.append([memory(builder.forwardScratch[index])]),
      backward: builder.backward[index].map { backward($0, node, parameters, in: table) })
  }

  private func backward(
    _ planned: TrainingPlanBuilder.Backward, _ node: Network.Node, _ parameters: [ParameterSlot],
    in table: BufferTable
  ) -> TrainingPlan.Backward {
    let reads = node.layer.backwardReads
    let inputGradients = planned.inputGradients.enumerated().map { position, request in
      request.map {
        BufferTable.Source.samples(
          offset: offsets[$0], perSample: network.tensors[node.inputs[position]].shape.count)
      } ?? .none
    }
    let sums = planned.sums.flatMap { position -> [BufferTable.Source] in
      [gradient(node.inputs[position]), inputGradients[position]]
    }
    return TrainingPlan.Backward(
      inputs: table.append(node.inputs.map { reads.contains(.inputs) ? activation($0) : .none }),
      outputs: table.append(node.outputs.map { reads.contains(.outputs) ? activation($0) : .none }),
      outputGradients: table.append(node.outputs.map(gradient)),
      inputGradients: table.append(inputGradients),
      parameterGradients: table.append(
        parameters.map { slot in
          builder.options.frozen.contains(slot.name)
            ? .none : .fixed(model.memory(of: slot, in: gradientMemory))
        }),
      scratch: table.append([memory(planned.scratch)]), sums: table.append(sums))
  }

  private func memory(_ area: TrainingPlanBuilder.Area?) -> BufferTable.Source {
    area.map { .arena(offset: offsets[$0.request], count: $0.count) } ?? .none
  }
}
