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
  /// Which parameters decay, or not, whatever their layer declares: by full names and patterns (see
  /// `NamePattern`), of which the most specific one counts.
  public var decayOverrides: [String: Bool] = [:]
  /// The largest L2 norm of all gradients together: larger ones are scaled down; nil for none.
  public var clipNorm: Double?
  /// The largest magnitude of each gradient: larger ones are cut off; nil for none.
  public var clipValue: Double?
  /// How the learning rate changes.
  public var schedule = LearningRateSchedule()
  /// Parameters that keep their values, by full names and patterns; see `NamePattern`.
  public var frozen: Set<String> = []
  /// Which layers keep their running statistics, too.
  public var statistics = StatisticsFreezing.frozenLayers
  /// Factors of the learning rate, at least 0, by full names and patterns of parameters (see
  /// `NamePattern`), of which the most specific one counts; 1 for parameters that none stands for.
  ///
  /// Of several patterns for a parameter the most specific one is that with the most characters that
  /// are no wildcards.
  public var learningRates: [String: Double] = [:]
  /// Whether gradients of the network's inputs are computed too.
  public var inputGradients = false

  /// The defaults: softmax cross-entropy of the first output, Adam, a constant learning rate.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: `batch_size`, `seed`, `loss`, `optimizer`, `learning_rate`, `weight_decay`, `decay` (an
  /// object from names and patterns of parameters to booleans), `clip_norm`, `clip_value`,
  /// `schedule`, `frozen`, `freeze_statistics` (false, true, or "all"), `learning_rates` (an object
  /// from names and patterns of parameters to factors), `input_gradients`.
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys and
  ///   names, `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let members = try JSONText.parseObject(json, "the options")
    try self.init(OptionReader(members, valid: TrainingOptions.keys))
  }

  static let keys = [
    "batch_size", "seed", "loss", "optimizer", "learning_rate", "weight_decay", "decay",
    "clip_norm", "clip_value", "schedule", "frozen", "freeze_statistics", "learning_rates",
    "input_gradients",
  ]

  init(_ options: OptionReader) throws(CNNError) {
    batchSize = try options.integer("batch_size", from: 1) ?? batchSize
    seed = try options.seed("seed") ?? seed
    if let value = options.value("loss") { losses = try LossSpecification.list(from: value) }
    if let value = options.value("optimizer") { optimizer = try OptimizerSpecification(value) }
    learningRate = try options.number("learning_rate", in: 0...1e6)
    weightDecay = try options.number("weight_decay", in: 0...1e6) ?? weightDecay
    decayOverrides =
      try options.members(
        "decay", "an object from parameter names or patterns to true or false", \.asBoolean)
      ?? [:]
    clipNorm = try options.number("clip_norm", in: 0...1e30, excludingLowest: true)
    clipValue = try options.number("clip_value", in: 0...1e30, excludingLowest: true)
    if let value = options.value("schedule") { schedule = try LearningRateSchedule(value) }
    frozen = Set(try options.strings("frozen") ?? [])
    if let value = options.value("freeze_statistics") {
      guard let freezing = StatisticsFreezing(value) else {
        throw options.unfit("freeze_statistics", "true, false or \"all\"", value)
      }
      statistics = freezing
    }
    learningRates =
      try options.members(
        "learning_rates", "an object from parameter names or patterns to factors from 0 to 1e6"
      ) { value in value.asNumber.flatMap { (0...1e6).contains($0) ? $0 : nil } } ?? [:]
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
    for (name, factor) in learningRates.sorted(by: { $0.key < $1.key }) {
      try check("learning_rates\": \"\(name)", factor, allowsZero: true)
    }
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
    // Left out where they are as ever, so that checkpoints from before these options fit.
    if !learningRates.isEmpty {
      members["learning_rates"] = .object(learningRates.mapValues { .number($0) })
    }
    if statistics != .frozenLayers { members["freeze_statistics"] = statistics.value }
    if let learningRate { members["learning_rate"] = .number(learningRate) }
    if let clipNorm { members["clip_norm"] = .number(clipNorm) }
    if let clipValue { members["clip_value"] = .number(clipValue) }
    return members
  }

  /// The options as JSON text that `init(json:)` reads, keys sorted.
  public var json: String { JSONText.write(.object(members)) }
}

extension StatisticsFreezing {
  /// Reads the value of the option "freeze_statistics", or returns nil if it is none.
  init?(_ value: AttributeValue) {
    switch value {
    case .boolean(false): self = .never
    case .boolean(true): self = .frozenLayers
    case .string("all"): self = .always
    default: return nil
    }
  }

  /// The value that `init(_:)` reads.
  var value: AttributeValue {
    switch self {
    case .never: false
    case .frozenLayers: true
    case .always: "all"
    }
  }
}
