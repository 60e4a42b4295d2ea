import CNNGraph
import CNNLayerKit

/// What happened while a model was finetuned.
public struct FinetuneHistory: Hashable, Sendable {
  /// One phase.
  public struct Phase: Hashable, Sendable {
    /// "head" or "body".
    public var name: String
    /// Its epochs and steps; those of the head are passes over all views.
    public var history: History
  }

  /// The phases that were run, in order.
  public var phases: [Phase] = []
  /// The names of the parameters beside the head's that the second phase trains.
  public var unfrozen: [String] = []
  /// Which phase the parameters are of in the end.
  public var keptPhase = "body"
  /// How long computing features took; nil if there were none.
  public var featureSeconds: Double?
  /// How many samples the model was judged by in the end.
  public var validationCount = 0
  /// The loss on them, label smoothing included; nil without such samples.
  public var validationLoss: Double?
  /// The share of right answers on them; nil without such samples.
  public var validationAccuracy: Double?

  /// Starts an empty history.
  public init() {}

  /// The history as a JSON object with the keys `phases` (a list of objects like those that
  /// `History.json` writes, with `name` beside), `unfrozen`, `kept_phase`, `feature_seconds`,
  /// `validation_count`, `validation_loss` and `validation_accuracy`; what is not known is null.
  public var json: String {
    func number(_ value: Double?) -> AttributeValue { value.map { .number($0) } ?? .null }
    return JSONText.write([
      "phases": .list(
        phases.map { .object($0.history.members.merging(["name": .string($0.name)]) { $1 }) }),
      "unfrozen": .list(unfrozen.map { .string($0) }), "kept_phase": .string(keptPhase),
      "feature_seconds": number(featureSeconds), "validation_count": .integer(validationCount),
      "validation_loss": number(validationLoss), "validation_accuracy": number(validationAccuracy),
    ])
  }
}
