public import CNNLayerKit

extension LearningRateSchedule {
  private static let names = ["constant", "exponential", "step", "plateau", "cosine"]

  /// Reads the value of the option "schedule": a name, or an object with the name under "type".
  ///
  /// - Throws: `unknownName` for a schedule or key that does not exist, `invalidArgument`.
  public init(_ value: AttributeValue) throws(CNNError) {
    let (type, members) = try typeAndAttributes(value, of: "a schedule")
    func reader(_ keys: String...) throws(CNNError) -> OptionReader {
      try OptionReader(
        members, valid: keys + ["warmup_steps", "warmup_epochs"], prefix: "schedule.")
    }
    let options: OptionReader
    let rule: Rule
    switch type {
    case "constant":
      options = try reader()
      rule = .constant
    case "exponential":
      options = try reader("factor")
      rule = .exponential(factor: try options.factor(default: 0.95))
    case "step":
      options = try reader("epochs", "factor")
      rule = .step(
        epochs: try options.integer("epochs", from: 1) ?? 30,
        factor: try options.factor(default: 0.1))
    case "plateau":
      options = try reader("patience", "factor", "minimum", "min_delta")
      rule = .plateau(
        patience: try options.integer("patience", from: 0) ?? 3,
        factor: try options.factor(default: 0.1), minimum: try options.minimum(),
        minDelta: try options.number("min_delta", in: 0...1e6) ?? 0)
    case "cosine":
      options = try reader("epochs", "minimum")
      rule = .cosine(
        epochs: try options.integer("epochs", from: 1), minimum: try options.minimum())
    default: throw .unknownName("schedule", type, valid: LearningRateSchedule.names)
    }
    self.init(
      rule, warmupSteps: try options.integer("warmup_steps", from: 0) ?? 0,
      warmupEpochs: try options.number("warmup_epochs", in: 0...1e6) ?? 0)
    try validate()
  }

  /// The value of the option "schedule" that gives this schedule.
  var value: AttributeValue {
    var members: [String: AttributeValue] = [:]
    let type: String
    switch rule {
    case .constant: type = "constant"
    case .exponential(let factor):
      type = "exponential"
      members["factor"] = .number(factor)
    case .step(let epochs, let factor):
      type = "step"
      members = ["epochs": .integer(epochs), "factor": .number(factor)]
    case .plateau(let patience, let factor, let minimum, let minDelta):
      type = "plateau"
      members = [
        "patience": .integer(patience), "factor": .number(factor), "minimum": .number(minimum),
        "min_delta": .number(minDelta),
      ]
    case .cosine(let epochs, let minimum):
      type = "cosine"
      members["minimum"] = .number(minimum)
      if let epochs { members["epochs"] = .integer(epochs) }
    }
    if warmupSteps > 0 { members["warmup_steps"] = .integer(warmupSteps) }
    if warmupEpochs > 0 { members["warmup_epochs"] = .number(warmupEpochs) }
    return jsonValue(type: type, attributes: members)
  }
}

extension OptionReader {
  fileprivate func factor(default fallback: Double) throws(CNNError) -> Double {
    try number("factor", in: 0...1, excludingLowest: true) ?? fallback
  }

  fileprivate func minimum() throws(CNNError) -> Double {
    try number("minimum", in: 0...1e6) ?? 0
  }
}

extension ScheduleProgress {
  /// The progress as members of a JSON object, for checkpoints.
  var value: AttributeValue {
    var members: [String: AttributeValue] = [
      "epoch": .integer(epoch), "step": .integer(step), "step_in_epoch": .integer(stepInEpoch),
      "steps_per_epoch": .integer(stepsPerEpoch), "plateau_factor": .number(plateauFactor),
      "epochs_without_improvement": .integer(epochsWithoutImprovement),
    ]
    if let best { members["best"] = .number(best) }
    return .object(members)
  }

  /// Reads what `value` wrote.
  ///
  /// - Throws: `malformedData` if it is something else.
  init(_ value: AttributeValue?) throws(CNNError) {
    guard case .object(let members)? = value, let epoch = members.count(of: "epoch"),
      let step = members.count(of: "step"), let stepInEpoch = members.count(of: "step_in_epoch"),
      let stepsPerEpoch = members.count(of: "steps_per_epoch"),
      let plateauFactor = members["plateau_factor"]?.asNumber,
      let stalled = members.count(of: "epochs_without_improvement")
    else { throw .malformedData("the progress of the schedule is incomplete") }
    self.epoch = epoch
    self.step = step
    self.stepInEpoch = stepInEpoch
    self.stepsPerEpoch = stepsPerEpoch
    self.plateauFactor = plateauFactor
    best = members["best"]?.asNumber
    epochsWithoutImprovement = stalled
  }
}

extension [String: AttributeValue] {
  /// A member that counts something: from 0, and small enough to be added to.
  func count(of name: String) -> Int? {
    guard let value = self[name]?.asInteger, value >= 0, value <= 1 << 53 else { return nil }
    return value
  }
}
