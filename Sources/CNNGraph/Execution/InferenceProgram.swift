import CNNLayerKit
import Synchronization

/// What predicting with a model means, for any batch: the steps after fusion, and what their layers
/// prepared from the parameters.
///
/// Shared by all sessions of a model.
final class InferenceProgram: Sendable {
  /// One call of a layer, which may stand for several nodes.
  struct Step: Sendable {
    /// The names of the nodes that the step computes.
    let nodes: [String]
    let layer: any Layer
    /// Tensors of the network.
    let inputs: [Int]
    let outputs: [Int]
    /// Indexes into the model's parameters and states.
    let parameters: [Int]
    let states: [Int]
    /// Where the prepared numbers lie.
    let preparedOffset: Int
  }

  let steps: [Step]
  /// For each tensor, the tensor whose memory it shares because an identity lies between; itself
  /// otherwise.
  let roots: [Int]
  /// What the layers prepared.
  let prepared: FloatBuffer
  /// The tensors that the caller wants to look at beside the outputs.
  let kept: Set<Int>
  /// For which version of the parameters `prepared` holds; -1 for none.
  private let preparedVersion = Atomic<Int>(-1)
  private let preparing = Locked<Void>(())

  /// Plans the steps.
  ///
  /// - Parameter keep: Tensors that must exist after a run, so that nothing is fused across them.
  /// - Parameter isPrecise: Whether each layer is replaced by its `precise` form.
  init(model: Model, keep: Set<Int>, isPrecise: Bool = false) throws(CNNError) {
    var builder = InferenceProgramBuilder(model: model, keep: keep, isPrecise: isPrecise)
    builder.build()
    steps = builder.steps
    roots = builder.roots
    kept = keep
    prepared = try FloatBuffer(count: builder.preparedCount, for: "prepared parameters")
  }

  /// Makes the prepared numbers those of the model's present parameters.
  ///
  /// The caller reads or writes the model, so that the parameters cannot change meanwhile.
  func prepare(_ model: Model) throws(CNNError) {
    guard preparedVersion.load(ordering: .acquiring) != model.access.version else { return }
    try preparing.withLock { _ throws(CNNError) in
      let version = model.access.version
      guard preparedVersion.load(ordering: .acquiring) != version else { return }
      for step in steps where step.layer.preparedCount > 0 { try prepare(step, model) }
      preparedVersion.store(version, ordering: .releasing)
    }
  }

  private func prepare(_ step: Step, _ model: Model) throws(CNNError) {
    let parameters = step.parameters.map {
      model.memory(of: model.parameters[$0], in: model.parameterMemory)
    }
    let states = step.states.map { model.memory(of: model.states[$0], in: model.stateMemory) }
    var failure: CNNError?
    parameters.withUnsafeBufferPointer { parameters in
      states.withUnsafeBufferPointer { states in
        do throws(CNNError) {
          try step.layer.prepare(
            PrepareCall(
              parameters: TensorList(parameters.baseAddress, count: parameters.count),
              states: TensorList(states.baseAddress, count: states.count),
              prepared: prepared(of: step), services: HostServices.make()))
        } catch { failure = error.prefixed(by: "layer \"\(step.nodes.joined(separator: " + "))\"") }
      }
    }
    if let failure { throw failure }
  }

  /// The prepared numbers of a step.
  func prepared(of step: Step) -> UnsafeMutableBufferPointer<Float> {
    let count = step.layer.preparedCount
    return UnsafeMutableBufferPointer(
      start: count == 0 ? nil : prepared.pointer + step.preparedOffset, count: count)
  }
}

/// Walks over the nodes, leaves out identities, and lets layers absorb what follows them.
private struct InferenceProgramBuilder {
  private let model: Model
  private let network: Network
  private let keep: Set<Int>
  private let isPrecise: Bool
  /// For each tensor, the nodes that take it.
  private var consumers: [[Int]]
  private var absorbed: Set<Int> = []
  /// The tensors that the caller or the steps so far have written.
  private var available: Set<Int>

  var steps: [InferenceProgram.Step] = []
  var roots: [Int]
  var preparedCount = 0

  init(model: Model, keep: Set<Int>, isPrecise: Bool) {
    self.model = model
    self.isPrecise = isPrecise
    network = model.network
    self.keep = keep.union(network.outputs)
    roots = Array(network.tensors.indices)
    available = Set(network.inputs)
    consumers = [[Int]](repeating: [], count: network.tensors.count)
    for (index, node) in network.nodes.enumerated() {
      for input in node.inputs { consumers[input].append(index) }
    }
  }

  mutating func build() {
    for (index, node) in network.nodes.enumerated() where !absorbed.contains(index) {
      if canLeaveOut(node) {
        roots[node.outputs[0]] = roots[node.inputs[0]]
        continue
      }
      addStep(startingAt: index)
    }
  }

  /// An identity is left out unless its input is the caller's and its output has to survive.
  private func canLeaveOut(_ node: Network.Node) -> Bool {
    guard node.layer.isIdentityInInference, node.outputs.count == 1, node.inputs.count == 1 else {
      return false
    }
    let input = network.tensors[roots[node.inputs[0]]]
    return !(input.producer == nil && keep.contains(node.outputs[0]))
  }

  private mutating func addStep(startingAt first: Int) {
    var layer = network.nodes[first].layer
    if isPrecise { layer = layer.precise }
    var members = [first]
    var inputs = network.nodes[first].inputs
    var last = first
    while let next = onlyConsumer(of: last) {
      let candidate = network.nodes[next].layer
      if network.nodes[next].inputs.count == 2 {
        guard let addend = otherInput(of: next, than: last), candidate.isSumOfInputs,
          let fused = layer.fusedWithAddend()
        else { break }
        layer = fused
        inputs.append(addend)
      } else if !candidate.isIdentityInInference {
        guard let fused = layer.fused(with: candidate) else { break }
        layer = fused
      }
      members.append(next)
      absorbed.insert(next)
      last = next
    }
    available.formUnion(network.nodes[last].outputs)
    let owners = members.filter { $0 == first || !network.nodes[$0].layer.isIdentityInInference }
    steps.append(
      InferenceProgram.Step(
        nodes: members.map { network.nodes[$0].name },
        layer: layer,
        inputs: inputs,
        outputs: network.nodes[last].outputs,
        parameters: owners.flatMap { model.parameterLayout.ranges[$0] },
        states: owners.flatMap { model.stateLayout.ranges[$0] },
        preparedOffset: preparedCount))
    // More than can be counted is refused where the memory is taken.
    preparedCount = checkedSum([preparedCount, (layer.preparedCount + 15) / 16 * 16]) ?? Int.max
  }

  /// The node that alone takes the only output of `node`, and takes at most one other tensor.
  private func onlyConsumer(of node: Int) -> Int? {
    let outputs = network.nodes[node].outputs
    guard outputs.count == 1, !keep.contains(outputs[0]), consumers[outputs[0]].count == 1,
      let next = consumers[outputs[0]].first, network.nodes[next].inputs.count <= 2,
      network.nodes[next].outputs.count == 1
    else { return nil }
    return next
  }

  /// The other tensor that `node` takes, if it is there when the step is run that computes `member`.
  ///
  /// Of two paths that are added, the one that comes last absorbs the sum.
  private func otherInput(of node: Int, than member: Int) -> Int? {
    let others = network.nodes[node].inputs.filter { !network.nodes[member].outputs.contains($0) }
    guard others.count == 1, available.contains(roots[others[0]]) else { return nil }
    return others[0]
  }
}
