import CCNN
import CNNLayerKit
import CNNTraining

/// An optimizer whose functions are somebody else's, in C.
private struct ForeignOptimizer: Optimizer {
  let stateNames: [String]
  let instance: ForeignInstance
  let functions: ForeignFunctions<cnn_optimizer_type>

  var defaultLearningRate: Double {
    functions.value.default_learning_rate > 0 ? functions.value.default_learning_rate : 0.01
  }
  var needsWholeParameters: Bool { functions.value.needs_whole_parameters != 0 }

  func update(_ call: OptimizerCall) throws(CNNError) {
    guard let update = functions.value.update else {
      throw CNNError(.internal, "the optimizer has no update")
    }
    var foreign = cnn_optimizer_call()
    foreign.header = header(of: cnn_optimizer_call.self)
    foreign.host = Host.table
    foreign.count = Int64(call.count)
    foreign.parameters = call.parameters
    foreign.gradients = call.gradients
    foreign.step = Int64(call.step)
    foreign.learning_rate = call.learningRate
    foreign.weight_decay = call.weightDecay
    foreign.gradient_scale = call.gradientScale
    foreign.concurrency = Int64(call.concurrency)
    try Failure.check("update") {
      withUnsafeTemporaryAllocation(
        of: UnsafeMutablePointer<Float>?.self, capacity: max(1, stateNames.count)
      ) { states in
        states.initialize(repeating: nil)
        for index in stateNames.indices { states[index] = call.state(index) }
        foreign.states = UnsafePointer(states.baseAddress)
        return update(instance.pointer, &foreign)
      }
    }
  }
}

extension OptimizerType {
  /// Makes a kind of optimizer of a description in C.
  ///
  /// - Throws: `invalidArgument` or `unsupported` for a description that makes no sense.
  package init(_ foreign: UnsafePointer<cnn_optimizer_type>?) throws(CNNError) {
    try self.init(try copy(foreign))
  }

  init(_ foreign: cnn_optimizer_type) throws(CNNError) {
    let name = try text(foreign.id, "the id of a cnn_optimizer_type")
    do throws(CNNError) {
      try self.init(foreign, named: name)
    } catch {
      throw error.prefixed(by: "optimizer \"\(name)\"")
    }
  }

  private init(_ foreign: cnn_optimizer_type, named name: String) throws(CNNError) {
    try checkForeignName(name)
    guard foreign.update != nil else {
      throw .invalidArgument("update is NULL, and must be there")
    }
    let rate = foreign.default_learning_rate
    guard rate.isFinite, rate >= 0 else {
      throw .invalidArgument("default_learning_rate is \(rate), and must be finite and at least 0")
    }
    guard foreign.state_count <= 16 else {
      throw .invalidArgument("state_count is \(foreign.state_count), and must be 0 to 16")
    }
    let states = try texts(foreign.state_names, count: foreign.state_count, "state_names")
    guard Set(states).count == states.count, !states.contains("") else {
      throw .invalidArgument("state_names are \(states), and must be different and not empty")
    }
    let specifications = try attributeSpecifications(
      foreign.attributes, count: foreign.attribute_count, reserved: ["type"])
    let functions = ForeignFunctions(foreign)
    self.init(
      name, try optionalText(foreign.summary, "the summary"), attributes: specifications
    ) { attributes throws(CNNError) in
      let value = functions.value
      return ForeignOptimizer(
        stateNames: states,
        instance: try ForeignInstance(
          create: value.create, destroy: value.destroy, user: value.user, attributes: attributes,
          specifications: specifications),
        functions: functions)
    }
  }
}
