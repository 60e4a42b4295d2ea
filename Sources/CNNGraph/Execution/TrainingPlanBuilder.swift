import CNNLayerKit

/// Finds out which gradients are needed and how long everything lives.
///
/// Time: step `i` of `n` runs forward at `i`; at `n` the caller writes the gradients of the sources;
/// step `i` runs backward at `2n − i`; `2n + 1` is the end of the step.
struct TrainingPlanBuilder {
  /// Memory of a fixed size.
  struct Area {
    let request: Int
    let count: Int
  }

  /// What a node's backward pass needs.
  struct Backward {
    /// For each input, the request that its gradient is written to.
    var inputGradients: [Int?]
    /// Inputs whose gradient is written to temporary memory and then added.
    var sums: [Int]
    /// For each parameter, memory for a gradient that is used at once; nil if it is frozen or handed
    /// over in parts.
    var parameterGradients: [Area?] = []
    var scratch: Area?
  }

  private let model: Model
  private let network: Network
  let program: TrainingProgram
  let options: TrainingSession.Options
  let flow: GradientFlow
  private let concurrency: Int
  private let end: Int
  private let count: Int

  var planner = ArenaPlanner()
  /// For each tensor, the request of its numbers and of its gradient.
  private(set) var activations: [Int?]
  private(set) var gradients: [Int?]
  private(set) var caches: [Area?]
  private(set) var forwardScratch: [Area?]
  private(set) var backward: [Backward?]

  /// Whether a gradient is wanted, for each tensor.
  private var needsGradient: [Bool]
  /// Whether a step has gradients to compute, of parameters or of inputs.
  private var hasBackwardWork: [Bool] = []
  private var workspaces: [Workspace] = []

  init(
    model: Model, options: TrainingSession.Options, flow: GradientFlow, concurrency: Int
  ) throws(CNNError) {
    self.model = model
    network = model.network
    program = try TrainingProgram(model: model, options: options, flow: flow)
    self.options = options
    self.flow = flow
    self.concurrency = concurrency
    count = program.steps.count
    end = 2 * count + 1
    activations = [Int?](repeating: nil, count: network.tensors.count)
    gradients = activations
    needsGradient = [Bool](repeating: false, count: network.tensors.count)
    caches = [Area?](repeating: nil, count: count)
    forwardScratch = caches
    backward = [Backward?](repeating: nil, count: count)
  }

  mutating func place() throws(CNNError) {
    for node in program.steps {
      do throws(CNNError) {
        workspaces.append(
          try node.layer.workspace(
            batch: options.capacity, mode: .training, concurrency: concurrency))
      } catch {
        throw error.prefixed(by: "layer \"\(node.name)\"")
      }
    }
    findNeededGradients()
    try placeGradients()
    try placeActivations()
    for index in program.steps.indices {
      let workspace = workspaces[index]
      let back = backward[index] == nil ? index : 2 * count - index
      caches[index] = try area(workspace.cache, index, index...back)
      forwardScratch[index] = try area(workspace.forwardScratch, index, index...index)
    }
  }

  private mutating func findNeededGradients() {
    for target in flow.targets { needsGradient[target] = network.tensors[target].isDifferentiable }
    for node in program.steps {
      let trains = node.parameters.contains {
        !options.frozen.contains(model.parameters[$0].name)
      }
      let passes = node.inputs.enumerated().contains {
        needsGradient[$1] && node.layer.isDifferentiable(input: $0)
      }
      hasBackwardWork.append(trains || passes)
      for output in node.outputs where trains || passes {
        needsGradient[output] = network.tensors[output].isDifferentiable
      }
    }
  }

  private mutating func placeGradients() throws(CNNError) {
    for source in flow.sources where needsGradient[source] && gradients[source] == nil {
      gradients[source] = planner.add(size: try size(of: source), lifetime: count...count)
    }
    for index in program.steps.indices.reversed() {
      let node = program.steps[index]
      guard hasBackwardWork[index], node.outputs.contains(where: { gradients[$0] != nil }) else {
        continue
      }
      guard node.layer.isDifferentiable else {
        throw CNNError(
          .unsupported,
          "layer \"\(node.name)\" (\(node.type)) has no backward pass, so "
            + (flow.isPrediction
              ? "no gradient reaches what comes before it"
              : "what comes before it cannot be trained; freeze those parameters or use another "
                + "layer"))
      }
      let time = 2 * count - index
      for output in node.outputs {
        if let request = gradients[output] { planner.extend(request, over: time...time) }
      }
      var planned = Backward(
        inputGradients: [Int?](repeating: nil, count: node.inputs.count), sums: [])
      for (position, input) in node.inputs.enumerated()
      where needsGradient[input] && node.layer.isDifferentiable(input: position) {
        if gradients[input] == nil {
          let request = try gradientRequest(for: input, position, node, time)
          gradients[input] = request
          planned.inputGradients[position] = request
        } else {
          planned.inputGradients[position] = planner.add(
            size: try size(of: input), lifetime: time...time)
          planned.sums.append(position)
        }
      }
      planned.parameterGradients = try parameterGradients(index, time...time)
      planned.scratch = try area(workspaces[index].backwardScratch, index, time...time)
      backward[index] = planned
    }
    for target in flow.targets {
      if let request = gradients[target] { planner.extend(request, over: end...end) }
    }
  }

  private mutating func parameterGradients(
    _ index: Int, _ lifetime: ClosedRange<Int>
  ) throws(CNNError) -> [Area?] {
    var areas: [Area?] = []
    let step = program.steps[index]
    for (position, parameter) in step.parameters.enumerated() {
      let slot = model.parameters[parameter]
      let isPassing =
        !options.frozen.contains(slot.name)
        && !step.layer.handsOverGradient(parameter: position)
      areas.append(
        isPassing
          ? Area(request: planner.add(size: slot.count, lifetime: lifetime), count: slot.count)
          : nil)
    }
    return areas
  }

  /// The first writer of a gradient may take over the memory of the gradient that it reads.
  private mutating func gradientRequest(
    for input: Int, _ position: Int, _ node: TrainingProgram.Step, _ time: Int
  ) throws(CNNError) -> Int {
    if position == 0, node.layer.supportsInPlace, let output = node.outputs.first,
      network.tensors[output].shape.count == network.tensors[input].shape.count,
      !flow.targets.contains(output), let shared = gradients[output]
    {
      return shared
    }
    return planner.add(size: try size(of: input), lifetime: time...time)
  }

  private mutating func placeActivations() throws(CNNError) {
    var lastUse = [Int](repeating: -1, count: network.tensors.count)
    var uses = [Int](repeating: 0, count: network.tensors.count)
    // What a backward pass reads must not be overwritten in place.
    var isRead = [Bool](repeating: false, count: network.tensors.count)
    for (index, node) in program.steps.enumerated() {
      let back = 2 * count - index
      for input in node.inputs {
        uses[input] += 1
        lastUse[input] = max(lastUse[input], index)
        if backward[index] != nil, node.layer.backwardReads.contains(.inputs) {
          lastUse[input] = max(lastUse[input], back)
          isRead[input] = true
        }
      }
      for output in node.outputs
      where backward[index] != nil && node.layer.backwardReads.contains(.outputs) {
        lastUse[output] = max(lastUse[output], back)
        isRead[output] = true
      }
    }
    for tensor in flow.sources + flow.targets { lastUse[tensor] = end }
    for (index, node) in program.steps.enumerated() {
      for (position, output) in node.outputs.enumerated() {
        guard position == 0 || lastUse[output] >= 0 else { continue }
        let lifetime = index...max(index, lastUse[output])
        if position == 0, node.layer.supportsInPlace, let input = node.inputs.first,
          uses[input] == 1, !isRead[input], lastUse[input] == index,
          network.tensors[input].shape.count == network.tensors[output].shape.count,
          let shared = activations[input]
        {
          planner.extend(shared, over: lifetime)
          activations[output] = shared
        } else {
          activations[output] = planner.add(size: try size(of: output), lifetime: lifetime)
        }
      }
    }
  }

  private mutating func area(
    _ size: Int, _ node: Int, _ lifetime: ClosedRange<Int>
  ) throws(CNNError) -> Area? {
    guard size > 0 else { return nil }
    try checkScratch(size, [program.steps[node].name])
    return Area(request: planner.add(size: size, lifetime: lifetime), count: size)
  }

  private func size(of tensor: Int) throws(CNNError) -> Int {
    let tensor = network.tensors[tensor]
    return try elementCount(
      options.capacity, tensor.shape.count, of: "\"\(tensor.name)\" of the network")
  }
}
