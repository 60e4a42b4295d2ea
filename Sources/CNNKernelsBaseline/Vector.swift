import CVector

/// Eight floats, the unit in which all kernels work.
typealias Vector = SIMD8<Float>

/// Reads eight floats from any address.
@inline(__always)
func load(_ x: UnsafePointer<Float>) -> Vector {
  UnsafeRawPointer(x).loadUnaligned(as: Vector.self)
}

/// Writes eight floats to any address.
@inline(__always)
func store(_ value: Vector, _ y: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(y).storeBytes(of: value, as: Vector.self)
}

/// Adds x · y to `sum`, in one rounding where the machine has it.
@inline(__always)
func addProduct(_ sum: inout Vector, _ x: Vector, _ y: Vector) {
  #if CNN_FMA || arch(arm64)
    sum = cnn_vector_multiply_add(x, y, sum)
  #else
    sum += x * y
  #endif
}

/// Returns the sum of the eight numbers, always in the same order.
@inline(__always)
func sumOfLanes(_ v: Vector) -> Float {
  ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
}
