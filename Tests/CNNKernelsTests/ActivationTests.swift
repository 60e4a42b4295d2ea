import CNNKernelTypes
import CNNKernels
import Foundation
import Testing

struct ActivationTests {
  /// Numbers of all sizes, both signs.
  static let wide: [Float] =
    (0..<20_000).map { Float($0 - 10_000) * 0.0105 }
    + (0..<2000).map { (Float($0 % 2) * 2 - 1) * powf(10, Float($0) / 50 - 38) }

  /// The largest relative error; results near the smallest normal number count as equal.
  static func error(_ actual: [Float], _ expected: [Double]) -> Double {
    zip(actual, expected).reduce(0) { worst, pair in
      let (y, e) = (Double(pair.0), pair.1)
      if y == e || (abs(e) < 1.2e-38 && abs(y - e) < 3e-45) { return worst }
      if e > Double(Float.greatestFiniteMagnitude) { return y == .infinity ? worst : .infinity }
      return y.isNaN ? .infinity : max(worst, abs(y - e) / abs(e))
    }
  }

  @Test func exponentialsAreAccurate() {
    for kernels in variants {
      let x = Self.wide
      let y = filled(x.count) { kernels.activation.exp(x, $0, x.count) }
      #expect(Self.error(y, x.map { exp(Double($0)) }) < 2e-7)
    }
  }

  @Test func logarithmsAreAccurate() {
    for kernels in variants {
      let x = Self.wide.map(abs).filter { $0 > 0 } + [1, 0x1p-149, 0x1.fffffep127]
      let y = filled(x.count) { kernels.activation.log(x, $0, x.count) }
      #expect(Self.error(y, x.map { log(Double($0)) }) < 2e-7)
    }
  }

  @Test func sigmoidAndTanhAreAccurate() {
    for kernels in variants {
      let x = Self.wide
      let s = filled(x.count) { kernels.activation.sigmoid(x, $0, x.count) }
      #expect(Self.error(s, x.map { ReferenceActivation.sigmoid(Double($0)) }) < 3e-7)
      let t = filled(x.count) { kernels.activation.tanh(x, $0, x.count) }
      #expect(Self.error(t, x.map { tanh(Double($0)) }) < 3e-7)
    }
  }

  @Test func specialNumbers() {
    let x: [Float] = [.nan, .infinity, -.infinity, 0, -0.0, -200, 200]
    for kernels in variants {
      let e = filled(7) { kernels.activation.exp(x, $0, 7) }
      #expect(e[0].isNaN && Array(e[1...]) == [.infinity, 0, 1, 1, 0, .infinity])
      let l = filled(7) { kernels.activation.log(x, $0, 7) }
      #expect(l[0].isNaN && l[1] == .infinity && l[2].isNaN && l[3] == -.infinity)
      #expect(l[4] == -.infinity && l[5].isNaN)
      let s = filled(7) { kernels.activation.sigmoid(x, $0, 7) }
      #expect(s[0].isNaN && Array(s[1...4]) == [1, 0, 0.5, 0.5] && s[6] == 1)
      let t = filled(7) { kernels.activation.tanh(x, $0, 7) }
      #expect(t[0].isNaN && Array(t[1...]) == [1, -1, 0, 0, -1, 1])
      #expect(t[4].sign == .minus)
      let r = filled(7) { kernels.activation.relu(x, $0, 7) }
      #expect(r[0].isNaN && Array(r[1...]) == [.infinity, 0, 0, 0, 0, 200])
      let k = filled(7) { kernels.activation.leakyRelu(x, $0, 7, 0.5) }
      #expect(k[0].isNaN && Array(k[1...]) == [.infinity, -.infinity, 0, 0, -100, 200])
    }
  }

  @Test(arguments: oddSizes)
  func linearUnits(count: Int) {
    let x = testNumbers(count, seed: 11)
    let g = testNumbers(count, seed: 12)
    let y = filled(count) { Activation.relu(x, $0, count: count, slots: 3) }
    #expect(y == x.map { max($0, 0) })
    let dx = filled(count) {
      Activation.reluBackward(output: y, gradOutput: g, gradInput: $0, count: count, slots: 3)
    }
    #expect(dx == zip(x, g).map { $0 > 0 ? $1 : 0 })
    let z = filled(count) { Activation.leakyRelu(x, $0, count: count, slope: 0.1, slots: 3) }
    #expect(z == x.map { $0 < 0 ? 0.1 * $0 : $0 })
    var dz = g
    dz.withUnsafeMutableBufferPointer {
      guard let p = $0.baseAddress else { return }
      Activation.leakyReluBackward(
        output: z, gradOutput: p, gradInput: p, count: count, slope: 0.1, slots: 3)
    }
    #expect(dz == zip(x, g).map { $0 > 0 ? $1 : 0.1 * $1 })
  }

  @Test func deadUnitsStopInfiniteGradients() {
    let dx = filled(9) {
      Activation.reluBackward(
        output: [Float](repeating: 0, count: 9),
        gradOutput: [Float](repeating: .infinity, count: 9), gradInput: $0, count: 9, slots: 1)
    }
    #expect(dx == [Float](repeating: 0, count: 9))
  }

  @Test(arguments: oddSizes)
  func smoothGradients(count: Int) {
    let x = testNumbers(count, seed: 13).map { 3 * $0 }
    let g = testNumbers(count, seed: 14)
    let s = filled(count) { Activation.sigmoid(x, $0, count: count, slots: 3) }
    let ds = filled(count) {
      Activation.sigmoidBackward(output: s, gradOutput: g, gradInput: $0, count: count, slots: 3)
    }
    let t = filled(count) { Activation.tanh(x, $0, count: count, slots: 3) }
    let dt = filled(count) {
      Activation.tanhBackward(output: t, gradOutput: g, gradInput: $0, count: count, slots: 3)
    }
    func slope(_ f: (Double) -> Double, _ x: Float) -> Double {
      (f(Double(x) + 1e-5) - f(Double(x) - 1e-5)) / 2e-5
    }
    #expect(
      relativeError(ds, zip(x, g).map { slope(ReferenceActivation.sigmoid, $0) * Double($1) })
        < 1e-6)
    #expect(relativeError(dt, zip(x, g).map { slope(tanh, $0) * Double($1) }) < 1e-6)
  }
}

struct SoftmaxTests {
  @Test(arguments: matrixSizes)
  func forwardAndBackward(rows: Int, classes: Int) {
    let count = rows * classes
    let x = testNumbers(count, seed: 15).map { 20 * $0 }
    let g = testNumbers(count, seed: 16)
    let y = filled(count) { Softmax.forward(x, $0, rows: rows, classes: classes, slots: 3) }
    let expected = ReferenceSoftmax.forward(doubles(x), rows: rows, classes: classes)
    #expect(relativeError(y, expected) < 1e-6)
    let dx = filled(count) {
      Softmax.backward(
        output: y, gradOutput: g, gradInput: $0, rows: rows, classes: classes, slots: 3)
    }
    let products = expected.indices.map { expected[$0] * Double(g[$0]) }
    let slope = expected.indices.map { i in
      let row = i / classes * classes
      return expected[i] * (Double(g[i]) - products[row..<row + classes].reduce(0, +))
    }
    #expect(relativeError(dx, slope) < 3e-6)
  }

  @Test func gradientMatchesDifferences() {
    let x = testNumbers(15, seed: 17).map { 2 * $0 }
    let g = testNumbers(15, seed: 18)
    let y = filled(15) { Softmax.forward(x, $0, rows: 3, classes: 5, slots: 1) }
    let dx = filled(15) {
      Softmax.backward(output: y, gradOutput: g, gradInput: $0, rows: 3, classes: 5, slots: 1)
    }
    let numeric = numericGradient(doubles(x)) { x in
      zip(ReferenceSoftmax.forward(x, rows: 3, classes: 5), g).reduce(0) {
        $0 + $1.0 * Double($1.1)
      }
    }
    #expect(relativeError(dx, numeric) < 1e-5)
  }

  @Test func extremeLogits() {
    let x: [Float] = [1e30, -1e30, 0, -.infinity, 0, 0, 1e4, 1e4, 1e4, 1, .nan, 2]
    let y = filled(12) { Softmax.forward(x, $0, rows: 4, classes: 3, slots: 1) }
    #expect(y[0] == 1 && y[1] == 0 && y[2] == 0)
    #expect(y[3] == 0 && y[4] == 0.5 && y[5] == 0.5)
    #expect(y[6...8].allSatisfy { abs($0 - 1 / 3) < 1e-7 })
    #expect(y[9...11].allSatisfy { $0.isNaN })
  }
}
