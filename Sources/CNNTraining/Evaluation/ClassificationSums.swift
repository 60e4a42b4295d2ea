import CNNGraph
import CNNLayerKit

/// One answer of a model, compared with the truth.
struct Answer {
  let label: Int
  /// The class with the largest logit; of equal ones the lowest.
  let predicted: Int
  /// How many classes come before the true one: with a larger logit, or an equal one and a lower
  /// number.
  let better: Int
  /// The probability of the predicted class.
  let confidence: Double
  let negativeLogLikelihood: Double
  let brier: Double
  /// Whether all logits are numbers and finite; if not, the other figures mean nothing.
  let isFinite: Bool

  /// Judges logits.
  ///
  /// - Parameters:
  ///   - logits: One for each class; probabilities afterwards.
  ///   - label: The true class, from 0 to below the number of classes.
  init(_ logits: UnsafeMutableBufferPointer<Double>, label: Int, _ rule: ClassProbabilities) {
    self.label = label
    isFinite = logits.allSatisfy(\.isFinite)
    var predicted = 0
    var better = 0
    for index in logits.indices {
      if logits[index] > logits[predicted] { predicted = index }
      if logits[index] > logits[label] || (logits[index] == logits[label] && index < label) {
        better += 1
      }
    }
    self.predicted = predicted
    self.better = better
    let distance = (logits[predicted] - logits[label]) / rule.recognition.temperature
    negativeLogLikelihood = distance + rule.softmax(logits)
    var brier = 0.0
    for index in logits.indices {
      let error = logits[index] - (index == label ? 1 : 0)
      brier += error * error
    }
    self.brier = brier
    confidence = logits[predicted]
  }
}

/// What is counted of answers until all are there.
struct ClassificationSums {
  private let top: Int
  private var count = 0
  private var correct = 0
  private var inTop = 0
  private var negativeLogLikelihood = 0.0
  private var brier = 0.0
  private var confusion: [[Int]]?
  private var bins = [Bin](repeating: Bin(), count: ClassificationMetrics.binCount)
  /// Whether an output was infinite or not a number.
  private(set) var isNonFinite = false

  private struct Bin {
    var count = 0
    var correct = 0
    var confidence = 0.0
  }

  /// Starts with no answers among `classes` classes.
  init(classes: Int, top: Int) {
    self.top = min(top, classes)
    confusion =
      classes <= Metrics.largestConfusion
      ? Array(repeating: Array(repeating: 0, count: classes), count: classes) : nil
  }

  /// Counts an answer.
  mutating func add(_ answer: Answer) {
    guard answer.isFinite else {
      isNonFinite = true
      return
    }
    let isCorrect = answer.predicted == answer.label
    count += 1
    if isCorrect { correct += 1 }
    if answer.better < top { inTop += 1 }
    negativeLogLikelihood += answer.negativeLogLikelihood
    brier += answer.brier
    confusion?[answer.label][answer.predicted] += 1
    let bin = (answer.confidence * Double(bins.count)).rounded(.up) - 1
    let index = max(0, min(bins.count - 1, Int(exactly: bin) ?? 0))
    bins[index].count += 1
    bins[index].confidence += answer.confidence
    if isCorrect { bins[index].correct += 1 }
  }

  /// What the answers so far amount to.
  var metrics: ClassificationMetrics {
    var metrics = ClassificationMetrics()
    metrics.count = count
    metrics.confusion = confusion
    metrics.calibrationBins = bins.map { bin in
      let size = Double(max(1, bin.count))
      return ClassificationMetrics.CalibrationBin(
        count: bin.count, confidence: bin.confidence / size, accuracy: Double(bin.correct) / size)
    }
    guard count > 0 else { return metrics }
    metrics.accuracy = Double(correct) / Double(count)
    metrics.topAccuracy = Double(inTop) / Double(count)
    metrics.negativeLogLikelihood = negativeLogLikelihood / Double(count)
    metrics.brierScore = brier / Double(count)
    return metrics
  }
}
