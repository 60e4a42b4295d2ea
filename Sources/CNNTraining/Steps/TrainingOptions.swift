import CNNGraph
public import CNNLayerKit

/// How to train, step by step.
public struct TrainingOptions: Hashable, Sendable {
  /// The largest number of samples of one step, at least 1.
  public var batchSize = 32
  /// Where dropout, the order of samples and augmentation get their random numbers.
  public var seed: UInt64 = 0
  /// The losses; outputs that none of them names get no gradient unless the caller writes one.
  public var losses = LossSpecification.defaults
  /// The optimizer.
  public var optimizer = OptimizerSpecification("adam")
  /// The rate that the schedule starts from, finite and at least 0; nil for the optimizer's default.
  public var learningRate: Double?
  /// The factor of weight decay, at least 0.
  ///
  /// With `adamw` it is decoupled, else L2: the gradient gets `weightDecay` times the parameter.
  public var weightDecay = 0.0
  /// Full names of parameters that decay, or not, whatever their layer declares.
  public var decayOverrides: [String: Bool] = [:]
  /// The largest L2 norm of all gradients together: larger ones are scaled down; nil for none.
  public var clipNorm: Double?
  /// The largest magnitude of each gradient: larger ones are cut off; nil for none.
  public var clipValue: Double?
  /// How the learning rate changes.
  public var schedule = LearningRateSchedule()
  /// Full names of parameters that keep their values.
  public var frozen: Set<String> = []
  /// Whether gradients of the network's inputs are computed too.
  public var inputGradients = false

  /// The defaults: softmax cross-entropy of the first output, Adam, a constant learning rate.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: `batch_size`, `seed`, `loss`, `optimizer`, `learning_rate`, `weight_decay`, `decay` (an
  /// object from parameter names to booleans), `clip_norm`, `clip_value`, `schedule`, `frozen`,
  /// `input_gradients`.
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys and
  ///   names, `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let members = try JSONText.parseObject(json, "the options")
    try self.init(OptionReader(members, valid: TrainingOptions.keys))
  }

  static let keys = [
    "batch_size", "seed", "loss", "optimizer", "learning_rate", "weight_decay", "decay",
    "clip_norm", "clip_value", "schedule", "frozen", "input_gradients",
  ]

  init(_ options: OptionReader) throws(CNNError) {
    batchSize = try options.integer("batch_size", from: 1) ?? batchSize
    seed = try options.seed("seed") ?? seed
    if let value = options.value("loss") { losses = try LossSpecification.list(from: value) }
    if let value = options.value("optimizer") { optimizer = try OptimizerSpecification(value) }
    learningRate = try options.number("learning_rate", in: 0...1e6)
    weightDecay = try options.number("weight_decay", in: 0...1e6) ?? weightDecay
    if let value = options.value("decay") {
      guard case .object(let members) = value else {
        throw options.unfit("decay", "an object from parameter names to true or false", value)
      }
      for (name, value) in members {
        guard let decays = value.asBoolean else {
          throw options.unfit("decay", "an object from parameter names to true or false", value)
        }
        decayOverrides[name] = decays
      }
    }
    clipNorm = try options.number("clip_norm", in: 0...1e30, excludingLowest: true)
    clipValue = try options.number("clip_value", in: 0...1e30, excludingLowest: true)
    if let value = options.value("schedule") { schedule = try LearningRateSchedule(value) }
    frozen = Set(try options.strings("frozen") ?? [])
    inputGradients = try options.boolean("input_gradients") ?? inputGradients
  }

  /// Checks the numbers.
  ///
  /// - Throws: `invalidArgument`, naming the option.
  public func validate() throws(CNNError) {
    guard batchSize >= 1 else {
      throw .invalidArgument("option \"batch_size\" is at least 1, got \(batchSize)")
    }
    func check(_ name: String, _ value: Double?, allowsZero: Bool) throws(CNNError) {
      guard let value else { return }
      guard value.isFinite, value > 0 || (allowsZero && value == 0) else {
        throw .invalidArgument(
          "option \"\(name)\" is finite and \(allowsZero ? "at least" : "above") 0, got \(value)")
      }
    }
    try check("learning_rate", learningRate, allowsZero: true)
    try check("weight_decay", weightDecay, allowsZero: true)
    try check("clip_norm", clipNorm, allowsZero: false)
    try check("clip_value", clipValue, allowsZero: false)
    try schedule.validate()
  }

  /// The options as members of a JSON object that `init(json:)` reads.
  var members: [String: AttributeValue] {
    var members: [String: AttributeValue] = [
      "batch_size": .integer(batchSize), "seed": .string(String(seed)),
      "loss": LossSpecification.value(of: losses), "optimizer": optimizer.value,
      "weight_decay": .number(weightDecay), "schedule": schedule.value,
      "input_gradients": .boolean(inputGradients),
      "frozen": .list(frozen.sorted().map { .string($0) }),
      "decay": .object(decayOverrides.mapValues { .boolean($0) }),
    ]
    if let learningRate { members["learning_rate"] = .number(learningRate) }
    if let clipNorm { members["clip_norm"] = .number(clipNorm) }
    if let clipValue { members["clip_value"] = .number(clipValue) }
    return members
  }

  /// The options as JSON text that `init(json:)` reads, keys sorted.
  public var json: String { JSONText.write(.object(members)) }
}
