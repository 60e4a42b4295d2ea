import CNNGraph
import CNNLayerKit

/// How well a model does on a data set.
public struct Metrics: Hashable, Sendable {
  /// How many samples were judged.
  public var count = 0
  /// The weighted sum of the losses, averaged over the samples.
  ///
  /// Of the outputs as they are: neither temperature nor mirror images nor a choice of classes
  /// changes what the loss function sees.
  public var loss = 0.0
  /// The mean loss of each output that has one, by the output's name, unweighted.
  public var losses: [String: Double] = [:]
  /// The k of `topAccuracy`, at most the number of classes.
  public var top = 5
  /// The answers of the first output that is compared with classes; nil if none is.
  public var classification: ClassificationMetrics?
  /// The same for each source of a data set that is mixed from several, in its order; empty for
  /// others.
  public var sources: [SourceMetrics] = []
  /// The names of the classes that `classification` counts, in its order; empty where unknown.
  public var classNames: [String] = []
  /// How outputs became probabilities.
  public var recognition = Recognition.plain

  /// The answers for one source of a mixed data set.
  public struct SourceMetrics: Hashable, Sendable {
    /// The name of the source.
    public let name: String
    /// The answers; of no sample if none came from the source.
    public let classification: ClassificationMetrics
  }

  /// The most classes for which answers are counted one by one.
  public static let largestConfusion = 2048

  /// Starts with nothing judged.
  public init() {}

  // Swift 6.3 ends with an error of its own where it inlines these into other modules.

  /// The share of right answers; nil without classes.
  @inline(never)
  public var accuracy: Double? { classification?.accuracy }
  /// The share of answers with the right class among the `top` highest scores.
  @inline(never)
  public var topAccuracy: Double? { classification?.topAccuracy }
  /// For each true class a row that counts the answers by class; nil without classes or with more
  /// than `largestConfusion` of them.
  @inline(never)
  public var confusion: [[Int]]? { classification?.confusion }
  /// For each class the share of its samples that were recognised (recall); nil where the class has
  /// no sample.
  public var classAccuracies: [Double?] { classification?.classAccuracies ?? [] }
  /// For each class the share of right ones among the answers that named it (precision); nil where
  /// no answer did.
  public var classPrecisions: [Double?] { classification?.classPrecisions ?? [] }

  /// The figures as a JSON object; unknown ones are null.
  ///
  /// `count`, `loss`, `losses`, `top`, `class_names`, `temperature`, `average_flips`; of the answers
  /// `accuracy`, `top_accuracy`, `confusion`, `class_accuracies`, `class_precisions`,
  /// `negative_log_likelihood`, `brier_score`, `expected_calibration_error` and `calibration_bins`;
  /// and `sources`, a list of objects with `name`, `count` and the keys of the answers.
  public var json: String {
    var members = ClassificationMetrics.members(of: classification)
    members.merge([
      "count": .integer(count), "loss": .number(loss),
      "losses": .object(losses.mapValues { .number($0) }), "top": .integer(top),
      "class_names": .list(classNames.map(AttributeValue.string)),
      "temperature": .number(recognition.temperature),
      "average_flips": .boolean(recognition.averageFlips),
      "sources": .list(
        sources.map { source in
          .object(
            ClassificationMetrics.members(of: source.classification).merging([
              "name": .string(source.name), "count": .integer(source.classification.count),
            ]) { $1 })
        }),
    ]) { $1 }
    return JSONText.write(.object(members))
  }
}
