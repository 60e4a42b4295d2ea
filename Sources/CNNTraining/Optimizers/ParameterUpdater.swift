import CNNGraph
import CNNKernels
import CNNLayerKit
import Synchronization

/// Changes a model's parameters by an optimizer, and keeps what the optimizer remembers.
///
/// There are two ways. `update` changes everything at once from the gradients of all parameters.
/// `begin`, and then `consume` for each part of each gradient, changes the parameters while the
/// backward pass is on its way. Both give the same bits.
///
/// Safety: used by one thread at a time, which has the model to itself, except for `consume`, whose
/// calls change parts that do not overlap.
final class ParameterUpdater: GradientConsumer, @unchecked Sendable {
  /// Consecutive parameters that are treated alike, gaps between them included: those hold zeros,
  /// which every rule leaves as they are.
  private struct Run {
    let offset: Int
    var count: Int
    let decays: Bool
    /// The factor of the learning rate.
    let rateFactor: Double
  }

  let optimizer: any Optimizer
  /// For each name of the optimizer's states as many numbers as there are parameters, laid out
  /// like them.
  let states: FloatBuffer
  private let parameters: ModelMemory
  /// The number of parameters, gaps included.
  private let count: Int
  private let weightDecay: Double
  private let clipNorm: Double?
  private let clipValue: Double?
  private var runs: [Run] = []
  /// Each parameter by itself.
  private let slots: [Run]

  /// The step that `consume` works on.
  private var step = 1
  private var learningRate = 0.0
  /// The first gradient in the model's memory that was not finite; `Int.max` if all were.
  private let firstUnfit = Atomic<Int>(Int.max)
  /// What an optimizer threw first during a backward pass.
  private let thrown = Locked<CNNError?>(nil)
  private let hasThrown = Atomic<Bool>(false)

  init(
    model: Model, count: Int, options: TrainingOptions, frozen: Set<String>
  ) throws(CNNError) {
    optimizer = try options.optimizer.make()
    parameters = try ModelMemory(model, model.parameters)
    self.count = count
    weightDecay = options.weightDecay
    clipNorm = options.clipNorm
    clipValue = options.clipValue
    states = try FloatBuffer(
      count: try elementCount(
        optimizer.stateNames.count, count, of: "the optimizer's state"),
      for: "the state of optimizer \"\(options.optimizer.type)\"")
    let decays = try model.values(ofPatterns: options.decayOverrides, option: "decay")
    let factors = try model.values(ofPatterns: options.learningRates, option: "learning_rates")
    let weightDecay = options.weightDecay
    slots = model.parameters.map { slot in
      Run(
        offset: slot.offset, count: slot.count,
        decays: weightDecay > 0 && (decays[slot.name] ?? slot.declaration.decays),
        rateFactor: factors[slot.name] ?? 1)
    }
    joinRuns(model, frozen: frozen)
  }

  private func joinRuns(_ model: Model, frozen: Set<String>) {
    var isLastTrained = false
    for (slot, run) in zip(model.parameters, slots) {
      defer { isLastTrained = !frozen.contains(slot.name) }
      guard !frozen.contains(slot.name) else { continue }
      if isLastTrained, !optimizer.needsWholeParameters, let last = runs.last,
        last.decays == run.decays, last.rateFactor == run.rateFactor
      {
        runs[runs.count - 1].count = slot.offset + slot.count - last.offset
      } else {
        runs.append(run)
      }
    }
  }

  /// The memory of state `index` of a parameter.
  func state(_ index: Int, of slot: ParameterSlot) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: states.pointer + index * count + slot.offset, count: slot.count)
  }

  /// Whether an update depends on the gradients of all parameters together, or changes them, so that
  /// it cannot begin before the last one is complete.
  var needsAllGradients: Bool {
    clipNorm != nil || clipValue != nil || optimizer.needsWholeParameters
  }

  /// Changes the parameters by a step.
  ///
  /// - Parameters:
  ///   - gradients: The gradients of all parameters, laid out like them.
  ///   - step: The number of the step, from 1.
  ///   - learningRate: The rate.
  ///   - gradientScale: The factor of all gradients.
  /// - Returns: False if a gradient is not finite; then nothing was changed.
  /// - Throws: What the optimizer throws.
  func update(
    _ gradients: FloatBuffer, step: Int, learningRate: Double, gradientScale: Double
  ) throws(CNNError) -> Bool {
    let concurrency = ThreadPool.threadCount
    if let clipValue {
      clip(gradients.elements, limit: Float(clipValue / gradientScale), slots: concurrency)
    }
    let norm =
      Reduction.sumOfSquares(gradients.pointer, count: count, slots: concurrency).squareRoot()
      * gradientScale
    guard norm.isFinite || firstNonFinite(gradients) == nil else { return false }
    var scale = gradientScale
    if let clipNorm, norm > clipNorm { scale *= clipNorm / norm }
    guard let base = parameters.base else { return true }
    for run in runs {
      try optimizer.update(
        OptimizerCall(
          parameters: base + run.offset, gradients: gradients.pointer + run.offset,
          count: run.count, states: states.count == 0 ? nil : states.pointer + run.offset,
          stateStride: count, step: step, learningRate: learningRate * run.rateFactor,
          weightDecay: run.decays ? weightDecay : 0, gradientScale: scale,
          concurrency: concurrency))
    }
    return true
  }

  /// The index of the first gradient that is not finite, counted like the model's memory.
  private func firstNonFinite(_ gradients: FloatBuffer) -> Int? {
    let index = Reduction.firstNonFiniteIndex(
      gradients.pointer, count: count, slots: ThreadPool.threadCount)
    guard index >= 0 else { return nil }
    firstUnfit.store(index, ordering: .relaxed)
    return index
  }

  /// The index of a gradient that was not finite in the last update, counted like the model's
  /// memory.
  var unfitGradient: Int? {
    let index = firstUnfit.load(ordering: .relaxed)
    return index == .max ? nil : index
  }

  // MARK: Updates during the backward pass

  /// Prepares for the gradients of a backward pass.
  ///
  /// - Parameters:
  ///   - step: The number of the step, from 1.
  ///   - learningRate: The rate.
  func begin(step: Int, learningRate: Double) {
    self.step = step
    self.learningRate = learningRate
    firstUnfit.store(.max, ordering: .relaxed)
    hasThrown.store(false, ordering: .relaxed)
    thrown.withLock { $0 = nil }
  }

  /// Whether a gradient was not finite, or the optimizer threw an error.
  var hasFailed: Bool { unfitGradient != nil || hasThrown.load(ordering: .relaxed) }

  /// What the optimizer threw since `begin`.
  var failure: CNNError? { hasThrown.load(ordering: .relaxed) ? thrown.withLock { $0 } : nil }

  private func keep(_ error: CNNError) {
    thrown.withLock { if $0 == nil { $0 = error } }
    hasThrown.store(true, ordering: .relaxed)
  }

  /// Changes a part of a parameter.
  ///
  /// Works in pieces that are read twice from the cache, to see whether the gradient is finite and to
  /// use it. Where it is not, the piece stays as it is.
  func consume(
    _ gradient: UnsafePointer<Float>, parameter: Int, offset: Int, count: Int, concurrency: Int
  ) {
    guard let base = parameters.base, slots.indices.contains(parameter) else { return }
    let run = slots[parameter]
    let first = run.offset + offset
    ThreadPool.parallelRanges(count: count, grain: 1 << 13, slots: concurrency) { range, _ in
      let start = first + range.lowerBound
      let piece = gradient + range.lowerBound
      let unfit = Reduction.firstNonFiniteIndex(piece, count: range.count, slots: 1)
      guard unfit < 0 else {
        _ = firstUnfit.min(start + unfit, ordering: .relaxed)
        return
      }
      do throws(CNNError) {
        try optimizer.update(
          OptimizerCall(
            parameters: base + start, gradients: piece, count: range.count,
            states: states.count == 0 ? nil : states.pointer + start, stateStride: self.count,
            step: step, learningRate: learningRate * run.rateFactor,
            weightDecay: run.decays ? weightDecay : 0))
      } catch { keep(error) }
    }
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
