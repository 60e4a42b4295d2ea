import CNNKernelTypes
import CNNKernels
import Testing

/// A pass over enough numbers that several chunks come of it.
struct ManyThreadsCase: Sendable, CustomTestStringConvertible {
  let name: String
  let run: @Sendable (_ slots: Int) -> [Float]
  var testDescription: String { name }

  static let rows = 1501
  static let columns = 130
  static let count = rows * columns
  static let x = testNumbers(count, seed: 91)
  static let g = testNumbers(count, seed: 92)
  static let plane = PoolingGeometry.make(
    3, 25, 25, 96, kernel: (3, 3), stride: (2, 2), padding: 1)
  static let resampling = ResamplingGeometry(
    batch: 3, inputHeight: 25, inputWidth: 25, channels: 96, outputHeight: 40, outputWidth: 33)
}

extension ManyThreadsCase {
  static let all: [ManyThreadsCase] = [
    ManyThreadsCase(name: "sums") { slots in
      [
        Float(Reduction.sum(x, count: count, slots: slots)),
        Float(Reduction.sumOfSquares(x, count: count, slots: slots)),
        Float(Reduction.dot(x, g, count: count, slots: slots)),
      ]
    },
    ManyThreadsCase(name: "column sums") { slots in
      var sums = [Float](repeating: 0, count: columns)
      Rows.accumulateColumnSums(x, into: &sums, rows: rows, columns: columns, slots: slots)
      return sums
    },
    ManyThreadsCase(name: "tanh, softmax") { slots in
      let y = filled(count) { Activation.tanh(x, $0, count: count, slots: slots) }
      return y
        + filled(count) { Softmax.forward(x, $0, rows: rows, classes: columns, slots: slots) }
    },
    ManyThreadsCase(name: "batch normalisation") { slots in
      let result = BatchNormalizationTests.forward(
        x, rows: rows, channels: columns, scale: x, shift: g, slots: slots)
      var gradients = [Float](repeating: 0, count: columns)
      var more = gradients
      let dx = filled(count) { dx in
        _ = filled(2 * columns) {
          BatchNormalization.backward(
            input: x, gradOutput: g, gradInput: dx, rows: rows, channels: columns, scale: x,
            savedMean: result.mean, savedInverseDeviation: result.inverse, gradScale: &gradients,
            gradShift: &more, scratch: $0, slots: slots)
        }
      }
      return result.output + result.runningMean + result.runningVariance + dx + gradients + more
    },
    ManyThreadsCase(name: "pooling") { slots in
      let p = plane
      var y: [Float] = []
      let indices = filled(p.outputCount) { indices in
        y = filled(p.outputCount) {
          Pooling.maxForward(x, $0, indices: indices, geometry: p, slots: slots)
        }
      }
      let dx = filled(p.inputCount) {
        Pooling.maxBackward(
          gradOutput: y, indices: indices, gradInput: $0, geometry: p, slots: slots)
      }
      let mean = filled(p.inputCount) {
        Pooling.averageBackward(
          gradOutput: y, gradInput: $0, countIncludePad: true, geometry: p, slots: slots)
      }
      return y + indices + dx + mean
    },
    ManyThreadsCase(name: "compact pooling") { slots in
      let p = plane
      var y: [Float] = []
      let cells = filled(CompactMaxPooling.cacheCount(p.outputCount)) { cells in
        y = filled(p.outputCount) {
          CompactMaxPooling.forward(
            x, $0, cells: cells, rectifies: true, geometry: p, slots: slots)
        }
      }
      return y
        + filled(p.inputCount) {
          CompactMaxPooling.backward(
            gradOutput: y, cells: cells, gradInput: $0, geometry: p, slots: slots)
        }
    },
    ManyThreadsCase(name: "local response normalisation") { slots in
      let (y, dx) = LocalResponseNormalizationTests.passes(
        x, g, columns, ResponseAttributes(size: 5, alpha: 0.5, k: 2), slots: slots)
      return y + dx
    },
    ManyThreadsCase(name: "upsampling") { slots in
      let r = resampling
      let y = filled(3 * 40 * 33 * 96) {
        Upsampling.bilinearForward(x, $0, alignCorners: false, geometry: r, slots: slots)
      }
      return y
        + filled(3 * 25 * 25 * 96) {
          Upsampling.bilinearBackward(
            gradOutput: y, gradInput: $0, alignCorners: false, geometry: r, slots: slots)
        }
    },
    ManyThreadsCase(name: "random numbers and dropout") { slots in
      let z = filled(count) { Philox.normal(RandomTests.key, $0, count: count, slots: slots) }
      var mask = [Float](repeating: 0, count: Dropout.maskCount(count))
      return z
        + filled(count) {
          Dropout.forward(
            z, $0, mask: &mask, count: count, probability: 0.3, key: RandomTests.key, slots: slots)
        }
    },
    ManyThreadsCase(name: "losses") { slots in
      var values: [Double] = []
      let labels = (0..<rows).map { Int32($0 % columns) }
      let gradient = filled(count) {
        values.append(
          Loss.softmaxCrossEntropy(
            logits: x, labels: labels, gradient: $0, rows: rows, classes: columns, slots: slots
          ).value)
      }
      values.append(
        Loss.smoothL1(
          predictions: x, targets: g, gradient: nil, count: count, divisor: 7, slots: slots))
      // All bits of the sums, not those of a float alone.
      return gradient
        + values.flatMap {
          [
            Float(bitPattern: UInt32(truncatingIfNeeded: $0.bitPattern) & 0x3fff_ffff),
            Float($0),
          ]
        }
    },
    ManyThreadsCase(name: "Adam") { slots in
      var (p, a, b) = (x, [Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
      OptimizerUpdateTests.step(.adam, &p, g, &a, &b, step: 3, slots: slots)
      return p + a + b
    },
  ]
}

// In the suite of the pool, because the number of threads belongs to the process.
extension ThreadPoolTests {
  @Test(arguments: ManyThreadsCase.all)
  func vectorKernelsHaveTheSameBitsForAnyNumberOfThreads(test: ManyThreadsCase) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    ThreadPool.setThreadCount(1)
    let expected = test.run(1)
    for threads in [2, 3, 8] {
      ThreadPool.setThreadCount(threads)
      #expect(test.run(threads) == expected)
    }
  }
}

struct VariantTests {
  /// No fused multiplication is used, so the variants agree to the bit.
  @Test func baselineAndAVX2GiveTheSameBits() {
    guard let avx2 = Kernels.avx2?.vector else { return }
    let baseline = Kernels.baseline.vector
    let x = testNumbers(1003, seed: 93).map { 10 * $0 }
    let t = filled(1003) { baseline.activation.tanh(x, $0, 1003) }
    let u = filled(1003) { avx2.activation.tanh(x, $0, 1003) }
    #expect(t == u)
    let a = filled(1024) { baseline.random.normal(RandomTests.key, 3, 32, $0, 0, 1) }
    let b = filled(1024) { avx2.random.normal(RandomTests.key, 3, 32, $0, 0, 1) }
    #expect(a == b)
    #expect(baseline.reduction.dot(x, x, 1003) == avx2.reduction.dot(x, x, 1003))
  }
}
