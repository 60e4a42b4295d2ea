import CNNKit
import Foundation
import Testing

@Suite struct LossTests {
  /// A loss with its output, target and the value worked out by hand (see each case's comment).
  struct Case: Sendable, CustomTestStringConvertible {
    let type: String
    var attributes: [String: AttributeValue] = [:]
    let shape: [Int]
    let output: [Float]
    var labels: [Int32]?
    var values: [Float]?
    let expected: Double
    var gradient: [Double]?
    var testDescription: String { "\(type) \(attributes) \(expected)" }
  }

  static let cases = [
    // log(e + e² + e³) − 3
    Case(
      type: "softmax_cross_entropy", shape: [3], output: [1, 2, 3], labels: [2],
      expected: 0.40760596, gradient: [0.09003057, 0.24472847, -0.33475904]),
    // Targets 1/30, 1/30, 28/30: 3.40760596 − 2.9
    Case(
      type: "softmax_cross_entropy", attributes: ["label_smoothing": 0.1], shape: [3],
      output: [1, 2, 3], labels: [2], expected: 0.50760596,
      gradient: [0.05669724, 0.21139514, -0.26809237]),
    // 3.40760596 − 1.75
    Case(
      type: "softmax_cross_entropy", shape: [3], output: [1, 2, 3], values: [0.5, 0.25, 0.25],
      expected: 1.65760596),
    // Targets 29/60, 31/120, 31/120: 3.40760596 − 1.775
    Case(
      type: "softmax_cross_entropy", attributes: ["label_smoothing": 0.1], shape: [3],
      output: [1, 2, 3], values: [0.5, 0.25, 0.25], expected: 1.63260596,
      gradient: [-0.39330276, -0.01360486, 0.40690762]),
    // A row that adds up to 2 keeps its weight but for what is spread: 0.5 · (1, 1) + 0.25 each.
    Case(
      type: "softmax_cross_entropy", attributes: ["label_smoothing": 0.5], shape: [2],
      output: [0, 0], values: [1, 1], expected: 1.5 * 0.69314718, gradient: [0, 0]),
    // Two positions per sample: the mean of 0.40760596 and log 3.
    Case(
      type: "softmax_cross_entropy", shape: [2, 3], output: [1, 2, 3, 5, 5, 5], labels: [2, 0],
      expected: (0.40760596 + 1.09861229) / 2),
    // Large logits: no overflow.
    Case(
      type: "softmax_cross_entropy", shape: [2], output: [1000, 0], labels: [1], expected: 1000,
      gradient: [1, -1]),
    // log 2, 2 + log(1 + e⁻²), 1.5 + log(1 + e⁻³)
    Case(
      type: "sigmoid_cross_entropy", shape: [3], output: [0, 2, -3], values: [1, 0, 0.5],
      expected: (0.69314718 + 2.12692801 + 1.54858735) / 3,
      gradient: [-0.5 / 3, 0.88079708 / 3, (0.04742587 - 0.5) / 3]),
    Case(
      type: "mean_squared_error", shape: [2], output: [1, 2], values: [3, 2], expected: 2,
      gradient: [-2, 0]),
    // 0.125, 1.5, 2.5
    Case(
      type: "smooth_l1", shape: [3], output: [0.5, 2, -3], values: [0, 0, 0], expected: 1.375,
      gradient: [0.5 / 3, 1 / 3.0, -1 / 3.0]),
    // 0.0625, 1, 2
    Case(
      type: "smooth_l1", attributes: ["beta": 2], shape: [3], output: [0.5, 2, -3],
      values: [0, 0, 0], expected: 3.0625 / 3),
  ]

  static func evaluate(
    _ loss: any Loss, _ example: Case, _ output: [Float], gradient: inout [Float]?,
    weight: Float = 1
  ) throws -> Double {
    let shape = try Shape(example.shape)
    let batch = output.count / shape.count
    let labels = example.labels ?? []
    let values = example.values ?? []
    func call(_ gradient: UnsafeMutablePointer<Float>?) throws -> Double {
      try output.withUnsafeBufferPointer { output in
        try labels.withUnsafeBufferPointer { labels in
          try values.withUnsafeBufferPointer { values in
            let target =
              example.labels == nil
              ? LossTarget.values(try #require(values.baseAddress))
              : .labels(try #require(labels.baseAddress))
            return try loss.evaluate(
              LossCall(
                batch: batch, shape: shape, output: try #require(output.baseAddress),
                target: target, weight: weight, gradient: gradient, concurrency: 2))
          }
        }
      }
    }
    guard gradient != nil else { return try call(nil) }
    var written = [Float](repeating: .nan, count: output.count)
    let value = try written.withUnsafeMutableBufferPointer { try call($0.baseAddress) }
    gradient = written
    return value
  }

  @Test(arguments: cases)
  func agreesWithHandValues(example: Case) throws {
    let type = try LossRegistry.shared.entry(named: example.type)
    let loss = try type.create(Attributes(example.attributes, checkedAgainst: type.attributes))
    var gradient: [Float]? = []
    let value = try Self.evaluate(loss, example, example.output, gradient: &gradient)
    #expect(isClose(value, example.expected, 1e-6), "\(value)")
    let written = try #require(gradient)
    for (a, b) in zip(written, example.gradient ?? []) {
      #expect(isClose(Double(a), b, 1e-6), "\(written)")
    }
    // The weight multiplies the gradient alone.
    var doubled: [Float]? = []
    let again = try Self.evaluate(
      loss, example, example.output, gradient: &doubled, weight: 2)
    #expect(again == value)
    for (a, b) in zip(try #require(doubled), written) { #expect(abs(a - 2 * b) < 1e-6) }
  }

  @Test(arguments: cases)
  func gradientIsTheSlope(example: Case) throws {
    let type = try LossRegistry.shared.entry(named: example.type)
    let loss = try type.create(Attributes(example.attributes, checkedAgainst: type.attributes))
    var gradient: [Float]? = []
    _ = try Self.evaluate(loss, example, example.output, gradient: &gradient)
    var none: [Float]?
    for index in example.output.indices where abs(example.output[index]) < 100 {
      // 2 is the end of a parabola of smooth_l1: one slope on both sides.
      var moved = example.output
      moved[index] += 0x1p-7
      let above = try Self.evaluate(loss, example, moved, gradient: &none)
      moved[index] -= 0x1p-6
      let below = try Self.evaluate(loss, example, moved, gradient: &none)
      let slope = (above - below) / 0x1p-6
      #expect(abs(slope - Double(try #require(gradient)[index])) < 2e-3)
    }
  }

  @Test func manyRowsAreTheMeanOfEach() throws {
    var random = TestRandom(3)
    let rows = 5000
    let classes = 7
    let output = (0..<rows * classes).map { _ in random.number(-3...3) }
    let labels = (0..<rows).map { _ in Int32.random(in: 0..<7, using: &random) }
    var expected = 0.0
    for row in 0..<rows {
      let logits = output[row * classes..<(row + 1) * classes].map(Double.init)
      expected += log(logits.map(exp).reduce(0, +)) - logits[Int(labels[row])]
    }
    let example = Case(
      type: "", shape: [classes], output: output, labels: labels, expected: 0)
    var gradient: [Float]? = []
    let value = try Self.evaluate(
      SoftmaxCrossEntropy(), example, output, gradient: &gradient)
    #expect(isClose(value, expected / Double(rows), 1e-6))
    let sum = try #require(gradient).reduce(0) { $0 + Double($1) }
    #expect(abs(sum) < 1e-5)
  }

  @Test func aLossOfOnesOwnTrains() throws {
    struct Halves: Loss {
      let targets: LossTargets = .values
      func evaluate(_ call: LossCall) throws(CNNError) -> Double {
        let target = try call.values("halves")
        var sum = 0.0
        for index in 0..<call.count {
          let difference = call.output[index] - target[index]
          sum += Double(difference * difference) / 2
          call.gradient?[index] = call.weight * difference / Float(call.batch)
        }
        return sum / Double(call.batch)
      }
    }
    try LossRegistry.shared.register(
      LossType("org.example.halves", "half squares") { (_) throws(CNNError) in Halves() })
    #expect(throws: CNNError.self) {
      try LossRegistry.shared.register(
        LossType("org.example.halves", "again") { (_) throws(CNNError) in Halves() })
    }
    var options = TrainingOptions()
    options.losses = [LossSpecification("org.example.halves")]
    options.optimizer = OptimizerSpecification("sgd")
    options.learningRate = 0.1
    let training = try Training(model: makeModel(linearNetwork()), options: options)
    let input = try training.input(batch: 2)
    for index in input.indices { input[index] = Float(index % 3) - 1 }
    var losses: [Double] = []
    for _ in 0..<50 {
      try [1, 2, 3, 4, 5, 6].withUnsafeBufferPointer { try training.setTargets($0) }
      losses.append(try training.step())
    }
    #expect(losses[49] < losses[0] / 100)
  }
}
