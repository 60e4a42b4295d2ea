import CNNLayerKit

/// How good answers among classes, and their probabilities, are.
public struct ClassificationMetrics: Hashable, Sendable {
  /// How many answers were judged: one for each sample, or for each position of each sample.
  public internal(set) var count = 0
  /// The share of answers that are right: whose most probable class is the true one.
  ///
  /// NaN without answers, as all means here.
  public internal(set) var accuracy = Double.nan
  /// The share of answers with the true class among the k most probable.
  public internal(set) var topAccuracy = Double.nan
  /// The mean of −log p, where p is the probability of the true class.
  public internal(set) var negativeLogLikelihood = Double.nan
  /// The mean of Σ (p − y)², summed over the classes, where y is 1 for the true class and 0 for the
  /// others.
  ///
  /// From 0 to 2 (Brier, Verification of Forecasts Expressed in Terms of Probability, 1950).
  public internal(set) var brierScore = Double.nan
  /// The answers by their confidence, in `binCount` bins of equal width; the first one is (0, 1/15].
  public internal(set) var calibrationBins: [CalibrationBin] = []
  /// For each true class a row that counts the answers by class; nil with more classes than
  /// `Metrics.largestConfusion`.
  public internal(set) var confusion: [[Int]]?

  /// Answers of similar confidence.
  public struct CalibrationBin: Hashable, Sendable {
    /// How many answers there are.
    public internal(set) var count = 0
    /// The mean of the probabilities of the answers; 0 without answers.
    public internal(set) var confidence = 0.0
    /// The share of right answers; 0 without answers.
    public internal(set) var accuracy = 0.0
  }

  /// The number of bins of `calibrationBins`.
  public static let binCount = 15

  /// How far confidence is from accuracy: Σ |Bₘ| / n · |accuracy(Bₘ) − confidence(Bₘ)| over the
  /// bins Bₘ, the answers with a confidence in ((m − 1) / 15, m / 15].
  ///
  /// The confidence of an answer is the probability of its most probable class (Guo et al., On
  /// Calibration of Modern Neural Networks, 2017). From 0, which is perfect, to 1.
  public var expectedCalibrationError: Double {
    guard count > 0 else { return .nan }
    return calibrationBins.reduce(0) {
      $0 + Double($1.count) * abs($1.accuracy - $1.confidence)
    } / Double(count)
  }

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

  /// The figures as members of a JSON object; null where there are none.
  static func members(of metrics: ClassificationMetrics?) -> [String: AttributeValue] {
    func number(_ value: Double?) -> AttributeValue { value.map { .number($0) } ?? .null }
    let rows = metrics?.confusion.map { rows in
      AttributeValue.list(rows.map { .list($0.map { .integer($0) }) })
    }
    let bins = metrics?.calibrationBins.map { bin in
      AttributeValue.object([
        "count": .integer(bin.count), "confidence": .number(bin.confidence),
        "accuracy": .number(bin.accuracy),
      ])
    }
    let hasRows = rows != nil
    return [
      "accuracy": number(metrics?.accuracy), "top_accuracy": number(metrics?.topAccuracy),
      "negative_log_likelihood": number(metrics?.negativeLogLikelihood),
      "brier_score": number(metrics?.brierScore),
      "expected_calibration_error": number(metrics?.expectedCalibrationError),
      "calibration_bins": bins.map(AttributeValue.list) ?? .null,
      "confusion": rows ?? .null,
      "class_accuracies": hasRows ? .list((metrics?.classAccuracies ?? []).map(number)) : .null,
      "class_precisions": hasRows ? .list((metrics?.classPrecisions ?? []).map(number)) : .null,
    ]
  }
}
