import CNNKernelTypes
import CNNKernels
import Foundation
import Testing

struct ElementwiseTests {
  @Test(arguments: oddSizes)
  func arithmetic(count: Int) {
    let a = testNumbers(count, seed: 1)
    let b = testNumbers(count, seed: 2)
    let sums = filled(count) { Elementwise.add(a, b, $0, count: count, slots: 4) }
    #expect(sums == zip(a, b).map { $0 + $1 })
    let rectified = filled(count) { Elementwise.addRectified(a, b, $0, count: count, slots: 4) }
    #expect(rectified == zip(a, b).map { max($0 + $1, 0) })
    let products = filled(count) { Elementwise.multiply(a, b, $0, count: count, slots: 4) }
    #expect(products == zip(a, b).map { $0 * $1 })
    let scaled = filled(count) { Elementwise.scale(-2.5, a, $0, count: count, slots: 4) }
    #expect(scaled == a.map { -2.5 * $0 })
    let copied = filled(count) { Elementwise.copy(a, $0, count: count, slots: 4) }
    #expect(copied == a)
    let constant = filled(count) { Elementwise.fill($0, count: count, value: 3, slots: 4) }
    #expect(constant == [Float](repeating: 3, count: count))
  }

  @Test(arguments: oddSizes)
  func accumulation(count: Int) {
    let a = testNumbers(count, seed: 1)
    let b = testNumbers(count, seed: 2)
    let c = testNumbers(count, seed: 3)
    var y = c
    Elementwise.accumulate(a, &y, count: count, slots: 4)
    #expect(y == zip(c, a).map { $0 + $1 })
    y = c
    Elementwise.axpy(0.75, a, &y, count: count, slots: 4)
    #expect(y == zip(c, a).map { $0 + 0.75 * $1 })
    y = c
    Elementwise.multiplyAccumulate(a, b, &y, count: count, slots: 4)
    #expect(y == (0..<count).map { c[$0] + a[$0] * b[$0] })
    y = c
    Elementwise.blend(c, a, weight: 0.3, &y, count: count, slots: 4)
    #expect(y == zip(c, a).map { $0 + 0.3 * ($1 - $0) })
    var x = a
    y = b
    Elementwise.exchange(&x, &y, count: count, slots: 4)
    #expect(x == b && y == a)
  }

  @Test func inPlace() {
    var y = testNumbers(1003, seed: 4)
    let x = y
    y.withUnsafeMutableBufferPointer { buffer in
      guard let p = buffer.baseAddress else { return }
      Elementwise.add(p, p, p, count: 1003, slots: 4)
      Elementwise.scale(0.5, p, p, count: 1003, slots: 4)
      Elementwise.copy(p, p, count: 1003, slots: 4)
    }
    #expect(y == x)
  }

  @Test func negativeCountsDoNothing() {
    let x: [Float] = [5]
    var y: Float = 5
    Elementwise.fill(&y, count: -3, value: 1, slots: 2)
    Activation.tanh(x, &y, count: -1, slots: 2)
    #expect(y == 5)
    #expect(Reduction.sum(x, count: -1, slots: 2) == 0)
    #expect(Reduction.firstNonFiniteIndex(x, count: -5, slots: 2) == -1)
  }

  @Test(arguments: matrixSizes)
  func transposition(rows: Int, columns: Int) {
    let batch = 3
    let count = batch * rows * columns
    let x = testNumbers(count, seed: 5)
    let y = filled(count) {
      Transpose.forward(x, $0, batch: batch, rows: rows, columns: columns, slots: 4)
    }
    for n in 0..<batch {
      for c in 0..<columns {
        for r in 0..<rows where y[(n * columns + c) * rows + r] != x[(n * rows + r) * columns + c] {
          Issue.record("differs at \(n), \(r), \(c)")
          return
        }
      }
    }
    let back = filled(count) {
      Transpose.forward(y, $0, batch: batch, rows: columns, columns: rows, slots: 4)
    }
    #expect(back == x)
  }

  @Test(arguments: matrixSizes)
  func rowsAndColumns(rows: Int, columns: Int) {
    let x = testNumbers(rows * columns, seed: 6)
    let bias = testNumbers(columns, seed: 7)
    let y = filled(rows * columns) {
      Rows.addBias(x, bias: bias, $0, rows: rows, columns: columns, slots: 4)
    }
    #expect(y == x.indices.map { x[$0] + bias[$0 % columns] })
    var sums = bias
    Rows.accumulateColumnSums(x, into: &sums, rows: rows, columns: columns, slots: 4)
    var expected = doubles(bias)
    for i in x.indices { expected[i % columns] += Double(x[i]) }
    #expect(relativeError(sums, expected) < 2e-6)
    // Joining with itself, moved by one column, and splitting again.
    let pitch = columns + 5
    var joined = [Float](repeating: 0, count: rows * pitch)
    joined.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      Rows.copyColumns(
        from: x, sourcePitch: columns, to: base + 1, targetPitch: pitch, rows: rows,
        columns: columns, slots: 4)
    }
    #expect(joined.reduce(0, +) - x.reduce(0, +) == 0 || rows * columns > 100)
    let back = filled(rows * columns) { target in
      joined.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        Rows.copyColumns(
          from: base + 1, sourcePitch: pitch, to: target, targetPitch: columns, rows: rows,
          columns: columns, slots: 4)
      }
    }
    #expect(rows == 0 || back == x)
  }
}

struct ReductionTests {
  @Test(arguments: oddSizes + [5_000_011])
  func sums(count: Int) {
    let a = testNumbers(count, seed: 8)
    let b = testNumbers(count, seed: 9)
    let size = a.reduce(1e-3) { $0 + abs(Double($1)) }
    let sum = Reduction.sum(a, count: count, slots: 4)
    #expect(abs(sum - a.reduce(0) { $0 + Double($1) }) < 1e-7 * size)
    #expect(
      abs(Reduction.dot(a, b, count: count, slots: 4) - dot(a, b)) < 1e-7 * size)
    let squares = dot(a, a)
    #expect(
      abs(Reduction.sumOfSquares(a, count: count, slots: 4) - squares) <= 3e-7 * squares)
    #expect(
      Reduction.maxAbs(a, count: count, slots: 4) == a.reduce(0) { max($0, abs($1)) })
  }

  @Test(arguments: [1, 9, 33, 1000, 70_000])
  func nonFiniteNumbersAreFound(count: Int) {
    for value in [Float.nan, .infinity, -.infinity] {
      for place in [0, count / 3, count / 2, count - 1] {
        var x = testNumbers(count, seed: 10)
        #expect(Reduction.firstNonFiniteIndex(x, count: count, slots: 3) == -1)
        x[count - 1] = .nan
        x[place] = value
        #expect(Reduction.firstNonFiniteIndex(x, count: count, slots: 3) == place)
        let largest = Reduction.maxAbs(x, count: count, slots: 3)
        #expect(x[count - 1].isNaN || value.isNaN ? largest.isNaN : largest == .infinity)
      }
    }
    let huge = [Float](repeating: .greatestFiniteMagnitude, count: count)
    #expect(Reduction.firstNonFiniteIndex(huge, count: count, slots: 3) == -1)
  }

  @Test func largestPlaces() {
    let x: [Float] = [
      1, 3, 2, 3, -1, -2, -3, -1, .nan, 5, .nan, 9, -.infinity, -.infinity, -.infinity, -.infinity,
      0, .infinity, .nan, 1,
    ]
    var indexes = [Int32](repeating: -9, count: 5)
    Reduction.argmax(x, indexes: &indexes, rows: 5, columns: 4, slots: 2)
    #expect(indexes == [1, 0, 0, 0, 2])
  }
}
