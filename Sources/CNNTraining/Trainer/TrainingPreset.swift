import CNNGraph
public import CNNLayerKit

/// A recipe with a name: options that fit together.
///
/// The option "preset" of a trainer names one. Its options stand for those that are not given; an
/// option that is given wins as a whole, and null takes an option out of the preset.
public struct TrainingPreset: Hashable, Sendable {
  /// The name.
  public let name: String
  /// What the recipe is and what it is good for, in one sentence.
  public let summary: String
  /// The options, as they could be given to a trainer.
  public let options: [String: AttributeValue]

  /// Every preset.
  public static let all = [alexnet, modern]

  /// The recipe of Krizhevsky, Sutskever and Hinton (ImageNet Classification with Deep
  /// Convolutional Neural Networks, 2012), section 5.
  ///
  /// Their crops of 224 pixels out of 256 are shifts by 4 pixels here. They divided the rate by ten
  /// by hand whenever the validation error stalled, three times in all. Dropout is part of the
  /// network.
  static let alexnet = TrainingPreset(
    name: "alexnet",
    summary: "AlexNet's recipe of 2012: momentum, the rate divided by ten when validation stalls",
    options: [
      "epochs": 90, "batch_size": 128, "optimizer": ["type": "momentum", "momentum": 0.9],
      "learning_rate": 0.01, "weight_decay": 5e-4,
      "schedule": ["type": "plateau", "factor": 0.1, "patience": 3, "minimum": 1e-5],
      "augment": ["random_crop": ["padding": 4], "horizontal_flip": 0.5, "lighting": 0.1],
    ])

  /// A recipe for pictures from scratch as it is usual today.
  static let modern = TrainingPreset(
    name: "modern",
    summary:
      "a strong recipe for pictures from scratch: AdamW, warm-up and cosine, label smoothing, "
      + "crops, colours, mixup, averaged parameters",
    options: [
      "epochs": 100, "batch_size": 64, "optimizer": "adamw", "learning_rate": 1e-3,
      "weight_decay": 0.05, "schedule": ["type": "cosine", "warmup_epochs": 3],
      "loss": ["type": "softmax_cross_entropy", "label_smoothing": 0.1],
      "augment": [
        "random_resized_crop": ["scale": [0.35, 1.0]], "horizontal_flip": 0.5,
        "color_jitter": ["brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.05],
      ],
      "mixup": ["alpha": 0.2, "probability": 1], "ema": ["decay": 0.999, "warmup": true],
    ])

  /// The preset of this name.
  ///
  /// - Throws: `unknownName`, with the nearest one.
  public static func named(_ name: String) throws(CNNError) -> TrainingPreset {
    for preset in all where preset.name == name { return preset }
    throw .unknownName("preset", name, valid: all.map(\.name))
  }

  /// Fills in the options of the preset that `members` name.
  ///
  /// - Throws: `unknownName` or `invalidArgument` for a preset that does not exist.
  static func complete(
    _ members: [String: AttributeValue]
  ) throws(CNNError) -> [String: AttributeValue] {
    guard let value = members["preset"] else { return members }
    if case .null = value { return members }
    guard let name = value.asString else {
      throw .invalidArgument("option \"preset\" expects the name of a preset, got \(value)")
    }
    return try named(name).options.merging(members) { $1 }
  }

  /// The presets as a JSON list of objects with the keys `name`, `summary` and `options`.
  public static var json: String {
    JSONText.write(
      .list(
        all.map { preset in
          .object([
            "name": .string(preset.name), "summary": .string(preset.summary),
            "options": .object(preset.options),
          ])
        }))
  }
}

extension TrainerOptions {
  /// The options of a preset.
  ///
  /// - Throws: `unknownName` for a preset that does not exist.
  public init(preset name: String) throws(CNNError) {
    try self.init(json: JSONText.write(["preset": .string(name)]))
  }
}
