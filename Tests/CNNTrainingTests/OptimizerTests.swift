import CNNKit
import Foundation
import Testing

/// One parameter and what is remembered of it, in double precision.
private struct Scalar {
  var p: Double
  var a = 0.0
  var b = 0.0
}

@Suite struct OptimizerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let type: String
    var attributes: [String: AttributeValue] = [:]
    let rate: Double
    fileprivate let rule: @Sendable (inout Scalar, Double, Int, Double, Double) -> Void
    var testDescription: String { "\(type) \(attributes)" }
  }

  // The rules, written down from the papers: s.p parameter, g gradient with decay, t step from 1.
  static let cases = [
    Case(type: "sgd", rate: 0.01) { s, g, _, rate, decay in s.p -= rate * (g + decay * s.p) },
    Case(type: "momentum", rate: 0.01) { s, g, _, rate, decay in
      s.a = 0.9 * s.a + g + decay * s.p
      s.p -= rate * s.a
    },
    Case(type: "momentum", attributes: ["momentum": 0.5, "nesterov": true], rate: 0.01) {
      s, g, _, rate, decay in
      let g = g + decay * s.p
      s.a = 0.5 * s.a + g
      s.p -= rate * (g + 0.5 * s.a)
    },
    Case(type: "nesterov", rate: 0.01) { s, g, _, rate, decay in
      let g = g + decay * s.p
      s.a = 0.9 * s.a + g
      s.p -= rate * (g + 0.9 * s.a)
    },
    Case(type: "rmsprop", rate: 0.001) { s, g, _, rate, decay in
      let g = g + decay * s.p
      s.a = 0.99 * s.a + 0.01 * g * g
      s.p -= rate * g / (s.a.squareRoot() + 1e-8)
    },
    Case(type: "adagrad", rate: 0.01) { s, g, _, rate, decay in
      let g = g + decay * s.p
      s.a += g * g
      s.p -= rate * g / (s.a.squareRoot() + 1e-8)
    },
    Case(type: "adam", rate: 0.001) { s, g, t, rate, decay in
      let g = g + decay * s.p
      s.a = 0.9 * s.a + 0.1 * g
      s.b = 0.999 * s.b + 0.001 * g * g
      let m = s.a / (1 - pow(0.9, Double(t)))
      let v = s.b / (1 - pow(0.999, Double(t)))
      s.p -= rate * m / (v.squareRoot() + 1e-8)
    },
    Case(type: "adamw", attributes: ["beta1": 0.8, "beta2": 0.9], rate: 0.001) {
      s, g, t, rate, decay in
      s.p -= rate * decay * s.p
      s.a = 0.8 * s.a + 0.2 * g
      s.b = 0.9 * s.b + 0.1 * g * g
      let m = s.a / (1 - pow(0.8, Double(t)))
      let v = s.b / (1 - pow(0.9, Double(t)))
      s.p -= rate * m / (v.squareRoot() + 1e-8)
    },
  ]

  @Test(arguments: cases, [0, 0.1])
  func tenStepsAgreeWithTheRule(example: Case, decay: Double) throws {
    let type = try OptimizerRegistry.shared.entry(named: example.type)
    let optimizer = try type.create(
      Attributes(example.attributes, checkedAgainst: type.attributes))
    #expect(optimizer.defaultLearningRate == example.rate)
    let count = 37
    var random = TestRandom(11)
    var parameters = (0..<count).map { _ in random.number() }
    var scalars = parameters.map { Scalar(p: Double($0)) }
    var states = [Float](repeating: 0, count: count * max(1, optimizer.stateNames.count))
    let rate = 0.05
    for step in 1...10 {
      let gradients = (0..<count).map { _ in random.number() }
      try parameters.withUnsafeMutableBufferPointer { parameters in
        try gradients.withUnsafeBufferPointer { gradients in
          try states.withUnsafeMutableBufferPointer { states in
            guard let p = parameters.baseAddress, let g = gradients.baseAddress else { return }
            try optimizer.update(
              OptimizerCall(
                parameters: p, gradients: g, count: count, states: states.baseAddress,
                stateStride: count, step: step, learningRate: rate, weightDecay: decay,
                gradientScale: 0.5, concurrency: 2))
          }
        }
      }
      for index in 0..<count {
        example.rule(&scalars[index], Double(gradients[index]) * 0.5, step, rate, decay)
      }
    }
    for index in 0..<count {
      #expect(isClose(Double(parameters[index]), scalars[index].p, 2e-5))
    }
  }

  /// Trains a linear layer on one batch and returns parameters and gradients before and after.
  private func oneStep(
    _ change: (inout TrainingOptions) -> Void
  ) throws -> (before: [String: [Float]], gradient: [String: [Float]], after: [String: [Float]]) {
    var options = TrainingOptions()
    options.optimizer = OptimizerSpecification("sgd")
    options.learningRate = 0.5
    change(&options)
    let model = try makeModel(linearNetwork())
    try model.setValues(of: "fc.bias", to: [0.5, -0.5, 1])
    let training = try Training(model: model, options: options)
    let input = try training.input(batch: 4)
    for index in input.indices { input[index] = Float((index * 7) % 5) - 2 }
    func all() throws -> [String: [Float]] {
      ["w": try model.values(of: "fc.weight"), "b": try model.values(of: "fc.bias")]
    }
    let before = try all()
    try [0, 1, 2, 1].withUnsafeBufferPointer { try training.setLabels($0) }
    try training.zeroGradients()
    try training.forward()
    _ = try training.computeLoss()
    try training.backward()
    let gradient = [
      "w": Array(try training.session.gradient(of: "fc.weight")),
      "b": Array(try training.session.gradient(of: "fc.bias")),
    ]
    try training.optimizerStep()
    return (before, gradient, try all())
  }

  @Test func weightDecayIsForWeightsUnlessToldOtherwise() throws {
    let plain = try oneStep { $0.weightDecay = 0.1 }
    for (name, decay) in [("w", Float(0.1)), ("b", 0)] {
      let (p, g) = (plain.before[name] ?? [], plain.gradient[name] ?? [])
      for index in p.indices {
        let expected = p[index] - 0.5 * (g[index] + decay * p[index])
        #expect(abs((plain.after[name] ?? [])[index] - expected) < 1e-6)
      }
    }
    let swapped = try oneStep {
      $0.weightDecay = 0.1
      $0.decayOverrides = ["fc.weight": false, "fc.bias": true]
    }
    for (name, decay) in [("w", Float(0)), ("b", 0.1)] {
      let (p, g) = (swapped.before[name] ?? [], swapped.gradient[name] ?? [])
      for index in p.indices {
        let expected = p[index] - 0.5 * (g[index] + decay * p[index])
        #expect(abs((swapped.after[name] ?? [])[index] - expected) < 1e-6)
      }
    }
  }

  @Test func frozenParametersKeepTheirBits() throws {
    let result = try oneStep {
      $0.frozen = ["fc.bias"]
      $0.weightDecay = 0.1
      $0.decayOverrides = ["fc.bias": true]
    }
    #expect(result.after["b"] == result.before["b"])
    #expect(result.after["w"] != result.before["w"])
  }

  @Test func clipsByNorm() throws {
    let free = try oneStep { _ in }
    let gradients = (free.gradient["w"] ?? []) + (free.gradient["b"] ?? [])
    let norm = gradients.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
    #expect(norm > 0.1)
    for limit in [norm / 10, norm * 2] {
      let clipped = try oneStep { $0.clipNorm = limit }
      let factor = Float(min(1, limit / norm))
      for name in ["w", "b"] {
        let (p, g) = (clipped.before[name] ?? [], free.gradient[name] ?? [])
        for index in p.indices {
          let expected = p[index] - 0.5 * factor * g[index]
          #expect(abs((clipped.after[name] ?? [])[index] - expected) < 1e-6)
        }
      }
    }
  }

  @Test func clipsByValue() throws {
    let clipped = try oneStep { $0.clipValue = 0.05 }
    for name in ["w", "b"] {
      let (p, g) = (clipped.before[name] ?? [], clipped.gradient[name] ?? [])
      for index in p.indices {
        let expected = p[index] - 0.5 * min(0.05, max(-0.05, g[index]))
        #expect(abs((clipped.after[name] ?? [])[index] - expected) < 1e-6)
      }
    }
  }
}
