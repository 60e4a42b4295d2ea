import CNNLayerKit
import CNNTraining

/// A host for one loss: output, target and gradient with what surrounds them.
final class LossBench {
  let loss: any Loss
  let shape: Shape
  let batch: Int
  let output: CheckedArray
  let gradient: CheckedArray
  let usesLabels: Bool
  private let values: CheckedArray
  private let labels: CheckedArray
  private let isGuarded: Bool

  init(
    _ loss: any Loss, _ shape: Shape, usesLabels: Bool, batch: Int = 3,
    _ surroundings: Surroundings = .room, shift: Int = 0, seed: Int = 3
  ) throws {
    (self.loss, self.shape, self.batch, self.usesLabels) = (loss, shape, batch, usesLabels)
    isGuarded = surroundings != .room
    let count = batch * shape.count
    let classes = shape.sizes.last ?? 1
    func array(_ name: String, _ count: Int) throws -> CheckedArray {
      try CheckedArray(name, count: count, surroundings, shift: shift)
    }
    output = try array("the output", count)
    gradient = try array("the gradient", count)
    values = try array("the values", usesLabels ? 0 : count)
    labels = try array("the labels", usesLabels ? count / classes : 0)
    var numbers = Numbers(seed)
    output.set(numbers.numbers(count, -2...2))
    values.set(numbers.numbers(values.elements.count, 0...1))
    for index in 0..<labels.elements.count {
      // Whole numbers of 4 bytes in memory for others of 4 bytes.
      let label = UInt32(numbers.word() % UInt64(classes))
      labels.elements[index] = Float(bitPattern: label)
    }
  }

  var description: String {
    "output \(shape), batch \(batch), target \(usesLabels ? "labels" : "values")"
  }

  /// Computes the loss, and the gradient if it is wanted.
  func evaluate(
    weight: Float = 1, wantsGradient: Bool = true, concurrency: Int = 2, fill: Float = .nan
  ) throws -> Double {
    gradient.fill(fill)
    guard let output = output.elements.baseAddress else { return 0 }
    let target: LossTarget
    if usesLabels {
      guard let start = labels.elements.baseAddress else { return 0 }
      target = .labels(
        UnsafeRawPointer(start).bindMemory(to: Int32.self, capacity: labels.elements.count))
    } else {
      guard let start = values.elements.baseAddress else { return 0 }
      target = .values(start)
    }
    CheckProcess.note("evaluate, \(description)")
    for array in [self.output, values, labels] { array.protect(isGuarded) }
    defer { for array in [self.output, values, labels] { array.protect(false) } }
    let result = try loss.evaluate(
      LossCall(
        batch: batch, shape: shape, output: output, target: target, weight: weight,
        gradient: wantsGradient ? gradient.elements.baseAddress : nil, concurrency: concurrency))
    for array in [self.output, gradient, values, labels] { try array.checkSurroundings() }
    return result
  }
}

extension CheckContext {
  /// A new loss of the type.
  func makeLoss() throws -> any Loss {
    let type = try LossRegistry.shared.entry(named: self.type)
    CheckProcess.note("create and destroy a loss")
    return try type.create(checked(type.attributes))
  }

  /// A new optimizer of the type.
  func makeOptimizer() throws -> any Optimizer {
    let type = try OptimizerRegistry.shared.entry(named: self.type)
    CheckProcess.note("create and destroy an optimizer")
    return try type.create(checked(type.attributes))
  }

  /// The given attributes, and guesses for those that have to be given.
  func checked(_ specifications: [AttributeSpecification]) throws -> Attributes {
    var attributes = request.attributes.filter { given in
      specifications.contains { $0.name == given.key }
    }
    for attribute in specifications
    where attribute.defaultValue == nil && attributes[attribute.name] == nil {
      attributes[attribute.name] = AttributeGuess.value(attribute, number: 0, inputs: [])
    }
    return try Attributes(attributes, checkedAgainst: specifications)
  }

  /// Benches for every kind of target and some shapes that the loss can judge.
  func lossBenches(
    _ loss: any Loss, _ surroundings: Surroundings = .room, batches: [Int] = [3], shift: Int = 0
  ) throws -> [LossBench] {
    var benches: [LossBench] = []
    let shapes =
      request.inputs.isEmpty
      ? try [[5], [4, 3, 6], [1], [2]].map { try Shape($0) } : request.inputs
    for shape in shapes where (try? loss.check(shape)) != nil {
      for batch in batches {
        for usesLabels in [true, false]
        where loss.targets.contains(usesLabels ? .labels : .values) {
          benches.append(
            try LossBench(
              loss, shape, usesLabels: usesLabels, batch: batch, surroundings, shift: shift))
        }
      }
    }
    guard !benches.isEmpty else {
      throw Finding("no output of some shapes can be judged; give --inputs with one that can")
    }
    return benches
  }
}
