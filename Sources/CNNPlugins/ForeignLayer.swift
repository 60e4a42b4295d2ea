import CCNN
import CNNLayerKit

/// A layer whose functions are somebody else's, in C.
///
/// Safety: the functions promise to be callable from any thread (`cnn_plugin.h`), and the instance
/// never changes after it was made.
struct ForeignLayer: Layer, @unchecked Sendable {
  /// What `create` made; released with the last layer that refers to it.
  private final class Instance {
    let pointer: UnsafeMutableRawPointer?
    private let destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?

    init(
      _ pointer: UnsafeMutableRawPointer?,
      _ destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    ) {
      self.pointer = pointer
      self.destroy = destroy
    }

    deinit { if pointer != nil { destroy?(pointer) } }
  }

  private let instance: Instance
  private let functions: cnn_layer_type
  private let declarations: LayerDeclarations
  private let inputCount: Int
  /// The name of the type, for messages.
  private let name: String

  /// Makes a layer.
  ///
  /// - Throws: What `create` reports, or `layerFailed` and others for what it declared.
  init(
    _ functions: cnn_layer_type, named name: String, specifications: [AttributeSpecification],
    attributes: Attributes,
    inputs: [Shape]
  ) throws(CNNError) {
    guard let create = functions.create else {
      throw CNNError(.internal, "the layer type has no create")
    }
    let builder = LayerBuilder(inputs: inputs)
    let instance = try withForeignAttributes(attributes, specifications) {
      (values, count) throws(CNNError) in
      var made: UnsafeMutableRawPointer?
      try Failure.check("create") {
        builder.withStruct(attributes: values, attributeCount: count) { builder in
          create(builder, functions.user, &made)
        }
      }
      return Instance(made, functions.destroy)
    }
    self.instance = instance
    self.name = name
    self.functions = functions
    declarations = try builder.result()
    inputCount = inputs.count
  }

  var outputs: [OutputDeclaration] { declarations.outputs }
  var parameters: [ParameterDeclaration] { declarations.parameters }
  var states: [ParameterDeclaration] { declarations.states }
  var backwardReads: BackwardReads { declarations.backwardReads }
  var isDifferentiable: Bool { functions.backward != nil && declarations.isDifferentiable }
  var supportsInPlace: Bool { declarations.supportsInPlace }
  var isIdentityInInference: Bool { declarations.isIdentityInInference }
  var elementaryFunction: ElementaryFunction? { declarations.function }
  var operationCount: Int { declarations.operationCount }
  var preparedCount: Int { functions.prepare == nil ? 0 : declarations.preparedCount }

  func isDifferentiable(input index: Int) -> Bool {
    !declarations.inputsWithoutGradient.contains(index)
  }

  func workspace(batch: Int, mode: ExecutionMode, concurrency: Int) throws(CNNError) -> Workspace {
    guard let ask = functions.workspace else { return Workspace() }
    var request = cnn_workspace_request()
    request.header = header(of: cnn_workspace_request.self)
    request.host = Host.table
    request.batch = Int64(batch)
    request.training = mode == .training ? 1 : 0
    request.concurrency = Int64(concurrency)
    var answer = cnn_workspace()
    answer.header = header(of: cnn_workspace.self)
    try Failure.check("\(name): workspace") { ask(instance.pointer, &request, &answer) }
    return Workspace(
      cache: try size(answer.cache, "cache"),
      forwardScratch: try size(answer.forward_scratch, "forward_scratch"),
      backwardScratch: try size(answer.backward_scratch, "backward_scratch"))
  }

  private func size(_ value: Int64, _ name: String) throws(CNNError) -> Int {
    guard value >= 0, value <= Int64(Shape.maximumCount) else {
      throw .invalidArgument(
        "\(self.name): workspace: \(name) is \(value), and must be from 0 to \(Shape.maximumCount)")
    }
    return Int(value)
  }

  func prepare(_ call: borrowing PrepareCall) throws(CNNError) {
    guard let prepare = functions.prepare else { return }
    var foreign = cnn_prepare_call()
    foreign.header = header(of: cnn_prepare_call.self)
    foreign.host = Host.table
    foreign.concurrency = Int64(call.services.concurrency)
    foreign.prepared = call.prepared.baseAddress
    let (parameters, states) = (call.parameters, call.states)
    try Failure.check("\(name): prepare") {
      withPointerLists(count: pointerCount) { lists in
        foreign.parameters = lists.constant(parameters, declarations.parameters.count)
        foreign.states = lists.constant(states, declarations.states.count)
        return prepare(instance.pointer, &foreign)
      }
    }
  }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    guard let forward = functions.forward else { return }
    var foreign = cnn_forward_call()
    foreign.header = header(of: cnn_forward_call.self)
    foreign.host = Host.table
    foreign.batch = Int64(call.batch)
    foreign.training = call.mode == .training ? 1 : 0
    foreign.concurrency = Int64(call.services.concurrency)
    foreign.prepared = UnsafePointer(call.prepared.baseAddress)
    foreign.cache = call.cache.baseAddress
    foreign.scratch = call.scratch.baseAddress
    foreign.random = cnn_random_key(call.random)
    let (inputs, outputs) = (call.inputs, call.outputs)
    let (parameters, states) = (call.parameters, call.states)
    try Failure.check("\(name): forward") {
      withPointerLists(count: pointerCount) { lists in
        foreign.inputs = lists.constant(inputs, inputCount)
        foreign.outputs = lists.mutable(outputs, declarations.outputs.count)
        foreign.parameters = lists.constant(parameters, declarations.parameters.count)
        foreign.states = lists.mutable(states, declarations.states.count)
        return forward(instance.pointer, &foreign)
      }
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    guard let backward = functions.backward else {
      throw CNNError(.unsupported, "this layer has no backward pass, so it can only predict")
    }
    var foreign = cnn_backward_call()
    foreign.header = header(of: cnn_backward_call.self)
    foreign.host = Host.table
    foreign.batch = Int64(call.batch)
    foreign.concurrency = Int64(call.services.concurrency)
    foreign.cache = UnsafePointer(call.cache.baseAddress)
    foreign.scratch = call.scratch.baseAddress
    foreign.random = cnn_random_key(call.random)
    let (inputs, outputs) = (call.inputs, call.outputs)
    let (outputGradients, inputGradients) = (call.outputGradients, call.inputGradients)
    let (parameters, parameterGradients) = (call.parameters, call.parameterGradients)
    let states = call.states
    let (outputCount, parameterCount) = (
      declarations.outputs.count, declarations.parameters.count
    )
    try Failure.check("\(name): backward") {
      withPointerLists(count: 2 * pointerCount) { lists in
        foreign.inputs = lists.constant(inputs, inputCount)
        foreign.outputs = lists.constant(outputs, outputCount)
        foreign.output_gradients = lists.constant(outputGradients, outputCount)
        foreign.input_gradients = lists.mutable(inputGradients, inputCount)
        foreign.parameters = lists.constant(parameters, parameterCount)
        foreign.parameter_gradients = lists.mutable(parameterGradients, parameterCount)
        foreign.states = lists.constant(states, declarations.states.count)
        return backward(instance.pointer, &foreign)
      }
    }
  }

  /// How many pointers the lists of a forward call hold; those of a backward call hold at most twice
  /// as many.
  private var pointerCount: Int {
    inputCount + declarations.outputs.count + declarations.parameters.count
      + declarations.states.count
  }
}

extension cnn_random_key {
  init(_ key: RandomKey) {
    self.init()
    seed = key.seed
    step = key.step
    node = key.node
  }
}

/// Writes lists of pointers one behind the other, in memory for the time of a call.
private struct PointerLists {
  private let base: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  private var used = 0

  init(_ base: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>) { self.base = base }

  /// A list whose numbers are to be written.
  ///
  /// - Parameter count: The length that the other side counts on: NULL stands for what the host has not.
  mutating func mutable(
    _ list: TensorList, _ count: Int
  ) -> UnsafePointer<UnsafeMutablePointer<Float>?> {
    let start = base + used
    for index in 0..<count { (start + index).initialize(to: list.pointer(index)) }
    used += count
    return UnsafePointer(start)
  }

  /// A list whose numbers are to be read.
  mutating func constant(
    _ list: TensorList, _ count: Int
  ) -> UnsafePointer<UnsafePointer<Float>?> {
    UnsafeRawPointer(mutable(list, count)).assumingMemoryBound(to: UnsafePointer<Float>?.self)
  }
}

/// Runs `body` with room for lists of pointers.
private func withPointerLists(count: Int, _ body: (inout PointerLists) -> Int32) -> Int32 {
  withUnsafeTemporaryAllocation(
    of: UnsafeMutablePointer<Float>?.self, capacity: max(1, count)
  ) { memory in
    guard let base = memory.baseAddress else { return Int32(CNN_OUT_OF_MEMORY) }
    var lists = PointerLists(base)
    return body(&lists)
  }
}
