import CNNKernelTypes

func makeVectorKernels() -> VectorKernels {
  VectorKernels(
    elementwise: ElementwiseLoops.self, activation: ActivationLoops.self,
    softmax: SoftmaxLoops.self, reduction: ReductionLoops.self, rows: RowLoops.self,
    random: RandomLoops.self, normalization: NormalizationLoops.self, pooling: PoolingLoops.self,
    resampling: ResamplingLoops.self, loss: LossLoops.self, optimizer: OptimizerLoops.self)
}

/// The same number eight times.
@inline(__always)
func lanes(_ value: Float) -> Vector { Vector(repeating: value) }

/// Reads eight floats from any address.
@inline(__always)
func load(_ p: MutableFloatPointer) -> Vector {
  UnsafeRawPointer(p).loadUnaligned(as: Vector.self)
}

/// Loads fewer than eight numbers; the other lanes are `rest`.
///
/// Four, two and one at a time: lanes with constant numbers stay in registers.
@inline(__always)
func load(_ p: FloatPointer, _ count: Int, rest: Float = 0) -> Vector {
  let four = SIMD4<Float>(repeating: rest)
  var last = four
  let q = p + (count & 4)
  if count & 2 != 0 {
    last[0] = q[0]
    last[1] = q[1]
    if count & 1 != 0 { last[2] = q[2] }
  } else if count & 1 != 0 {
    last[0] = q[0]
  }
  if count & 4 == 0 { return Vector(lowHalf: last, highHalf: four) }
  return Vector(
    lowHalf: UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self), highHalf: last)
}

/// Stores fewer than eight numbers.
@inline(__always)
func store(_ v: Vector, _ p: MutableFloatPointer, _ count: Int) {
  var last = v.lowHalf
  var q = p
  if count & 4 != 0 {
    UnsafeMutableRawPointer(p).storeBytes(of: last, as: SIMD4<Float>.self)
    last = v.highHalf
    q += 4
  }
  if count & 2 != 0 {
    q[0] = last[0]
    q[1] = last[1]
    if count & 1 != 0 { q[2] = last[2] }
  } else if count & 1 != 0 {
    q[0] = last[0]
  }
}

/// The sum of all lanes in double precision, in a fixed order.
@inline(__always)
func preciseTotal(_ v: Vector) -> Double {
  let a = (Double(v[0]) + Double(v[4])) + (Double(v[2]) + Double(v[6]))
  let b = (Double(v[1]) + Double(v[5])) + (Double(v[3]) + Double(v[7]))
  return a + b
}

/// The largest lane; NaN if there is one.
@inline(__always)
func largest(_ v: Vector) -> Float {
  var best = v[0]
  var i = 1
  while i < 8 {
    if !(v[i] <= best), best == best { best = v[i] }
    i &+= 1
  }
  return best
}

/// a where a > b, and b elsewhere.
@inline(__always)
func larger(_ a: Vector, _ b: Vector) -> Vector { b.replacing(with: a, where: a .> b) }

/// The number without its sign.
@inline(__always)
func magnitude(_ v: Vector) -> Vector {
  unsafeBitCast(
    unsafeBitCast(v, to: SIMD8<UInt32>.self) & SIMD8<UInt32>(repeating: 0x7fff_ffff),
    to: Vector.self)
}

/// y = f(x).
@inline(__always)
func map(
  _ x: FloatPointer, _ y: MutableFloatPointer, _ count: Int, _ f: (Vector) -> Vector
) {
  var i = 0
  while i &+ 8 <= count {
    store(f(load(x + i)), y + i)
    i &+= 8
  }
  if i < count { store(f(load(x + i, count &- i)), y + i, count &- i) }
}

/// y = f(a, b).
@inline(__always)
func map(
  _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int,
  _ f: (Vector, Vector) -> Vector
) {
  var i = 0
  while i &+ 8 <= count {
    store(f(load(a + i), load(b + i)), y + i)
    i &+= 8
  }
  if i < count {
    let rest = count &- i
    store(f(load(a + i, rest), load(b + i, rest)), y + i, rest)
  }
}

/// y = f(a, b, y).
@inline(__always)
func update(
  _ a: FloatPointer, _ b: FloatPointer, _ y: MutableFloatPointer, _ count: Int,
  _ f: (Vector, Vector, Vector) -> Vector
) {
  var i = 0
  while i &+ 8 <= count {
    store(f(load(a + i), load(b + i), load(y + i)), y + i)
    i &+= 8
  }
  if i < count {
    let rest = count &- i
    store(f(load(a + i, rest), load(b + i, rest), load(y + i, rest)), y + i, rest)
  }
}
