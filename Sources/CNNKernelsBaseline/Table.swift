import CNNKernelTypes

func relu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  var i = 0
  let zero = SIMD8<Float>(repeating: 0)
  while i + 8 <= n {
    let v = UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self)
    let r = v.replacing(with: zero, where: v .< zero)
    UnsafeMutableRawPointer(y + i).storeBytes(of: r.addingProduct(v, v), as: SIMD8<Float>.self)
    i += 8
  }
}
public func makeKernelTable() -> KernelTable { KernelTable(relu: relu) }
