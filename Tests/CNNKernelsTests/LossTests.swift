import CNNKernelTypes
import CNNKernels
import Testing

struct LossTests {
  @Test(
    arguments: [(1, 2), (3, 1), (8, 10), (64, 17), (1000, 10), (31, 1000)], [Float(0), 0.1])
  func softmaxWithLabels(size: (Int, Int), smoothing: Float) {
    let (rows, classes) = size
    let x = testNumbers(rows * classes, seed: 71).map { 5 * $0 }
    let labels = (0..<rows).map { Int32($0 * 7 % classes) }
    var result = Loss.Result(value: 0, firstInvalidRow: 5)
    let gradient = filled(rows * classes) {
      result = Loss.softmaxCrossEntropy(
        logits: x, labels: labels, gradient: $0, rows: rows, classes: classes,
        labelSmoothing: smoothing, gradientScale: 3, slots: 3)
    }
    let targets = ReferenceLoss.smoothTargets(
      labels, classes: classes, smoothing: Double(smoothing))
    let expected = ReferenceLoss.softmaxCrossEntropy(
      doubles(x), targets: targets, rows: rows, classes: classes)
    #expect(abs(result.value - expected / Double(rows)) < 1e-6 * max(1, result.value))
    #expect(result.firstInvalidRow == -1)
    let softmax = ReferenceSoftmax.forward(doubles(x), rows: rows, classes: classes)
    let slope = zip(softmax, targets).map { 3 * ($0 - $1) / Double(rows) }
    #expect(
      relativeError(gradient.map { $0 * Float(rows) }, slope.map { $0 * Double(rows) }) < 2e-6)
    let same = Loss.softmaxCrossEntropy(
      logits: x, labels: labels, gradient: nil, rows: rows, classes: classes,
      labelSmoothing: smoothing, slots: 2)
    #expect(same == result)
    // The same target as probabilities.
    var value = 0.0
    let again = filled(rows * classes) {
      value = Loss.softmaxCrossEntropy(
        logits: x, probabilities: targets.map { Float($0) }, gradient: $0, rows: rows,
        classes: classes, gradientScale: 3, slots: 3)
    }
    #expect(abs(value - result.value) < 1e-6 * max(1, value))
    #expect(relativeError(again.map { $0 * Float(rows) }, slope.map { $0 * Double(rows) }) < 2e-6)
    // The labels as rows of 0 and 1, smoothed like the labels.
    let hard = ReferenceLoss.smoothTargets(labels, classes: classes, smoothing: 0)
    let smoothed = filled(rows * classes) {
      value = Loss.softmaxCrossEntropy(
        logits: x, probabilities: hard.map { Float($0) }, gradient: $0, rows: rows,
        classes: classes, labelSmoothing: smoothing, gradientScale: 3, slots: 3)
    }
    #expect(abs(value - result.value) < 1e-6 * max(1, value))
    // Of a single class the gradient is 0, and what is left of it is rounding.
    #expect(
      classes == 1
        ? smoothed.allSatisfy { abs($0) < 1e-6 }
        : relativeError(smoothed.map { $0 * Float(rows) }, slope.map { $0 * Double(rows) }) < 2e-6)
  }

  @Test func wrongLabelsAreReported() {
    let x = testNumbers(12, seed: 72)
    var result = Loss.Result(value: 0, firstInvalidRow: -1)
    let gradient = filled(12) {
      result = Loss.softmaxCrossEntropy(
        logits: x, labels: [1, 3, -1, .max], gradient: $0, rows: 4, classes: 3, slots: 1)
    }
    #expect(result.firstInvalidRow == 1 && result.value.isFinite)
    #expect(gradient[3...].allSatisfy { $0 == 0 } && gradient[1] < 0)
    let good = Loss.softmaxCrossEntropy(
      logits: x, labels: [1], gradient: nil, rows: 1, classes: 3, slots: 1)
    #expect(abs(result.value * 4 - good.value) < 1e-12)
  }

  @Test func extremeLogitsStayFinite() {
    let result = Loss.softmaxCrossEntropy(
      logits: [1e4, -1e4, 0, 1e4], labels: [1, 1], gradient: nil, rows: 2, classes: 2, slots: 1)
    #expect(abs(result.value - 10_000) < 1e-3)
    var value = 0.0
    let gradient = filled(3) {
      value = Loss.sigmoidCrossEntropy(
        logits: [1e4, -1e4, -.infinity], targets: [0, 0, 0], gradient: $0, count: 3, divisor: 1,
        slots: 1)
    }
    #expect(value == 10_000 && gradient == [1, 0, 0])
    let unknown = Loss.sigmoidCrossEntropy(
      logits: [.nan], targets: [0], gradient: nil, count: 1, divisor: 1, slots: 1)
    #expect(unknown.isNaN)
  }

  @Test(arguments: oddSizes, ["sigmoid", "squared", "smooth", "absolute"])
  func elementwiseLosses(count: Int, name: String) {
    let x = testNumbers(count, seed: 73).map { 3 * $0 }
    let t = testNumbers(count, seed: 74).map { name == "sigmoid" ? abs($0) : 3 * $0 }
    let divisor = max(1, count / 2)
    let beta: Float = name == "absolute" ? 0 : 0.5
    func loss(_ gradient: UnsafeMutablePointer<Float>?) -> Double {
      switch name {
      case "sigmoid":
        Loss.sigmoidCrossEntropy(
          logits: x, targets: t, gradient: gradient, count: count, divisor: divisor,
          gradientScale: 2, slots: 3)
      case "squared":
        Loss.meanSquaredError(
          predictions: x, targets: t, gradient: gradient, count: count, divisor: divisor,
          gradientScale: 2, slots: 3)
      default:
        Loss.smoothL1(
          predictions: x, targets: t, gradient: gradient, count: count, divisor: divisor,
          beta: beta, gradientScale: 2, slots: 3)
      }
    }
    func reference(_ x: [Double], _ t: [Double]) -> Double {
      switch name {
      case "sigmoid": ReferenceLoss.sigmoidCrossEntropy(x, targets: t)
      case "squared": ReferenceLoss.squaredError(x, targets: t)
      default: ReferenceLoss.smoothL1(x, targets: t, beta: Double(beta))
      }
    }
    var value = 0.0
    let gradient = filled(count) { value = loss($0) }
    let expected = reference(doubles(x), doubles(t)) / Double(divisor)
    #expect(abs(value - expected) <= 5e-7 * max(expected, 1e-3))
    #expect(loss(nil) == value)
    // Each element's slope by differences, times what the element is scaled with.
    let slope = x.indices.map { i in
      let (a, b) = (Double(x[i]), [Double(t[i])])
      return (reference([a + 1e-6], b) - reference([a - 1e-6], b)) / 2e-6
    }
    #expect(relativeError(gradient.map { $0 * Float(divisor) / 2 }, slope) < 1e-5)
  }
}

struct OptimizerUpdateTests {
  enum Rule: CaseIterable {
    case sgd, momentum, nesterov, rmsProp, adagrad, adam, adamW
  }

  static func step(
    _ rule: Rule, _ p: inout [Float], _ g: [Float], _ a: inout [Float], _ b: inout [Float],
    step: Int, slots: Int
  ) {
    let n = p.count
    let attributes = UpdateAttributes(learningRate: 0.05, weightDecay: 0.01, gradientScale: 0.5)
    switch rule {
    case .sgd:
      OptimizerUpdate.sgd(&p, gradient: g, count: n, attributes: attributes, slots: slots)
    case .momentum, .nesterov:
      OptimizerUpdate.momentum(
        &p, gradient: g, velocity: &a, count: n, momentum: 0.9, nesterov: rule == .nesterov,
        attributes: attributes, slots: slots)
    case .rmsProp:
      OptimizerUpdate.rmsProp(
        &p, gradient: g, squares: &a, count: n, attributes: attributes, slots: slots)
    case .adagrad:
      OptimizerUpdate.adagrad(
        &p, gradient: g, squares: &a, count: n, attributes: attributes, slots: slots)
    case .adam, .adamW:
      OptimizerUpdate.adam(
        &p, gradient: g, firstMoment: &a, secondMoment: &b, count: n, step: step,
        isDecoupled: rule == .adamW, attributes: attributes, slots: slots)
    }
  }

  @Test(arguments: Rule.allCases, [0, 1, 7, 8, 9, 1000, 70_000])
  func fiveStepsMatchReference(rule: Rule, count: Int) {
    let start = testNumbers(count, seed: 81)
    var p = start
    var a = [Float](repeating: 0, count: count)
    var b = a
    var reference = start.map {
      ReferenceOptimizer(parameter: Double($0), rate: 0.05, decay: 0.01, gradientScale: 0.5)
    }
    for step in 1...5 {
      let g = testNumbers(count, seed: 82 + UInt64(step))
      Self.step(rule, &p, g, &a, &b, step: step, slots: 3)
      for i in 0..<count {
        let d = Double(g[i])
        switch rule {
        case .sgd: reference[i].sgd(d)
        case .momentum: reference[i].momentum(d, momentum: 0.9, nesterov: false)
        case .nesterov: reference[i].momentum(d, momentum: 0.9, nesterov: true)
        case .rmsProp: reference[i].rmsProp(d, decay: 0.99, epsilon: 1e-8)
        case .adagrad: reference[i].adagrad(d, epsilon: 1e-10)
        case .adam, .adamW:
          reference[i].adam(
            d, step: step, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, isDecoupled: rule == .adamW)
        }
      }
    }
    #expect(relativeError(p, reference.map(\.parameter)) < 5e-6)
    #expect(rule == .sgd || relativeError(a, reference.map(\.first)) < 5e-6)
    #expect(
      (rule != .adam && rule != .adamW) || relativeError(b, reference.map(\.second)) < 5e-6)
  }
}
