import CNNGraph
import CNNKernels
import CNNLayerKit

/// A copy of a model on which slopes are measured.
final class GradientBench {
  private let check: GradientCheck
  private let model: Model
  private let session: TrainingSession
  private let objective: GradientObjective
  private var random: PhiloxStream
  private let inputs: [UnsafeMutableBufferPointer<Float>]
  private let states: ModelMemory
  private let firstStates: FloatBuffer
  /// The objective where nothing is changed.
  private var middle = 0.0

  init(_ original: Model, check: GradientCheck) throws(CNNError) {
    self.check = check
    random = PhiloxStream(PhiloxKey(seed: check.seed, node: 0x6772_6164, step: 0))
    model = try original.copy()
    session = try TrainingSession(
      model: model,
      options: TrainingSession.Options(capacity: check.batchSize, inputGradients: true))
    var inputs: [UnsafeMutableBufferPointer<Float>] = []
    for index in model.network.inputs {
      let input = try session.input(index)
      for position in input.indices { input[position] = random.normal() }
      inputs.append(input)
    }
    self.inputs = inputs
    objective = try GradientObjective(check, session: session, random: &random)
    states = try ModelMemory(model, model.states)
    firstStates = try FloatBuffer(count: states.count, for: "a copy of the running statistics")
    states.save(to: firstStates)
  }

  func checkAll() throws(CNNError) -> [GradientCheck.Report.Array] {
    let (value, noise) = try evaluate(writingGradients: true)
    guard value.isFinite else {
      let node = try session.firstNonFiniteNode(batch: check.batchSize, random: randomKey)
      throw CNNError(
        .nonFinite,
        "the outputs for random inputs are not finite; layer \"\(node ?? "?")\" is the first where "
          + "this happens")
    }
    middle = value
    try session.backward()
    // Everything is copied first: measuring overwrites the memory of the inputs' gradients.
    var targets: [Target] = []
    for slot in model.parameters {
      targets.append(
        target(
          slot.name, try model.memory(of: slot.name), try session.gradient(of: slot.name),
          scale: try scale(of: slot)))
    }
    for index in model.network.inputs {
      let gradient = try session.inputGradient(index)
      guard gradient.count > 0 else { continue }
      targets.append(target(model.network.inputNames[index], inputs[index], gradient, scale: 1))
    }
    var arrays: [GradientCheck.Report.Array] = []
    for target in targets {
      var slopes: [Slope] = []
      for index in target.chosen {
        slopes.append(try measure(target.memory, index, scale: target.scale, noise: noise))
      }
      arrays.append(report(target, slopes))
    }
    return arrays
  }

  /// A parameter or input, with what the layers computed for some of its elements.
  private struct Target {
    let name: String
    let memory: UnsafeMutableBufferPointer<Float>
    let scale: Double
    let chosen: [Int]
    let analytic: [Double]
  }

  private func target(
    _ name: String, _ memory: UnsafeMutableBufferPointer<Float>,
    _ gradient: UnsafeMutableBufferPointer<Float>, scale: Double
  ) -> Target {
    let chosen = choose(from: min(memory.count, gradient.count))
    return Target(
      name: name, memory: memory, scale: scale, chosen: chosen,
      analytic: chosen.map { Double(gradient[$0]) })
  }

  private var randomKey: RandomKey { RandomKey(seed: check.seed) }

  private func evaluate(
    writingGradients: Bool = false
  ) throws(CNNError) -> (value: Double, noise: Double) {
    states.restore(from: firstStates)
    // The same key each time, so that dropout drops the same.
    try session.forward(batch: check.batchSize, random: randomKey)
    return try objective.evaluate(writingGradients: writingGradients)
  }

  /// The usual size of a parameter's elements.
  ///
  /// Biases often start as zeros: theirs is the usual size of what they are added to.
  private func scale(of slot: ParameterSlot) throws(CNNError) -> Double {
    let own = rootMeanSquare(try model.memory(of: slot.name))
    if slot.declaration.shape.rank > 1, own > 0 { return own }
    var scale = own
    for other in model.parameters where other.node == slot.node && other.name != slot.name {
      let fanIn = Double(max(1, other.declaration.fanIn))
      scale = max(scale, rootMeanSquare(try model.memory(of: other.name)) * fanIn.squareRoot())
    }
    return scale > 0 ? scale : 1
  }

  // MARK: One array

  private func choose(from count: Int) -> [Int] {
    guard count > check.samples else { return Array(0..<count) }
    var chosen: Set<Int> = []
    while chosen.count < check.samples {
      chosen.insert(Int(truncatingIfNeeded: random.next(below: UInt64(count))))
    }
    return chosen.sorted()
  }

  /// A measured slope.
  private struct Slope {
    var value: Double
    /// How far the step sizes disagree.
    var disagreement: Double
    /// What 32-bit arithmetic can resolve at that step size.
    var resolution: Double
  }

  private func measure(
    _ memory: UnsafeMutableBufferPointer<Float>, _ index: Int, scale: Double, noise: Double
  ) throws(CNNError) -> Slope {
    var best: Slope?
    var step = check.step * scale
    for _ in 0..<3 {
      let wide = try differences(memory, index, step)
      let narrow = try differences(memory, index, step / 2)
      // Only for comparison: with several kinks, two step sizes agree by chance too often.
      let narrowest = try differences(memory, index, step / 4)
      // A kink farther away makes the step sizes differ. One close by makes the slopes to both
      // sides differ, also when their curvature is taken out.
      let disagreement = max(
        abs(wide.slope - narrow.slope), abs(narrow.slope - narrowest.slope),
        abs(2 * narrow.corner - wide.corner) / 2, abs(2 * narrowest.corner - narrow.corner) / 2)
      let slope = Slope(
        // Richardson: the error of centred differences falls with the square of the step.
        value: (4 * narrow.slope - wide.slope) / 3, disagreement: disagreement,
        resolution: GradientBench.roundingGrowth * noise / step)
      if best.map({ slope.disagreement < $0.disagreement }) ?? true { best = slope }
      if isTrusted(slope) { break }
      step /= 4
    }
    return best ?? Slope(value: .nan, disagreement: .infinity, resolution: 0)
  }

  /// How much larger errors get on their way through a network than the rounding of its outputs (8,
  /// by experience) and by Richardson's extrapolation (3).
  private static let roundingGrowth = 24.0

  private func isTrusted(_ slope: Slope) -> Bool {
    slope.disagreement
      <= max(check.tolerance / 4 * abs(slope.value), slope.resolution)
  }

  /// The slope by centred differences, and by how much it differs above and below.
  private func differences(
    _ memory: UnsafeMutableBufferPointer<Float>, _ index: Int, _ step: Double
  ) throws(CNNError) -> (slope: Double, corner: Double) {
    let old = memory[index]
    defer { memory[index] = old }
    let above = old + Float(step)
    let below = old - Float(step)
    guard above > old, old > below else { return (.nan, .nan) }
    memory[index] = above
    let high = try evaluate().value
    memory[index] = below
    let low = try evaluate().value
    let (up, down) = (Double(above) - Double(old), Double(old) - Double(below))
    return (
      (high - low) / (up + down), (high - middle) / up - (middle - low) / down
    )
  }

  private func report(_ target: Target, _ slopes: [Slope]) -> GradientCheck.Report.Array {
    let analytic = target.analytic
    var array = GradientCheck.Report.Array(name: target.name)
    let largest = zip(analytic, slopes).map { max(abs($0), abs($1.value)) }.max() ?? 0
    let resolution = slopes.map(\.resolution).max() ?? 0
    // Where kinks lie close together, as in deep networks, step sizes also agree by chance; how
    // they disagree elsewhere in the array tells what can be trusted.
    let disagreements = slopes.map(\.disagreement).sorted()
    let usualDisagreement =
      disagreements.isEmpty ? 0 : disagreements[disagreements.count / 2]
    for (position, slope) in slopes.enumerated() {
      // Elements that matter little to the array are judged by its larger ones.
      let floor = max(
        0.05 * largest, max(slope.resolution, 3 * usualDisagreement) / check.tolerance)
      let isClear =
        isTrusted(slope) || slope.disagreement <= check.tolerance / 4 * floor
      guard isClear else {
        array.skipped += 1
        continue
      }
      array.checked += 1
      let a = analytic[position]
      let error =
        abs(a - slope.value) / max(abs(a) + abs(slope.value), floor, .leastNormalMagnitude)
      if !(error <= array.error) || array.worstElement == nil {
        array.error = error.isFinite ? error : .greatestFiniteMagnitude
        array.worstElement = target.chosen[position]
        array.analytic = a
        array.numeric = slope.value
      }
    }
    let difference = rootMeanSquare(zip(analytic, slopes).map { $0 - $1.value })
    let size = rootMeanSquare(analytic) + rootMeanSquare(slopes.map(\.value))
    let floor = max(resolution / check.tolerance, .leastNormalMagnitude)
    let error = difference / max(size, floor)
    array.arrayError = error.isFinite ? error : .greatestFiniteMagnitude
    return array
  }
}

private func rootMeanSquare(_ numbers: some Collection<Float>) -> Double {
  rootMeanSquare(numbers.lazy.map(Double.init))
}

private func rootMeanSquare(_ numbers: some Collection<Double>) -> Double {
  numbers.isEmpty
    ? 0 : (numbers.reduce(0) { $0 + $1 * $1 } / Double(numbers.count)).squareRoot()
}

extension Model {
  /// A model of its own with the same graph in its precise form, parameters and states.
  fileprivate func copy() throws(CNNError) -> Model {
    let copy = try Model(network: network.precise)
    for slot in parameters + states {
      try copy.setValues(of: slot.name, to: try values(of: slot.name))
    }
    return copy
  }
}
