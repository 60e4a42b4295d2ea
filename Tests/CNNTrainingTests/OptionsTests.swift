import CNNKit
import Testing

@Suite struct OptionsTests {
  @Test func readsEveryKey() throws {
    let options = try TrainerOptions(
      json: """
        {"batch_size": 100, "seed": "18446744073709551615", "loss": {"logits":
        {"type": "softmax_cross_entropy", "label_smoothing": 0.1, "weight": 2, "target": "kind"},
        "box": {"type": "smooth_l1", "beta": 0.5}, "other": "none"},
        "optimizer": {"type": "momentum", "momentum": 0.8}, "learning_rate": 0.1,
        "weight_decay": 5e-4, "decay": {"fc.bias": true}, "clip_norm": 1, "clip_value": 2,
        "schedule": {"type": "plateau", "patience": 2}, "frozen": ["conv.weight"],
        "input_gradients": true, "epochs": 3, "shuffle": false, "drop_last": true,
        "augment": {"horizontal_flip": 0.5}, "keep_best": false, "patience": 4,
        "min_delta": 0.01, "checkpoint": "a.ckpt", "checkpoint_every": 7, "resume": true,
        "report_every": 2, "accumulate": 3, "history_every": 5, "accuracy_samples": 6,
        "prefetch": 4, "workers": 0}
        """)
    #expect(options.training.batchSize == 100)
    #expect(options.training.seed == .max)
    #expect(options.training.losses.map(\.output) == ["box", "logits"])
    #expect(options.training.losses[1].weight == 2)
    #expect(options.training.losses[1].target == "kind")
    #expect(options.training.losses[0].attributes == ["beta": 0.5])
    #expect(options.training.optimizer.type == "momentum")
    #expect(options.training.learningRate == 0.1)
    #expect(options.training.weightDecay == 5e-4)
    #expect(options.training.decayOverrides == ["fc.bias": true])
    #expect(options.training.clipNorm == 1 && options.training.clipValue == 2)
    #expect(options.training.frozen == ["conv.weight"] && options.training.inputGradients)
    #expect(options.epochs == 3 && !options.shuffle && options.dropLast && !options.keepBest)
    #expect(options.augmentation?.horizontalFlip == 0.5)
    #expect(options.patience == 4 && options.minDelta == 0.01 && options.resume)
    #expect(options.checkpointPath == "a.ckpt" && options.checkpointInterval == 7)
    #expect(options.reportInterval == 2 && options.accumulation == 3)
    #expect(options.historyInterval == 5 && options.accuracySamples == 6)
    #expect(options.prefetch == 4 && options.workers == 0)
    // What is written is read as the same.
    #expect(try TrainingOptions(json: options.training.json) == options.training)
    #expect(try TrainingOptions(json: TrainingOptions().json) == TrainingOptions())
    #expect(try TrainerOptions(json: "{}") == TrainerOptions())
    #expect(try TrainerOptions(json: #"{"epochs": null}"#) == TrainerOptions())
  }

  @Test(arguments: [
    (#"{"epoch": 3}"#, CNNError.Code.unknownName, "did you mean \"epochs\""),
    (#"{"learning_rat": 3}"#, .unknownName, "did you mean \"learning_rate\""),
    (#"{"optimizer": "adm"}"#, .unknownName, "did you mean \"adam\""),
    (#"{"optimizer": {"type": "adam", "beta3": 1}}"#, .unknownName, "beta1"),
    (#"{"loss": "softmax_crossentropy"}"#, .unknownName, "did you mean \"softmax_cross_entropy\""),
    (#"{"loss": {"type": "smooth_l1", "bta": 1}}"#, .unknownName, "did you mean \"beta\""),
    (#"{"loss": {"a": {"type": "none", "weight": 1}}}"#, .unknownName, "weight"),
    (#"{"loss": 5}"#, .invalidArgument, "a loss"),
    (#"{"optimizer": {"momentum": 1}}"#, .invalidArgument, "type"),
    (#"{"epochs": 0}"#, .invalidArgument, "epochs"),
    (#"{"epochs": 1e300}"#, .invalidArgument, "epochs"),
    (#"{"epochs": "3"}"#, .invalidArgument, "epochs"),
    (#"{"batch_size": -1}"#, .invalidArgument, "batch_size"),
    (#"{"seed": -1}"#, .invalidArgument, "seed"),
    (#"{"learning_rate": -0.1}"#, .invalidArgument, "learning_rate"),
    (#"{"clip_norm": 0}"#, .invalidArgument, "clip_norm"),
    (#"{"resume": true}"#, .invalidArgument, "checkpoint"),
    (#"{"augment": {"horizontal_flop": 1}}"#, .unknownName, "horizontal_flip"),
    (#"{"frozen": [1]}"#, .invalidArgument, "frozen"),
    (#"{"decay": {"a": 1}}"#, .invalidArgument, "decay"),
    ("[]", .malformedData, "object"), ("{", .malformedData, "JSON"), ("", .malformedData, "JSON"),
  ])
  func refusesWithAHint(json: String, code: CNNError.Code, hint: String) {
    let error = failure { _ = try TrainerOptions(json: json) }
    #expect(error?.code == code)
    #expect(error?.message.contains(hint) == true, "\(error?.message ?? "no error")")
  }

  @Test func trainingRefusesWhatDoesNotFitTheModel() throws {
    let model = try makeModel(linearNetwork())
    func error(_ change: (inout TrainingOptions) -> Void) -> String {
      var options = TrainingOptions()
      change(&options)
      return failure { _ = try Training(model: model, options: options) }?.message ?? "no error"
    }
    #expect(error { $0.losses[0].output = "fd" }.contains("did you mean \"fc\""))
    #expect(error { $0.frozen = ["fc.wieght"] }.contains("did you mean \"fc.weight\""))
    #expect(error { $0.decayOverrides = ["fc.baas": true] }.contains("did you mean \"fc.bias\""))
    #expect(error { $0.losses.append($0.losses[0]) }.contains("two losses"))
    #expect(error { $0.batchSize = 0 }.contains("batch_size"))
    #expect(error { $0.weightDecay = .nan }.contains("weight_decay"))
    #expect(error { $0.losses[0].weight = .infinity }.contains("weight"))
    #expect(error { $0.schedule.rule = .cosine(epochs: nil, minimum: 0) }.contains("epochs"))
  }

  @Test func aNetworkThatEndsInSoftmaxIsRefused() throws {
    var graph = linearNetwork()
    graph.layers.append(Graph.Node("probabilities", type: "softmax"))
    let model = try makeModel(graph)
    let error = failure { _ = try Training(model: model, options: TrainingOptions()) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("logits") == true)
    #expect(error?.message.contains("\"probabilities\"") == true)
  }
}
