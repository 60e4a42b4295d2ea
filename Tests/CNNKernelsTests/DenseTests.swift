import CNNKernelTypes
import CNNKernels
import Testing

@Suite struct DenseTests {
  /// Inputs and outputs around every size at which the kernels change their way.
  static let sizes = [
    (1, 1), (7, 5), (8, 3), (9, 2), (17, 49), (64, 48), (513, 50), (1030, 97), (600, 100),
    (2000, 8),
  ]
  static let batches = [1, 2, 3, 4, 5, 7, 8, 9, 11, 33, 64, 65, 130]

  static func forward(
    _ inFeatures: Int, _ outFeatures: Int, _ batch: Int, _ x: [Float], _ w: [Float],
    _ epilogue: ConvolutionEpilogue = ConvolutionEpilogue(), slots: Int = 3
  ) -> [Float] {
    var y = [Float](repeating: .nan, count: batch * outFeatures + 1)
    withScratch(Dense.forwardScratchCount(batch: batch, slots: slots)) { scratch in
      Dense.forward(
        batch: batch, inFeatures: inFeatures, outFeatures: outFeatures, input: x, weight: w,
        epilogue: epilogue, output: &y, scratch: scratch, slots: slots)
    }
    #expect(y.removeLast().isNaN, "wrote beyond the output")
    return y
  }

  static func reference(
    _ inFeatures: Int, _ outFeatures: Int, _ batch: Int, _ x: [Float], _ w: [Float]
  ) -> [Float] {
    var y = [Float](repeating: 0, count: batch * outFeatures)
    ReferenceMatrixMultiply.multiply(
      transposeB: true, m: batch, n: outFeatures, k: inFeatures, a: x, lda: inFeatures, b: w,
      ldb: inFeatures, c: &y, ldc: outFeatures)
    return y
  }

  @Test(arguments: sizes)
  func forwardMatchesReference(size: (Int, Int)) {
    let (inFeatures, outFeatures) = size
    let w = testNumbers(inFeatures * outFeatures, seed: 1)
    let shift = testNumbers(outFeatures, seed: 3)
    let scale = testNumbers(outFeatures, seed: 4)
    for batch in DenseTests.batches {
      let x = testNumbers(batch * inFeatures, seed: 2)
      let expected = DenseTests.reference(inFeatures, outFeatures, batch, x, w)
      let y = DenseTests.forward(inFeatures, outFeatures, batch, x, w)
      #expect(relativeError(y, expected) < 1e-6, "batch \(batch)")
      scale.withUnsafeBufferPointer { scale in
        shift.withUnsafeBufferPointer { shift in
          let y = DenseTests.forward(
            inFeatures, outFeatures, batch, x, w,
            ConvolutionEpilogue(
              scale: scale.baseAddress, shift: shift.baseAddress, activation: .relu))
          let activated = expected.enumerated().map { index, sum in
            max(0, sum * scale[index % outFeatures] + shift[index % outFeatures])
          }
          #expect(relativeError(y, activated) < 1e-6, "batch \(batch)")
        }
      }
    }
  }

  @Test(arguments: sizes)
  func aSampleHasTheSameBitsInAnyBatch(size: (Int, Int)) {
    let (inFeatures, outFeatures) = size
    let w = testNumbers(inFeatures * outFeatures, seed: 1)
    let x = testNumbers(130 * inFeatures, seed: 2)
    let whole = DenseTests.forward(inFeatures, outFeatures, 130, x, w)
    for batch in DenseTests.batches {
      let y = DenseTests.forward(inFeatures, outFeatures, batch, x, w)
      #expect(y == Array(whole[..<(batch * outFeatures)]), "batch \(batch)")
    }
  }

  @Test(arguments: sizes)
  func baselineMatchesReference(size: (Int, Int)) {
    let (inFeatures, outFeatures) = size
    let w = testNumbers(inFeatures * outFeatures, seed: 1)
    for batch in [1, 6, 23] {
      let x = testNumbers(batch * inFeatures, seed: 2)
      var y = [Float](repeating: .nan, count: batch * outFeatures)
      withScratch(DenseLimits.scratchCount(samples: batch)) { scratch in
        y.withUnsafeMutableBufferPointer { y in
          guard let output = y.baseAddress else { return }
          x.withUnsafeBufferPointer { x in
            w.withUnsafeBufferPointer { w in
              guard let input = x.baseAddress, let weight = w.baseAddress else { return }
              Kernels.baseline.dense.multiplyRows(
                DenseRows(
                  weight: weight, rows: outFeatures, length: inFeatures, input: input,
                  samples: batch, output: output, outputStride: outFeatures, scratch: scratch))
            }
          }
        }
      }
      let expected = DenseTests.reference(inFeatures, outFeatures, batch, x, w)
      #expect(relativeError(y, expected) < 1e-6, "batch \(batch)")
    }
  }

  static func gradients(
    _ inFeatures: Int, _ outFeatures: Int, _ batch: Int, slots: Int
  ) -> (input: [Float], weight: [Float]) {
    let w = testNumbers(inFeatures * outFeatures, seed: 1)
    let x = testNumbers(batch * inFeatures, seed: 2)
    let g = testNumbers(batch * outFeatures, seed: 3)
    var gradInput = [Float](repeating: .nan, count: batch * inFeatures + 1)
    var gradWeight = testNumbers(inFeatures * outFeatures, seed: 4) + [.nan]
    withScratch(Dense.backwardScratchCount(slots: slots)) { scratch in
      Dense.backwardInput(
        batch: batch, inFeatures: inFeatures, outFeatures: outFeatures, gradOutput: g, weight: w,
        gradInput: &gradInput, scratch: scratch, slots: slots)
    }
    withScratch(LinearGradient.scratchCount(batch: batch, slots: slots)) { scratch in
      x.withUnsafeBufferPointer { x in
        g.withUnsafeBufferPointer { g in
          guard let input = x.baseAddress, let gradOutput = g.baseAddress else { return }
          LinearGradient(
            input: input, gradOutput: gradOutput, batch: batch, inFeatures: inFeatures,
            outFeatures: outFeatures
          ).add(to: &gradWeight, scratch: scratch, slots: slots)
        }
      }
    }
    #expect(gradInput.removeLast().isNaN && gradWeight.removeLast().isNaN, "wrote beyond the end")
    return (gradInput, gradWeight)
  }

  @Test(arguments: sizes)
  func gradientsMatchReference(size: (Int, Int)) {
    let (inFeatures, outFeatures) = size
    let w = testNumbers(inFeatures * outFeatures, seed: 1)
    for batch in [1, 2, 5, 33, 130] {
      let x = testNumbers(batch * inFeatures, seed: 2)
      let g = testNumbers(batch * outFeatures, seed: 3)
      var gradInput = [Float](repeating: 0, count: batch * inFeatures)
      var gradWeight = testNumbers(inFeatures * outFeatures, seed: 4)
      ReferenceMatrixMultiply.multiply(
        m: batch, n: inFeatures, k: outFeatures, a: g, lda: outFeatures, b: w, ldb: inFeatures,
        c: &gradInput, ldc: inFeatures)
      ReferenceMatrixMultiply.multiply(
        transposeA: true, m: outFeatures, n: inFeatures, k: batch, a: g, lda: outFeatures, b: x,
        ldb: inFeatures, beta: 1, c: &gradWeight, ldc: inFeatures)
      let actual = DenseTests.gradients(inFeatures, outFeatures, batch, slots: 3)
      #expect(relativeError(actual.input, gradInput) < 1e-6, "batch \(batch)")
      #expect(relativeError(actual.weight, gradWeight) < 1e-6, "batch \(batch)")
    }
  }

  @Test func gradientsOfManyOutputsAndSamplesMatchReference() {
    // More outputs, and more samples, than one block is deep.
    let actual = DenseTests.gradients(60, 1100, 600, slots: 2)
    let (x, g) = (testNumbers(600 * 60, seed: 2), testNumbers(600 * 1100, seed: 3))
    var gradInput = [Float](repeating: 0, count: 600 * 60)
    var gradWeight = testNumbers(60 * 1100, seed: 4)
    ReferenceMatrixMultiply.multiply(
      m: 600, n: 60, k: 1100, a: g, lda: 1100, b: testNumbers(60 * 1100, seed: 1), ldb: 60,
      c: &gradInput, ldc: 60)
    ReferenceMatrixMultiply.multiply(
      transposeA: true, m: 1100, n: 60, k: 600, a: g, lda: 1100, b: x, ldb: 60, beta: 1,
      c: &gradWeight, ldc: 60)
    #expect(relativeError(actual.input, gradInput) < 1e-6)
    #expect(relativeError(actual.weight, gradWeight) < 1e-6)
  }
}

// In the suite of the pool, because the number of threads belongs to the process.
extension ThreadPoolTests {
  @Test(arguments: [(1030, 200, 1), (1030, 200, 7), (600, 500, 70)])
  func denseLayersHaveTheSameBitsForAnyNumberOfThreads(
    inFeatures: Int, outFeatures: Int, batch: Int
  ) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    let w = testNumbers(inFeatures * outFeatures, seed: 1)
    let x = testNumbers(batch * inFeatures, seed: 2)
    var results: [[Float]] = []
    for threads in [1, 2, 3, 8] {
      ThreadPool.setThreadCount(threads)
      let y = DenseTests.forward(inFeatures, outFeatures, batch, x, w, slots: threads)
      let gradients = DenseTests.gradients(inFeatures, outFeatures, batch, slots: threads)
      results.append(y + gradients.input + gradients.weight)
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
