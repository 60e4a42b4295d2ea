import CNNGraph
import CNNKernels
import CNNLayerKit

/// Changes a model's parameters by an optimizer, and keeps what the optimizer remembers.
///
/// Safety: used by one thread at a time, which has the model to itself.
final class ParameterUpdater {
  /// Consecutive parameters that are treated alike, gaps between them included: those hold zeros,
  /// which every rule leaves as they are.
  private struct Run {
    let offset: Int
    var count: Int
    let decays: Bool
  }

  let optimizer: any Optimizer
  /// For each name of the optimizer's states as many numbers as there are parameters, laid out
  /// like them.
  let states: FloatBuffer
  private let parameters: ModelMemory
  private let gradients: FloatBuffer
  private let weightDecay: Double
  private let clipNorm: Double?
  private let clipValue: Double?
  private var runs: [Run] = []

  init(
    model: Model, gradients: FloatBuffer, options: TrainingOptions
  ) throws(CNNError) {
    optimizer = try options.optimizer.make()
    parameters = try ModelMemory(model, model.parameters)
    self.gradients = gradients
    weightDecay = options.weightDecay
    clipNorm = options.clipNorm
    clipValue = options.clipValue
    states = try FloatBuffer(
      count: try elementCount(
        optimizer.stateNames.count, gradients.count, of: "the optimizer's state"),
      for: "the state of optimizer \"\(options.optimizer.type)\"")
    for name in options.decayOverrides.keys.sorted()
    where !model.parameters.contains(where: { $0.name == name }) {
      throw .unknownName("parameter for weight decay", name, valid: model.parameters.map(\.name))
    }
    var isLastTrained = false
    for slot in model.parameters {
      defer { isLastTrained = !options.frozen.contains(slot.name) }
      guard !options.frozen.contains(slot.name) else { continue }
      let decays =
        weightDecay > 0 && (options.decayOverrides[slot.name] ?? slot.declaration.decays)
      if isLastTrained, let last = runs.last, last.decays == decays {
        runs[runs.count - 1].count = slot.offset + slot.count - last.offset
      } else {
        runs.append(Run(offset: slot.offset, count: slot.count, decays: decays))
      }
    }
  }

  /// The memory of state `index` of a parameter.
  func state(_ index: Int, of slot: ParameterSlot) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: states.pointer + index * gradients.count + slot.offset, count: slot.count)
  }

  /// Changes the parameters by a step.
  ///
  /// - Parameters:
  ///   - step: The number of the step, from 1.
  ///   - learningRate: The rate.
  ///   - gradientScale: The factor of all gradients.
  /// - Returns: False if a gradient is not finite; then nothing was changed.
  func update(step: Int, learningRate: Double, gradientScale: Double) -> Bool {
    let slots = ThreadPool.threadCount
    if let clipValue {
      clip(gradients.elements, limit: Float(clipValue / gradientScale), slots: slots)
    }
    let norm =
      Reduction.sumOfSquares(gradients.pointer, count: gradients.count, slots: slots).squareRoot()
      * gradientScale
    guard norm.isFinite || firstNonFiniteGradient() == nil else { return false }
    var scale = gradientScale
    if let clipNorm, norm > clipNorm { scale *= clipNorm / norm }
    guard let base = parameters.base else { return true }
    for run in runs {
      optimizer.update(
        OptimizerCall(
          parameters: base + run.offset, gradients: gradients.pointer + run.offset,
          count: run.count, states: states.count == 0 ? nil : states.pointer + run.offset,
          stateStride: gradients.count, step: step, learningRate: learningRate,
          weightDecay: run.decays ? weightDecay : 0, gradientScale: scale, concurrency: slots))
    }
    return true
  }

  /// The index of the first gradient that is not finite, counted like the model's memory.
  func firstNonFiniteGradient() -> Int? {
    let index = Reduction.firstNonFiniteIndex(
      gradients.pointer, count: gradients.count, slots: ThreadPool.threadCount)
    return index < 0 ? nil : index
  }

  /// Cuts off what is farther from 0 than `limit`; leaves what is not a number.
  private func clip(_ numbers: UnsafeMutableBufferPointer<Float>, limit: Float, slots: Int) {
    guard let start = numbers.baseAddress else { return }
    ThreadPool.parallelRanges(count: numbers.count, grain: 1 << 15, slots: slots) { range, _ in
      for index in range {
        let value = start[index]
        if value > limit { start[index] = limit } else if value < -limit { start[index] = -limit }
      }
    }
  }
}

/// The memory of a model's parameters, or of its states, as one piece.
struct ModelMemory {
  /// The first number, or nil if there is none.
  let base: UnsafeMutablePointer<Float>?
  /// How many numbers there are, gaps included.
  let count: Int

  init(_ model: Model, _ slots: [ParameterSlot]) throws(CNNError) {
    guard let first = slots.first, let last = slots.last else {
      base = nil
      count = 0
      return
    }
    base = try model.memory(of: first.name).baseAddress.map { $0 - first.offset }
    count = last.offset + last.count
  }

  /// The memory of one parameter or state.
  func memory(of slot: ParameterSlot) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: base.map { $0 + slot.offset }, count: slot.count)
  }

  /// Copies everything to `copy`, which has room for `count` numbers.
  func save(to copy: FloatBuffer) {
    if let base { copy.pointer.update(from: base, count: min(count, copy.count)) }
  }

  /// Copies everything back.
  func restore(from copy: FloatBuffer) {
    if let base { base.update(from: copy.pointer, count: min(count, copy.count)) }
  }
}
