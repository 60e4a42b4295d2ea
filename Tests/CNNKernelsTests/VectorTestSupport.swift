import CNNKernelTypes
import CNNKernels
import Testing

/// Lengths around the sizes of registers, blocks and chunks.
let oddSizes = [0, 1, 7, 8, 9, 31, 64, 1000, 33_000, 100_001]

/// [rows, columns] around the same.
let matrixSizes = [
  (0, 3), (1, 1), (3, 1), (8, 3), (17, 8), (1, 17), (64, 17), (1000, 3), (31, 64), (9, 1000),
  (3000, 40), (700, 130), (70, 2100),
]

/// The kernels of this machine: the baseline, and AVX2 where there is one.
let variants: [VectorKernels] = [Kernels.baseline.vector] + (Kernels.avx2.map { [$0.vector] } ?? [])

func doubles(_ x: [Float]) -> [Double] { x.map(Double.init) }

/// The largest difference, as a share of the largest expected number (or of 1e-3).
func relativeError(_ actual: [Float], _ expected: [Double]) -> Float {
  relativeError(actual, expected.map { Float($0) })
}

/// Calls `body` with an array of NaN to fill, and returns it; a guard behind it shows overruns.
func filled(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
  var memory = [Float](repeating: .nan, count: count + 16)
  for index in count..<count + 16 { memory[index] = 12345 }
  memory.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { body(base) } }
  #expect(memory[count...].allSatisfy { $0 == 12345 }, "wrote beyond the end")
  return Array(memory[..<count])
}

/// Central differences of f at x.
func numericGradient(_ x: [Double], step: Double = 1e-5, _ f: ([Double]) -> Double) -> [Double] {
  var moved = x
  return x.indices.map { i in
    moved[i] = x[i] + step
    let up = f(moved)
    moved[i] = x[i] - step
    let down = f(moved)
    moved[i] = x[i]
    return (up - down) / (2 * step)
  }
}

/// Σ a · b.
func dot(_ a: [Float], _ b: [Float]) -> Double {
  zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

/// Whether a forward pass and a backward pass are adjoint: Σ forward(x) · g = Σ x · backward(g).
func areAdjoint(_ x: [Float], _ forwardX: [Float], _ g: [Float], _ backwardG: [Float]) -> Bool {
  let left = dot(forwardX, g)
  let right = dot(x, backwardG)
  let size = dot(forwardX.map(abs), g.map(abs)) + 1e-3
  return abs(left - right) <= 1e-5 * size
}
