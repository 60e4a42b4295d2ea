import CNNGraph
import CNNLayerKit

/// How well a model does on a data set.
public struct Metrics: Hashable, Sendable {
  /// How many samples were judged.
  public var count = 0
  /// The weighted sum of the losses, averaged over the samples.
  public var loss = 0.0
  /// The mean loss of each output that has one, by the output's name, unweighted.
  public var losses: [String: Double] = [:]
  /// The share of right answers of the first output that is compared with classes; nil if none is.
  public var accuracy: Double?
  /// The k of `topAccuracy`, at most the number of classes.
  public var top = 5
  /// The share of answers with the right class among the `top` highest scores.
  public var topAccuracy: Double?
  /// For each true class a row that counts the answers by class; nil without classes or with more
  /// than `largestConfusion` of them.
  public var confusion: [[Int]]?

  /// The most classes for which answers are counted one by one.
  public static let largestConfusion = 2048

  /// Starts with nothing judged.
  public init() {}

  /// For each class the share of its samples that were recognised (recall); nil where the class has
  /// no sample.
  public var classAccuracies: [Double?] {
    (confusion ?? []).enumerated().map { share(of: $1[$0], in: $1.reduce(0, +)) }
  }

  /// For each class the share of right ones among the answers that named it (precision); nil where
  /// no answer did.
  public var classPrecisions: [Double?] {
    let confusion = confusion ?? []
    return confusion.indices.map { column in
      share(of: confusion[column][column], in: confusion.reduce(0) { $0 + $1[column] })
    }
  }

  private func share(of part: Int, in whole: Int) -> Double? {
    whole == 0 ? nil : Double(part) / Double(whole)
  }

  /// The figures as a JSON object with the keys `count`, `loss`, `losses`, `accuracy`, `top`,
  /// `top_accuracy`, `confusion` and `class_accuracies`; unknown ones are null.
  public var json: String {
    func number(_ value: Double?) -> AttributeValue { value.map { .number($0) } ?? .null }
    let rows = confusion.map { rows in
      AttributeValue.list(rows.map { .list($0.map { .integer($0) }) })
    }
    return JSONText.write([
      "count": .integer(count), "loss": .number(loss),
      "losses": .object(losses.mapValues { .number($0) }), "accuracy": number(accuracy),
      "top": .integer(top), "top_accuracy": number(topAccuracy), "confusion": rows ?? .null,
      "class_accuracies": confusion == nil ? .null : .list(classAccuracies.map(number)),
    ])
  }
}
