import CCNN
import CNNLayerKit
import CNNTraining

/// What `create` of a loss or an optimizer made, released with the last that refers to it.
///
/// Safety: never changed after it was made; the other side promises that its functions may be called
/// from any thread.
final class ForeignInstance: @unchecked Sendable {
  typealias Create =
    @convention(c) (
      UnsafePointer<cnn_creation>?, UnsafeMutableRawPointer?,
      UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Int32
  typealias Destroy = @convention(c) (UnsafeMutableRawPointer?) -> Void

  let pointer: UnsafeMutableRawPointer?
  private let destroy: Destroy?

  init(
    create: Create?, destroy: Destroy?, user: UnsafeMutableRawPointer?, attributes: Attributes,
    specifications: [AttributeSpecification]
  ) throws(CNNError) {
    self.destroy = destroy
    guard let create else {
      pointer = nil
      return
    }
    pointer = try withForeignAttributes(attributes, specifications) {
      (values, count) throws(CNNError) in
      var creation = cnn_creation()
      creation.header = header(of: cnn_creation.self)
      creation.host = Host.table
      creation.attribute_count = count
      creation.attributes = values
      var made: UnsafeMutableRawPointer?
      try Failure.check("create") { create(&creation, user, &made) }
      return made
    }
  }

  deinit { if pointer != nil { destroy?(pointer) } }
}

/// A loss whose functions are somebody else's, in C.
private struct ForeignLoss: Loss {
  let targets: LossTargets
  let instance: ForeignInstance
  let functions: ForeignFunctions<cnn_loss_type>
  let type: String

  func check(_ shape: Shape) throws(CNNError) {
    guard let check = functions.value.check else { return }
    var foreign = cnn_shape(shape)
    try Failure.check("\(type), check") { check(instance.pointer, Host.table, &foreign) }
  }

  func evaluate(_ call: LossCall) throws(CNNError) -> Double {
    guard let evaluate = functions.value.evaluate else {
      throw CNNError(.internal, "the loss has no evaluate")
    }
    var foreign = cnn_loss_call()
    foreign.header = header(of: cnn_loss_call.self)
    foreign.host = Host.table
    foreign.batch = Int64(call.batch)
    foreign.shape = cnn_shape(call.shape)
    foreign.concurrency = Int64(call.concurrency)
    foreign.output = call.output
    switch call.target {
    case .labels(let labels): foreign.labels = labels
    case .values(let values): foreign.values = values
    }
    foreign.weight = Double(call.weight)
    foreign.gradient = call.gradient
    var loss = 0.0
    try Failure.check("\(type), evaluate") { evaluate(instance.pointer, &foreign, &loss) }
    return loss
  }
}

extension LossType {
  /// Makes a kind of loss of a description in C.
  ///
  /// - Throws: `invalidArgument` or `unsupported` for a description that makes no sense.
  package init(_ foreign: UnsafePointer<cnn_loss_type>?) throws(CNNError) {
    try self.init(try copy(foreign))
  }

  init(_ foreign: cnn_loss_type) throws(CNNError) {
    let name = try text(foreign.id, "the id of a cnn_loss_type")
    do throws(CNNError) {
      try self.init(foreign, named: name)
    } catch {
      throw error.prefixed(by: "loss \"\(name)\"")
    }
  }

  private init(_ foreign: cnn_loss_type, named name: String) throws(CNNError) {
    try checkForeignName(name)
    guard foreign.evaluate != nil else {
      throw .invalidArgument("evaluate is NULL, and must be there")
    }
    let targets = LossTargets(rawValue: Int(foreign.targets))
    guard !targets.isEmpty, targets.isSubset(of: [.labels, .values]) else {
      throw .invalidArgument(
        "targets is \(foreign.targets), and must be CNN_TARGETS_LABELS (1), CNN_TARGETS_VALUES (2) or "
          + "both (3)")
    }
    let specifications = try attributeSpecifications(
      foreign.attributes, count: foreign.attribute_count, reserved: ["type", "weight", "target"])
    let functions = ForeignFunctions(foreign)
    self.init(
      name, try optionalText(foreign.summary, "the summary"), attributes: specifications
    ) { attributes throws(CNNError) in
      let value = functions.value
      return ForeignLoss(
        targets: targets,
        instance: try ForeignInstance(
          create: value.create, destroy: value.destroy, user: value.user, attributes: attributes,
          specifications: specifications),
        functions: functions, type: name)
    }
  }
}
