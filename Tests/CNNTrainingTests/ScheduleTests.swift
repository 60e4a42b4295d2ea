import CNNKit
import Testing

@Suite struct ScheduleTests {
  /// The rates of the first step of each epoch, from a base of 1.
  static func rates(
    _ schedule: LearningRateSchedule, epochs: Int, results: [Double] = []
  ) -> [Double] {
    var progress = ScheduleProgress()
    return (0..<epochs).map { epoch in
      let rate = schedule.rate(base: 1, at: progress)
      progress.endStep()
      progress.endEpoch(
        result: epoch < results.count ? results[epoch] : nil, schedule: schedule)
      return rate
    }
  }

  static let tables: [(AttributeValue, [Double])] = [
    ("constant", [1, 1, 1, 1, 1, 1]),
    (["type": "exponential", "factor": 0.5], [1, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
    (["type": "step", "epochs": 2, "factor": 0.1], [1, 1, 0.1, 0.1, 0.01, 0.01]),
    (["type": "cosine", "epochs": 4], [1, 0.85355339, 0.5, 0.14644661, 0, 0]),
    (
      ["type": "cosine", "epochs": 4, "minimum": 0.2],
      [1, 0.88284271, 0.6, 0.31715729, 0.2, 0.2]
    ),
    (["type": "constant", "warmup_steps": 4], [0.25, 0.5, 0.75, 1, 1, 1]),
    (
      ["type": "exponential", "factor": 0.5, "warmup_steps": 2],
      [0.5, 0.5, 0.25, 0.125, 0.0625, 0.03125]
    ),
  ]

  @Test(arguments: tables.indices)
  func followsItsTable(index: Int) throws {
    let (description, expected) = Self.tables[index]
    let schedule = try LearningRateSchedule(description)
    for (a, b) in zip(Self.rates(schedule, epochs: 6), expected) { #expect(abs(a - b) < 1e-8) }
  }

  @Test(arguments: ["constant", "exponential", "step", "plateau", "cosine"])
  func everyScheduleWarmsUp(type: String) throws {
    let plain = try LearningRateSchedule(
      type == "cosine" ? ["type": "cosine", "epochs": 9] : .string(type))
    var warming = plain
    warming.warmupSteps = 6
    let factors = [1.0 / 6, 2.0 / 6, 3.0 / 6, 4.0 / 6, 5.0 / 6, 1, 1, 1]
    // Results that stall, so that "plateau" divides while the rate still rises.
    let results = [Double](repeating: 0.5, count: 8)
    let expected = zip(Self.rates(plain, epochs: 8, results: results), factors).map { $0 * $1 }
    for (a, b) in zip(Self.rates(warming, epochs: 8, results: results), expected) {
      #expect(abs(a - b) < 1e-12)
    }
  }

  @Test func warmUpInEpochsNeedsTheirLength() throws {
    let schedule = try LearningRateSchedule(["type": "constant", "warmup_epochs": 1.5])
    #expect(schedule.warmupEpochs == 1.5 && schedule.warmupSteps == 0)
    var options = TrainingOptions()
    options.schedule = schedule
    let error = failure { _ = try Training(model: makeModel(linearNetwork()), options: options) }
    #expect(error?.message.contains("warmup_epochs") == true)
    // 20 samples in batches of 5: 6 steps of warm-up.
    var trainer = TrainerOptions()
    trainer.training = options
    trainer.training.batchSize = 5
    trainer.training.learningRate = 0.6
    trainer.epochs = 2
    var rates: [Double] = []
    try Trainer(model: makeModel(smallNetwork()), dataset: stripes(20), options: trainer).fit {
      if $0.event == .step { rates.append($0.learningRate) }
      return .proceed
    }
    for (a, b) in zip(rates, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.6]) {
      #expect(abs(a - b) < 1e-9)
    }
    trainer.training.schedule.warmupEpochs = 1e6
    trainer.epochs = 1
    try Trainer(model: makeModel(smallNetwork()), dataset: stripes(20), options: trainer).fit()
  }

  @Test func plateauDividesWhenResultsStall() throws {
    let schedule = try LearningRateSchedule([
      "type": "plateau", "patience": 1, "factor": 0.1, "minimum": 0.005,
    ])
    // Better, better, no, no (second in a row: divide), no, no (divide), better, no, no (minimum).
    let results = [0.5, 0.6, 0.6, 0.55, 0.6, 0.1, 0.7, 0.7, 0.7, 0.9]
    let expected = [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.005]
    let rates = Self.rates(schedule, epochs: 10, results: results)
    for (a, b) in zip(rates, expected) { #expect(abs(a - b) < 1e-12, "\(rates)") }
    // Nothing is known: nothing changes.
    #expect(Self.rates(schedule, epochs: 10) == [Double](repeating: 1, count: 10))
  }

  static let refused: [(AttributeValue, String)] = [
    (["type": "cosin"], "cosine"), (["type": "step", "factr": 0.5], "factor"),
    (["type": "step", "factor": 0], "factor"), (["type": "step", "factor": 1.5], "factor"),
    (["type": "step", "epochs": 0], "epochs"), (["type": "constant", "factor": 1], "factor"),
    (["type": "plateau", "patience": -1], "patience"), ([1], "type"), (["factor": 1], "type"),
    (["type": "cosine", "warmup_steps": -1], "warmup_steps"), (nil, "name"),
  ]

  @Test(arguments: refused.indices)
  func refusesWhatMakesNoSense(index: Int) {
    let (description, hint) = Self.refused[index]
    let message = failure { _ = try LearningRateSchedule(description) }?.message
    #expect(message?.contains(hint) == true, "\(message ?? "no error")")
  }
}
