import CNNLayerKit

/// The memory of training and of gradients in general: where each activation, cache and gradient
/// lies, for up to `capacity` samples, and which layers run backward.
struct TrainingPlan {
  /// One node, or several computed as one, forward and backward.
  struct Step {
    let layer: any Layer
    let name: String
    /// Indices in `Network.nodes`; the first one names the random numbers.
    let nodes: [Int]
    /// The numbers of the step's parameters in the model.
    let parameterIndices: [Int]
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
    /// Parts of the memory for all gradients, where there is such memory.
    let parameterGradients: BufferTable.Entries
    /// Memory for gradients that are used at once and then forgotten; empty for those that the layer
    /// hands over in parts.
    let passingGradients: BufferTable.Entries
    /// Takes what the layer hands over in parts; nil if it does not.
    let receiver: StepReceiver?
    let scratch: BufferTable.Entries
    /// Pairs of entries: after the call the second is added to the first, where a tensor has
    /// several consumers.
    let sums: BufferTable.Entries
  }

  let steps: [Step]
  let table: BufferTable
  let arena: FloatBuffer
  /// Where receivers pass on what they get.
  let router: GradientRouter
  /// The number under which the table finds the memory for all gradients.
  let gradientSlot: Int
  /// Where each tensor is.
  let activations: [BufferTable.Source]
  /// Where each tensor's gradient is; `.none` where there is none.
  let gradients: [BufferTable.Source]

  /// - Parameter flow: Where gradients come from and go to; nil for those of training.
  init(
    model: Model, options: TrainingSession.Options, flow: GradientFlow? = nil, concurrency: Int
  ) throws(CNNError) {
    var builder = try TrainingPlanBuilder(
      model: model, options: options, flow: flow ?? GradientFlow(training: model, options),
      concurrency: concurrency)
    try builder.place()
    let (offsets, size) = try builder.planner.solve()
    arena = try FloatBuffer(count: size, for: "gradients with batches of \(options.capacity)")
    gradientSlot = model.network.inputs.count
    table = BufferTable(arena: arena, externalCount: gradientSlot + 1)
    router = GradientRouter()
    let sources = TrainingSources(
      model: model, builder: builder, offsets: offsets, router: router, gradientSlot: gradientSlot)
    activations = model.network.tensors.indices.map(sources.activation)
    gradients = model.network.tensors.indices.map(sources.gradient)
    var steps: [Step] = []
    for index in builder.program.steps.indices { steps.append(sources.step(index, in: table)) }
    self.steps = steps
  }
}

extension TrainingPlan {
  /// How many numbers activations, caches and their gradients take, found without taking memory for
  /// them.
  static func arenaCount(
    model: Model, options: TrainingSession.Options, concurrency: Int
  ) throws(CNNError) -> Int {
    var builder = try TrainingPlanBuilder(
      model: model, options: options, flow: GradientFlow(training: model, options),
      concurrency: concurrency)
    try builder.place()
    return try builder.planner.solve().size
  }
}

/// Turns the planner's requests into entries of a table.
private struct TrainingSources {
  let model: Model
  let builder: TrainingPlanBuilder
  let offsets: [Int]
  let router: GradientRouter
  let gradientSlot: Int

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
    let node = builder.program.steps[index]
    let parameters = node.parameters.map { model.parameters[$0] }
    let states = node.states.map { model.states[$0] }
    return TrainingPlan.Step(
      layer: node.layer, name: node.name, nodes: node.nodes, parameterIndices: node.parameters,
      inputs: table.append(node.inputs.map(activation)),
      outputs: table.append(node.outputs.map(activation)),
      parameters: table.append(
        parameters.map { .fixed(model.memory(of: $0, in: model.parameterMemory)) }),
      states: table.append(states.map { .fixed(model.memory(of: $0, in: model.stateMemory)) }),
      cache: table.append([memory(builder.caches[index])]),
      forwardScratch: table.append([memory(builder.forwardScratch[index])]),
      backward: builder.backward[index].map { backward($0, index, parameters, in: table) })
  }

  private func backward(
    _ planned: TrainingPlanBuilder.Backward, _ index: Int, _ parameters: [ParameterSlot],
    in table: BufferTable
  ) -> TrainingPlan.Backward {
    let node = builder.program.steps[index]
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
            ? .none : .externalPart(slot: gradientSlot, offset: slot.offset, count: slot.count)
        }),
      passingGradients: table.append(planned.parameterGradients.map(memory)),
      receiver: StepReceiver(
        wanted: parameters.indices.map {
          !builder.options.frozen.contains(parameters[$0].name)
            && node.layer.handsOverGradient(parameter: $0)
        }, parameters: node.parameters, router: router),
      scratch: table.append([memory(planned.scratch)]), sums: table.append(sums))
  }

  private func memory(_ area: TrainingPlanBuilder.Area?) -> BufferTable.Source {
    area.map { .arena(offset: offsets[$0.request], count: $0.count) } ?? .none
  }
}
