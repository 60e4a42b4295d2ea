import CNNGraph
import CNNKernels
import CNNLayerKit

/// How the parameters of all steps are averaged.
///
/// After each step, average = d · average + (1 − d) · parameter, for parameters and running
/// statistics. Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992; as
/// TensorFlow's `ExponentialMovingAverage`.
public struct ExponentialMovingAverage: Hashable, Sendable {
  /// The share d of the old average, from 0 up to, but not including, 1.
  public var decay: Double
  /// Whether d starts small: min(`decay`, (1 + t) / (10 + t)) after t earlier steps, so that the
  /// random parameters of the start are soon forgotten.
  public var warmup: Bool

  /// Describes an average.
  public init(decay: Double = 0.999, warmup: Bool = true) {
    self.decay = decay
    self.warmup = warmup
  }

  /// Returns the share of the old average in the step that has `step` steps before it.
  public func decay(atStep step: Int) -> Double {
    guard warmup else { return decay }
    return min(decay, (1 + Double(step)) / (10 + Double(step)))
  }

  /// Checks the numbers.
  ///
  /// - Throws: `invalidArgument`, naming the option.
  func validate() throws(CNNError) {
    guard decay >= 0, decay < 1 else {
      throw .invalidArgument(
        "option \"ema.decay\" is at least 0 and below 1, got \(decay)")
    }
  }

  var value: AttributeValue { ["decay": .number(decay), "warmup": .boolean(warmup)] }
}

/// The average of a model's parameters and running statistics over the steps of a run.
final class ParameterAverage {
  /// The averages, laid out like the model's memory.
  let parameters: FloatBuffer
  let states: FloatBuffer
  private let rule: ExponentialMovingAverage
  private let parameterMemory: ModelMemory
  private let stateMemory: ModelMemory

  /// Starts with the numbers that the model has.
  init(_ model: Model, _ rule: ExponentialMovingAverage) throws(CNNError) {
    self.rule = rule
    parameterMemory = try ModelMemory(model, model.parameters)
    stateMemory = try ModelMemory(model, model.states)
    parameters = try FloatBuffer(
      count: parameterMemory.count, for: "the average of the parameters")
    states = try FloatBuffer(
      count: stateMemory.count, for: "the average of the running statistics")
    parameterMemory.save(to: parameters)
    stateMemory.save(to: states)
  }

  /// Takes in what the model has after a step.
  ///
  /// - Parameter step: The number of steps before this one.
  func update(step: Int) {
    let weight = Float(1 - rule.decay(atStep: step))
    for (memory, average) in [(parameterMemory, parameters), (stateMemory, states)] {
      guard let base = memory.base else { continue }
      Elementwise.blend(
        average.pointer, base, weight: weight, average.pointer, count: memory.count,
        slots: ThreadPool.threadCount)
    }
  }

  /// Lets the average and the model's numbers change places; the caller has the model to itself.
  func exchange() {
    for (memory, average) in [(parameterMemory, parameters), (stateMemory, states)] {
      guard let base = memory.base else { continue }
      Elementwise.exchange(
        base, average.pointer, count: memory.count, slots: ThreadPool.threadCount)
    }
  }
}
