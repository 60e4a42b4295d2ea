import CNNGraph
import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Logits and true classes of an evaluation.
final class AnswerRecord {
  let classes: Int
  private(set) var count = 0
  private let capacity: Int
  private let memory: (logits: FloatBuffer, labels: FloatBuffer)
  private let logits: UnsafeMutablePointer<Double>
  private let labels: UnsafeMutablePointer<Int32>

  /// Takes memory for `samples` answers.
  init(samples: Int, classes: Int) throws(CNNError) {
    self.classes = classes
    capacity = samples
    let purpose = "the logits of the calibration data"
    // A double has the room of two floats.
    let numbers = try elementCount(samples, classes, 2, of: purpose)
    memory = (
      logits: try FloatBuffer(count: numbers, for: purpose),
      labels: try FloatBuffer(count: samples, for: "the labels of the calibration data")
    )
    logits = UnsafeMutableRawPointer(memory.logits.pointer).bindMemory(
      to: Double.self, capacity: numbers / 2)
    labels = UnsafeMutableRawPointer(memory.labels.pointer).bindMemory(
      to: Int32.self, capacity: samples)
  }

  /// Adds an answer, unless there are as many as there is room for.
  func append(_ row: UnsafePointer<Double>, label: Int) {
    guard count < capacity, let label = Int32(exactly: label) else { return }
    (logits + count * classes).update(from: row, count: classes)
    labels[count] = label
    count += 1
  }

  /// Calls `body` with the logits and the class of each answer, in order.
  func forEach(_ body: (_ logits: UnsafePointer<Double>, _ label: Int) -> Void) {
    for row in 0..<count { body(logits + row * classes, Int(labels[row])) }
  }

  /// How good the answers are with other probabilities.
  func metrics(_ rule: ClassProbabilities, top: Int) -> ClassificationMetrics {
    var sums = ClassificationSums(classes: classes, top: top)
    var room = [Double](repeating: 0, count: classes)
    forEach { logits, label in
      room.withUnsafeMutableBufferPointer { room in
        room.baseAddress?.update(from: logits, count: classes)
        sums.add(Answer(room, label: label, rule))
      }
    }
    return sums.metrics
  }
}

/// Finds the temperature with the smallest negative log-likelihood.
///
/// With β = 1 / temperature, the sum of log Σ exp(β · z) − β · z_label is convex in β, and its
/// derivative the sum of E[z] − z_label under the softmax of β · z. That is 0 at the minimum, which
/// Newton's method finds in terms of log β, kept within a bracket.
struct TemperatureFit {
  private let record: AnswerRecord

  /// The temperatures that are looked at.
  static let range = 0.01...100.0
  /// More than bisection alone needs from the whole range to the last bit.
  private static let steps = 100

  init(_ record: AnswerRecord) { self.record = record }

  /// - Throws: `invalidArgument` if the best temperature is not within `range`.
  func best() throws(CNNError) -> Double {
    var low = -log(TemperatureFit.range.upperBound)
    var high = -log(TemperatureFit.range.lowerBound)
    guard record.count > 0 else {
      throw .invalidArgument("there are no samples to calibrate with")
    }
    guard derivatives(high).first > 0 else {
      throw .invalidArgument(
        "the \(record.count) samples cannot calibrate the model: it is right, or undecided, about "
          + "all of them, so that no temperature is low enough; use samples that it was not trained "
          + "on, and more of them")
    }
    guard derivatives(low).first < 0 else {
      throw .invalidArgument(
        "the \(record.count) samples cannot calibrate the model: its answers are no better than "
          + "guesses, so that no temperature is high enough")
    }
    var position = 0.0
    for _ in 0..<TemperatureFit.steps {
      let (slope, curvature) = derivatives(position)
      if slope == 0 { break }
      if slope > 0 { high = position } else { low = position }
      var next = position - slope / curvature
      // Also where the curvature is 0 and the step no number.
      if !(next > low && next < high) { next = low + (high - low) / 2 }
      let step = abs(next - position)
      position = next
      if step <= 1e-13 { break }
    }
    return exp(-position)
  }

  /// The derivative by β, times a positive number, and the derivative of that by log β, at
  /// β = exp(position).
  private func derivatives(_ position: Double) -> (first: Double, second: Double) {
    let beta = exp(position)
    var first = 0.0
    var second = 0.0
    record.forEach { logits, label in
      var largest = logits[0]
      for index in 1..<record.classes { largest = max(largest, logits[index]) }
      var sum = 0.0
      var mean = 0.0
      var square = 0.0
      for index in 0..<record.classes {
        // Relative to the largest, so that nothing overflows.
        let distance = logits[index] - largest
        let power = exp(beta * distance)
        sum += power
        mean += power * distance
        square += power * distance * distance
      }
      mean /= sum
      first += mean - (logits[label] - largest)
      second += beta * (square / sum - mean * mean)
    }
    return (first, second)
  }
}
