import CNNGraph
import CNNKernels
import CNNKit
import CNNLayerKit

/// Trains a model one node at a time, every tensor, gradient and temporary memory in an array of its
/// own: what a plan with shared memory has to agree with, bit by bit.
final class NodeByNode {
  /// Memory that is not zero at first, so that reading what nobody wrote shows.
  final class Memory {
    let buffer: UnsafeMutableBufferPointer<Float>
    init(_ count: Int, filledWith value: Float = .nan) {
      buffer = .allocate(capacity: max(count, 1))
      buffer.initialize(repeating: value)
      self.count = count
    }
    deinit { buffer.deallocate() }
    let count: Int
    var view: UnsafeMutableBufferPointer<Float> {
      UnsafeMutableBufferPointer(start: buffer.baseAddress, count: count)
    }
    var values: [Float] { Array(view) }
  }

  let model: Model
  let batch: Int
  let key: RandomKey
  private(set) var tensors: [Memory] = []
  private(set) var gradients: [Memory?]
  private(set) var parameterGradients: [String: Memory] = [:]
  private var caches: [Memory] = []
  private let services = LayerServices(
    concurrency: 1,
    functions: LayerServices.Functions(
      parallelFor: { chunks, _, body in for chunk in 0..<chunks { body(chunk, 0) } },
      fillUniform: { _, _, _ in }, fillNormal: { _, _, _ in }, multiply: { _, _ in }))

  init(_ model: Model, batch: Int, key: RandomKey) {
    self.model = model
    self.batch = batch
    self.key = key
    gradients = [Memory?](repeating: nil, count: model.network.tensors.count)
    tensors = model.network.tensors.map { Memory(batch * $0.shape.count) }
    for slot in model.parameters {
      parameterGradients[slot.name] = Memory(slot.count, filledWith: 0)
    }
  }

  private func key(_ node: Int) -> RandomKey {
    RandomKey(seed: key.seed, node: UInt32(node), step: key.step)
  }

  private func slots(_ node: Int, _ slots: [ParameterSlot]) throws
    -> [UnsafeMutableBufferPointer<Float>]
  {
    try slots.filter { $0.node == node }.map { try model.memory(of: $0.name) }
  }

  private func workspace(_ node: Network.Node) throws -> Workspace {
    try node.layer.workspace(batch: batch, mode: .training, concurrency: 1)
  }

  func forward() throws {
    for (index, node) in model.network.nodes.enumerated() {
      let workspace = try workspace(node)
      let cache = Memory(workspace.cache)
      let scratch = Memory(workspace.forwardScratch)
      caches.append(cache)
      try withLists([
        node.inputs.map { tensors[$0].view }, node.outputs.map { tensors[$0].view },
        try slots(index, model.parameters), try slots(index, model.states),
      ]) { lists in
        try node.layer.forward(
          ForwardCall(
            batch: batch, mode: .training, inputs: lists[0], outputs: lists[1],
            parameters: lists[2], states: lists[3],
            prepared: UnsafeMutableBufferPointer(start: nil, count: 0), cache: cache.view,
            scratch: scratch.view, random: key(index), services: services))
      }
    }
  }

  /// Expects the gradients of the outputs in `gradients`.
  func backward(outputGradients: [[Float]]) throws {
    for (output, values) in zip(model.network.outputs, outputGradients) {
      let memory = Memory(values.count)
      _ = memory.view.update(from: values)
      gradients[output] = memory
    }
    for (index, node) in model.network.nodes.enumerated().reversed() {
      guard node.outputs.contains(where: { gradients[$0] != nil }) else { continue }
      let inputGradients = node.inputs.map { Memory(tensors[$0].count) }
      let scratch = Memory(try workspace(node).backwardScratch)
      let owned = model.parameters.filter { $0.node == index }
      try withLists([
        node.inputs.map { tensors[$0].view }, node.outputs.map { tensors[$0].view },
        node.outputs.map { gradients[$0]?.view ?? Memory(0).view }, inputGradients.map(\.view),
        try slots(index, model.parameters), owned.compactMap { parameterGradients[$0.name]?.view },
        try slots(index, model.states),
      ]) { lists in
        try node.layer.backward(
          BackwardCall(
            batch: batch, inputs: lists[0], outputs: lists[1], outputGradients: lists[2],
            inputGradients: lists[3], parameters: lists[4], parameterGradients: lists[5],
            states: lists[6], cache: caches[index].view, scratch: scratch.view,
            random: key(index), services: services))
      }
      for (input, gradient) in zip(node.inputs, inputGradients) {
        guard let sum = gradients[input] else {
          gradients[input] = gradient
          continue
        }
        for position in 0..<sum.count { sum.view[position] += gradient.view[position] }
      }
    }
  }

  private func withLists(
    _ lists: [[UnsafeMutableBufferPointer<Float>]], _ body: ([TensorList]) throws -> Void
  ) rethrows {
    let memory = lists.map { list in
      let copy = UnsafeMutableBufferPointer<UnsafeMutableBufferPointer<Float>>.allocate(
        capacity: max(1, list.count))
      _ = copy.initialize(from: list)
      return copy
    }
    defer { for list in memory { list.deallocate() } }
    try body(zip(memory, lists).map { TensorList($0.baseAddress, count: $1.count) })
  }
}
