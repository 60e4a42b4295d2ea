import CNNKit
import Foundation
import Testing

@Suite struct PresetTests {
  @Test func alexnetIsTheRecipeOfThePaper() throws {
    let options = try TrainerOptions(preset: "alexnet")
    #expect(options.training.batchSize == 128 && options.training.learningRate == 0.01)
    #expect(options.training.optimizer.type == "momentum")
    #expect(options.training.optimizer.attributes == ["momentum": 0.9])
    #expect(options.training.weightDecay == 5e-4)
    #expect(
      options.training.schedule.rule
        == .plateau(patience: 3, factor: 0.1, minimum: 1e-5, minDelta: 0))
    #expect(options.augmentation?.horizontalFlip == 0.5)
    #expect(options.augmentation?.randomCrop?.padding == 4)
    #expect(options.augmentation?.lighting == 0.1)
    #expect(options.mixing == nil && options.ema == nil)
  }

  @Test func modernHasAllOfIt() throws {
    let options = try TrainerOptions(preset: "modern")
    #expect(options.training.optimizer.type == "adamw")
    #expect(options.training.losses[0].attributes == ["label_smoothing": 0.1])
    #expect(options.training.schedule.rule == .cosine(epochs: nil, minimum: 0))
    #expect(options.training.schedule.warmupEpochs == 3)
    #expect(options.mixing == BatchMixing(mixup: .init(alpha: 0.2, probability: 1)))
    #expect(options.ema == ExponentialMovingAverage(decay: 0.999, warmup: true))
    #expect(options.augmentation?.randomResizedCrop?.scale == 0.35...1)
    #expect(options.augmentation?.colorJitter?.brightness == 0.3)
  }

  @Test func givenOptionsWin() throws {
    let options = try TrainerOptions(
      json: """
        {"preset": "modern", "epochs": 7, "optimizer": {"type": "momentum", "momentum": 0.5},
        "augment": {"horizontal_flip": 1}, "mixup": null, "ema": false}
        """)
    #expect(options.epochs == 7 && options.training.optimizer.type == "momentum")
    #expect(options.augmentation == Augmentation(horizontalFlip: 1))
    #expect(options.mixing == nil && options.ema == nil)
    #expect(options.training.weightDecay == 0.05 && options.training.batchSize == 64)
    #expect(try TrainerOptions(json: #"{"preset": null}"#) == TrainerOptions())
  }

  @Test func everyPresetIsWhatItsOptionsSay() throws {
    let parsed = try #require(
      try JSONSerialization.jsonObject(with: Data(TrainingPreset.json.utf8)) as? [[String: Any]])
    #expect(parsed.compactMap { $0["name"] as? String } == ["alexnet", "modern"])
    for (preset, listed) in zip(TrainingPreset.all, parsed) {
      let text = try JSONSerialization.data(withJSONObject: try #require(listed["options"]))
      let options = try TrainerOptions(json: String(decoding: text, as: UTF8.self))
      #expect(try TrainerOptions(preset: preset.name) == options)
      #expect(!preset.summary.isEmpty && listed["summary"] as? String == preset.summary)
    }
  }

  @Test(arguments: [
    (#"{"preset": "alexnett"}"#, CNNError.Code.unknownName, "did you mean \"alexnet\""),
    (#"{"preset": 3}"#, .invalidArgument, "\"preset\""),
    (#"{"preset": "modern", "epoch": 3}"#, .unknownName, "epochs"),
    (#"{"ema": 0.99}"#, .invalidArgument, "\"ema\""),
    (#"{"ema": {"decay": 1}}"#, .invalidArgument, "ema.decay"),
    (#"{"ema": {"decay": -0.1}}"#, .invalidArgument, "ema.decay"),
    (#"{"ema": {"decai": 0.9}}"#, .unknownName, "ema.decay"),
    (#"{"ema": {"warmup": 1}}"#, .invalidArgument, "ema.warmup"),
    (#"{"mixup": {"alpha": 0}}"#, .invalidArgument, "mixup.alpha"),
    (#"{"mixup": {"alfa": 1}}"#, .unknownName, "mixup.alpha"),
    (#"{"mixup": {"probability": 1.5}}"#, .invalidArgument, "mixup.probability"),
    (#"{"mixup": [1]}"#, .invalidArgument, "\"mixup\""),
    (#"{"cutmix": {"alpha": 1e9}}"#, .invalidArgument, "cutmix.alpha"),
    (#"{"cutmix": {"probability": "1"}}"#, .invalidArgument, "cutmix.probability"),
    (#"{"class_balance": 1}"#, .invalidArgument, "class_balance"),
    (#"{"class_balance": true, "shuffle": false}"#, .invalidArgument, "class_balance"),
    (#"{"schedule": {"type": "cosine", "warmup_epochs": -1}}"#, .invalidArgument, "warmup_epochs"),
    (
      #"{"schedule": {"type": "step", "warmup_epochs": 1, "warmup_steps": 2}}"#, .invalidArgument,
      "warmup_epochs"
    ),
  ])
  func refusesWithAHint(json: String, code: CNNError.Code, hint: String) {
    let error = failure { _ = try TrainerOptions(json: json) }
    #expect(error?.code == code)
    #expect(error?.message.contains(hint) == true, "\(error?.message ?? "no error")")
  }

  @Test func trueStandsForTheDefaults() throws {
    let options = try TrainerOptions(json: #"{"mixup": true, "cutmix": {}, "ema": true}"#)
    #expect(
      options.mixing
        == BatchMixing(
          mixup: .init(alpha: 0.2, probability: 1), cutmix: .init(alpha: 1, probability: 0.5)))
    #expect(options.ema == ExponentialMovingAverage(decay: 0.999, warmup: true))
  }

  /// A miniature of AlexNet with the recipe of its name: local response normalisation, overlapping
  /// pooling, dropout.
  private func alexnetInSmall() throws -> Model {
    try makeModel(
      Graph(
        input: [8, 8, 1],
        layers: [
          Graph.Node(
            "conv1", type: "conv2d", ["out_channels": 16, "kernel_size": 3, "padding": "same"]),
          Graph.Node("relu1", type: "relu"),
          Graph.Node("pool1", type: "max_pool2d", ["kernel_size": 3, "stride": 2]),
          Graph.Node(
            "conv2", type: "conv2d", ["out_channels": 32, "kernel_size": 3, "padding": "same"]),
          Graph.Node("relu2", type: "relu"),
          Graph.Node("flat", type: "flatten"),
          Graph.Node("fc1", type: "linear", ["out_features": 64]),
          Graph.Node("relu3", type: "relu"),
          Graph.Node("drop", type: "dropout", ["p": 0.5]),
          Graph.Node("logits", type: "linear", ["out_features": 10]),
        ]))
  }

  @Test func alexnetsRecipeLearnsDigitsAndDividesTheRateTwice() throws {
    let data = try Digits.load(part: .train)
    let validation = try Digits.load(part: .test)
    let model = try alexnetInSmall()
    // Digits are grey and not to be mirrored, and an epoch has only 12 batches of 128.
    let options = try TrainerOptions(
      json: """
        {"preset": "alexnet", "augment": {"random_crop": {"padding": 1}}, "epochs": 80,
        "schedule": {"type": "plateau", "patience": 3, "min_delta": 0.002}}
        """)
    let history = try Trainer(
      model: model, dataset: data, validation: validation, options: options
    ).fit()
    let rates = history.epochs.map(\.learningRate)
    let drops = zip(rates, rates.dropFirst()).count { $1 < $0 * 0.11 }
    #expect(drops >= 2, "\(rates)")
    #expect(try #require(evaluate(model, on: validation).accuracy) > 0.85)
  }
}
