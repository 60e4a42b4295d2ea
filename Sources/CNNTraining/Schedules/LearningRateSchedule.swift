public import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the learning rate changes in the course of training.
///
/// A rule gives a factor of the base rate for each epoch, and a linear warm-up may be put in front
/// of any rule. The schedule itself never changes; where training stands is in a
/// `ScheduleProgress`.
public struct LearningRateSchedule: Hashable, Sendable {
  /// How the rate depends on the epoch.
  public enum Rule: Hashable, Sendable {
    /// Always the base rate.
    case constant
    /// Multiplied by `factor` after each epoch.
    case exponential(factor: Double)
    /// Multiplied by `factor` after every `epochs` epochs.
    case step(epochs: Int, factor: Double)
    /// Multiplied by `factor` after more than `patience` epochs in a row whose result was not
    /// better than the best so far by more than `minDelta`; never below the rate `minimum`.
    ///
    /// AlexNet's recipe: a tenth of the rate when the validation accuracy stalls (Krizhevsky,
    /// Sutskever and Hinton, 2012).
    case plateau(patience: Int, factor: Double, minimum: Double, minDelta: Double)
    /// Half a wave of a cosine from the base rate down to the rate `minimum` over `epochs` epochs
    /// (nil: as many as the run has), then constant (Loshchilov and Hutter, SGDR, 2017).
    ///
    /// Falls from step to step where the number of steps of an epoch is known, else from epoch to
    /// epoch.
    case cosine(epochs: Int?, minimum: Double)
  }

  /// How the rate depends on the epoch.
  public var rule: Rule
  /// How many steps the rate rises linearly at the start, reaching the rule's rate with the last
  /// of them.
  public var warmupSteps: Int
  /// The same in epochs, for a trainer, which knows how many steps an epoch has; at most one of both
  /// is above 0.
  public var warmupEpochs: Double

  /// Creates a schedule.
  public init(_ rule: Rule = .constant, warmupSteps: Int = 0, warmupEpochs: Double = 0) {
    self.rule = rule
    self.warmupSteps = warmupSteps
    self.warmupEpochs = warmupEpochs
  }

  /// The schedule with everything filled in that depends on the length of a run.
  func filledIn(epochs: Int, stepsPerEpoch: Int) -> LearningRateSchedule {
    var schedule = self
    if case .cosine(nil, let minimum) = rule {
      schedule.rule = .cosine(epochs: epochs, minimum: minimum)
    }
    if warmupEpochs > 0 {
      let steps = (warmupEpochs * Double(stepsPerEpoch)).rounded()
      schedule.warmupSteps = max(1, Int(exactly: steps) ?? .max)
      schedule.warmupEpochs = 0
    }
    return schedule
  }

  /// Says what is missing for a loop of one's own, or returns nil.
  var missing: CNNError? {
    if case .cosine(nil, _) = rule {
      return .invalidArgument(
        "schedule \"cosine\" needs \"epochs\", the number of epochs over which the rate falls")
    }
    if warmupEpochs > 0 {
      return .invalidArgument(
        "\"schedule.warmup_epochs\" is for a trainer, which knows how many steps an epoch has; give "
          + "\"warmup_steps\"")
    }
    return nil
  }

  /// Checks that every number is in its range.
  ///
  /// - Throws: `invalidArgument`, naming the number.
  public func validate() throws(CNNError) {
    func check(_ name: String, _ isValid: Bool, _ range: String) throws(CNNError) {
      guard isValid else {
        throw .invalidArgument("schedule: \(name) must be \(range), in \(self)")
      }
    }
    let isFactor = { (factor: Double) in factor > 0 && factor <= 1 }
    let isRate = { (rate: Double) in rate >= 0 && rate.isFinite }
    try check("warmup_steps", warmupSteps >= 0, "at least 0")
    try check(
      "warmup_epochs", warmupEpochs >= 0 && warmupEpochs <= 1e6, "from 0 to 1,000,000")
    try check(
      "warmup_epochs", warmupEpochs == 0 || warmupSteps == 0, "0 if there are warmup_steps")
    switch rule {
    case .constant: break
    case .exponential(let factor): try check("factor", isFactor(factor), "above 0, at most 1")
    case .step(let epochs, let factor):
      try check("epochs", epochs >= 1, "at least 1")
      try check("factor", isFactor(factor), "above 0, at most 1")
    case .plateau(let patience, let factor, let minimum, let minDelta):
      try check("patience", patience >= 0, "at least 0")
      try check("factor", isFactor(factor), "above 0, at most 1")
      try check("minimum", isRate(minimum), "finite, at least 0")
      try check("min_delta", isRate(minDelta), "finite, at least 0")
    case .cosine(let epochs, let minimum):
      try check("epochs", epochs ?? 1 >= 1, "at least 1")
      try check("minimum", isRate(minimum), "finite, at least 0")
    }
  }

  /// Returns the learning rate of the next step.
  ///
  /// - Parameters:
  ///   - base: The rate that the schedule starts from.
  ///   - progress: Where training stands.
  public func rate(base: Double, at progress: ScheduleProgress) -> Double {
    let epoch = Double(progress.epoch)
    var rate: Double
    switch rule {
    case .constant: rate = base
    case .exponential(let factor): rate = base * pow(factor, epoch)
    case .step(let epochs, let factor):
      rate = base * pow(factor, Double(progress.epoch / max(1, epochs)))
    case .plateau(_, _, let minimum, _):
      rate = max(base * progress.plateauFactor, min(base, minimum))
    case .cosine(let epochs, let minimum):
      let length = Double(max(1, epochs ?? 1))
      let lowest = min(base, minimum)
      let share = min(1, (epoch + progress.epochShare) / length)
      rate = lowest + (base - lowest) * (1 + cos(.pi * share)) / 2
    }
    if progress.step < warmupSteps { rate *= Double(progress.step + 1) / Double(warmupSteps) }
    return rate
  }
}

/// Where training stands, as far as a schedule is concerned.
public struct ScheduleProgress: Hashable, Sendable {
  /// Epochs that are over.
  public internal(set) var epoch = 0
  /// Steps done in all epochs.
  public internal(set) var step = 0
  /// Steps done in this epoch.
  public internal(set) var stepInEpoch = 0
  /// How many steps an epoch has; 0 if that is not known.
  public internal(set) var stepsPerEpoch = 0
  /// The factor that "plateau" has come to.
  public internal(set) var plateauFactor = 1.0
  /// The best result of an epoch so far, for "plateau".
  public internal(set) var best: Double?
  /// Epochs since the best result or since the factor was changed last, for "plateau".
  public internal(set) var epochsWithoutImprovement = 0

  /// Starts at the beginning.
  public init() {}

  /// The share of this epoch that is over, or 0 if its length is not known.
  var epochShare: Double {
    stepsPerEpoch > 0 ? min(1, Double(stepInEpoch) / Double(stepsPerEpoch)) : 0
  }

  /// Goes on by a step.
  public mutating func endStep() {
    step += 1
    stepInEpoch += 1
  }

  /// Goes on by an epoch.
  ///
  /// - Parameters:
  ///   - result: What "plateau" watches, where larger is better; nil if it is not known.
  ///   - schedule: The schedule.
  public mutating func endEpoch(result: Double?, schedule: LearningRateSchedule) {
    epoch += 1
    stepInEpoch = 0
    guard case .plateau(let patience, let factor, _, let minDelta) = schedule.rule,
      let result, result.isFinite
    else { return }
    if let best, result <= best + minDelta {
      epochsWithoutImprovement += 1
    } else {
      best = result
      epochsWithoutImprovement = 0
    }
    if epochsWithoutImprovement > patience {
      plateauFactor *= factor
      epochsWithoutImprovement = 0
    }
  }
}
