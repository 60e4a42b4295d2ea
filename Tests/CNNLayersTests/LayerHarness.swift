import CNNKernels
import CNNLayerKit
import CNNLayers
import Testing

/// A host for one layer: owns every array that its calls see, and makes calls as unfriendly as the
/// contract allows.
///
/// Each array has guards on both sides; outputs, input gradients and scratch are full of NaN before
/// each call; `backward` sees only what the layer asked for.
final class LayerHarness {
  let layer: any Layer
  let batch: Int
  let concurrency: Int
  let inputs: [GuardedBuffer]
  let outputs: [GuardedBuffer]
  let parameters: [GuardedBuffer]
  let states: [GuardedBuffer]
  let inputGradients: [GuardedBuffer]
  let outputGradients: [GuardedBuffer]
  let parameterGradients: [GuardedBuffer]
  let prepared: GuardedBuffer
  private let workspaces: [ExecutionMode: Workspace]
  private var cache = GuardedBuffer(0)
  var random = RandomKey(seed: 7, node: 3, step: 11)

  /// - Parameters:
  ///   - planned: The number of samples that memory is planned for, `batch` unless given.
  init(
    _ layer: any Layer, inputs shapes: [[Int]], batch: Int, planned: Int? = nil,
    concurrency: Int = 2, values: [InputValues] = [.uniform], seed: Int = 1
  ) throws {
    var numbers = SeededNumbers(seed)
    self.layer = layer
    self.batch = batch
    self.concurrency = concurrency
    inputs = shapes.enumerated().map { index, shape in
      GuardedBuffer(
        numbers.tensor(values[min(index, values.count - 1)], shape, batch: batch))
    }
    outputs = layer.outputs.map { GuardedBuffer(batch * $0.shape.count) }
    outputGradients = layer.outputs.map { output in
      GuardedBuffer(numbers.uniforms(batch * output.shape.count))
    }
    parameters = layer.parameters.map { GuardedBuffer(numbers.uniforms($0.shape.count)) }
    // Positive, because running variances are among them.
    states = layer.states.map {
      GuardedBuffer(numbers.uniforms($0.shape.count).map { abs($0) + 0.5 })
    }
    inputGradients = shapes.map { GuardedBuffer(batch * $0.reduce(1, *)) }
    parameterGradients = layer.parameters.map { GuardedBuffer($0.shape.count) { _ in 0 } }
    prepared = GuardedBuffer(layer.preparedCount)
    var workspaces: [ExecutionMode: Workspace] = [:]
    for mode in [ExecutionMode.training, .inference] {
      workspaces[mode] = try layer.workspace(
        batch: planned ?? batch, mode: mode, concurrency: concurrency)
    }
    self.workspaces = workspaces
  }

  /// - Parameter layerCase: What to make and run.
  convenience init(
    _ layerCase: LayerCase, batch: Int? = nil, planned: Int? = nil, concurrency: Int = 2,
    seed: Int = 1
  ) throws {
    try self.init(
      layerCase.makeLayer(), inputs: layerCase.inputs, batch: batch ?? layerCase.batch,
      planned: planned, concurrency: concurrency, values: layerCase.values, seed: seed)
  }

  /// Computes the outputs.
  ///
  /// - Parameter inPlace: The input whose memory the first output takes over, if any.
  func forward(_ mode: ExecutionMode, inPlace: Int? = nil) throws {
    let workspace = try #require(workspaces[mode])
    let scratch = GuardedBuffer(workspace.forwardScratch)
    let cache = GuardedBuffer(mode == .training ? workspace.cache : 0)
    for output in outputs { output.poison() }
    if mode == .inference, layer.preparedCount > 0 {
      prepared.poison()
      try run { try prepare($0) }
    }
    var targets = outputs.map(\.elements)
    if let inPlace { targets[0] = inputs[inPlace].elements }
    let (sources, results) = (list(inputs), BufferList(targets))
    let (weights, kept) = (list(parameters), list(states))
    try run { services in
      let call = ForwardCall(
        batch: batch, mode: mode, inputs: sources.tensors, outputs: results.tensors,
        parameters: weights.tensors, states: kept.tensors,
        prepared: mode == .inference ? prepared.elements : empty, cache: cache.elements,
        scratch: scratch.elements, random: random, services: services)
      try layer.forward(call)
    }
    if let inPlace {
      let result = inputs[inPlace].elements
      for i in result.indices { outputs[0].elements[i] = result[i] }
    }
    #expect(scratch.isIntact && cache.isIntact)
    if mode == .training { self.cache = cache }
    expectIntact()
  }

  /// Computes gradients from `outputGradients`; adds to `parameterGradients`.
  ///
  /// - Parameters:
  ///   - frozen: The parameters whose gradient nobody wants.
  ///   - forInputs: Whether gradients of the inputs are wanted.
  func backward(inPlace: Bool = false, frozen: Set<Int> = [], forInputs: Bool = true) throws {
    let workspace = try #require(workspaces[.training])
    let scratch = GuardedBuffer(workspace.backwardScratch)
    for gradient in inputGradients { gradient.poison() }
    var targets = inputGradients.enumerated().map {
      forInputs && layer.isDifferentiable(input: $0.offset) ? $0.element.elements : empty
    }
    if inPlace { targets[0] = outputGradients[0].elements }
    let flowing = zip(layer.outputs, outputGradients).map {
      $0.0.isDifferentiable ? $0.1.elements : empty
    }
    let read = layer.backwardReads
    let sources = BufferList(inputs.map { read.contains(.inputs) ? $0.elements : empty })
    let results = BufferList(outputs.map { read.contains(.outputs) ? $0.elements : empty })
    let (arriving, leaving) = (BufferList(flowing), BufferList(targets))
    let (weights, kept) = (list(parameters), list(states))
    let gradients = BufferList(
      parameterGradients.enumerated().map {
        frozen.contains($0.offset) ? empty : $0.element.elements
      })
    try run { services in
      let call = BackwardCall(
        batch: batch, inputs: sources.tensors, outputs: results.tensors,
        outputGradients: arriving.tensors, inputGradients: leaving.tensors,
        parameters: weights.tensors, parameterGradients: gradients.tensors,
        states: kept.tensors, cache: cache.elements, scratch: scratch.elements, random: random,
        services: services)
      try layer.backward(call)
    }
    if inPlace {
      for i in 0..<inputGradients[0].elements.count {
        inputGradients[0].elements[i] = outputGradients[0].elements[i]
      }
    }
    #expect(scratch.isIntact && cache.isIntact)
    expectIntact()
  }

  private func prepare(_ services: LayerServices) throws {
    let (weights, kept) = (list(parameters), list(states))
    try layer.prepare(
      PrepareCall(
        parameters: weights.tensors, states: kept.tensors, prepared: prepared.elements,
        services: services))
  }

  private func run(_ body: (LayerServices) throws -> Void) throws {
    try body(hostServices(concurrency: concurrency))
  }

  private func list(_ buffers: [GuardedBuffer]) -> BufferList {
    BufferList(buffers.map(\.elements))
  }

  private var empty: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  private func expectIntact() {
    let all = inputs + outputs + parameters + states + inputGradients + outputGradients
    for (i, buffer) in (all + parameterGradients + [prepared]).enumerated() {
      #expect(buffer.isIntact, "something was written beside array \(i)")
    }
  }
}

/// The services that the library's own host gives to layers.
func hostServices(concurrency: Int) -> LayerServices {
  LayerServices(
    concurrency: concurrency,
    functions: LayerServices.Functions(
      parallelFor: { ThreadPool.parallelFor(chunks: $0, slots: $1, $2) },
      fillUniform: { destination, key, offset in
        for i in 0..<destination.count {
          var numbers = SeededNumbers(Int(truncatingIfNeeded: key.seed) &+ offset &+ i)
          destination[i] = (numbers.uniform() + 1) / 2
        }
      },
      fillNormal: { destination, _, _ in destination.update(repeating: 0) },
      multiply: { product, _ in multiplyPlainly(product) }))
}

private func multiplyPlainly(_ p: MatrixProduct) {
  for i in 0..<p.m {
    for j in 0..<p.n {
      var sum: Double = 0
      for l in 0..<p.k {
        let a = p.transposeA ? p.a[l * p.aStride + i] : p.a[i * p.aStride + l]
        let b = p.transposeB ? p.b[j * p.bStride + l] : p.b[l * p.bStride + j]
        sum += Double(a) * Double(b)
      }
      let old = p.beta == 0 ? 0 : p.beta * p.c[i * p.cStride + j]
      p.c[i * p.cStride + j] = p.alpha * Float(sum) + old
    }
  }
}
