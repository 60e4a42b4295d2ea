public struct KernelTable: Sendable {
  public var relu: @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  public init(
    relu: @escaping @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  ) { self.relu = relu }
}
