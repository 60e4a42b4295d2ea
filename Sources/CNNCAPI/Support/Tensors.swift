import CCNN
import CNNGraph
import CNNLayerKit

extension cnn_tensor {
  /// A tensor without anything, as after an error.
  static var empty: cnn_tensor { cnn_tensor() }

  /// Describes a tensor.
  ///
  /// - Parameters:
  ///   - sizes: The size along each axis in memory.
  ///   - channelsFirst: The same in the order of `CNN_NCHW`.
  init(
    name: UnsafePointer<CChar>, sizes: [Int], channelsFirst: [Int],
    data: UnsafeMutablePointer<Float>? = nil, gradient: UnsafeMutablePointer<Float>? = nil
  ) {
    self.init()
    self.name = name
    self.data = data
    self.gradient = gradient
    count = Int64(sizes.reduce(1, *))
    rank = Int64(sizes.count)
    withUnsafeMutableBytes(of: &shape) { write(sizes, to: $0) }
    withUnsafeMutableBytes(of: &shape_nchw) { write(channelsFirst, to: $0) }
  }

  /// Describes samples: `batch` of them, or the shape of one if there is no batch.
  init(
    name: UnsafePointer<CChar>, batch: Int? = nil, shape: Shape,
    data: UnsafeMutablePointer<Float>? = nil, gradient: UnsafeMutablePointer<Float>? = nil
  ) {
    let front = batch.map { [$0] } ?? []
    self.init(
      name: name, sizes: front + shape.sizes,
      channelsFirst: front + LayoutCopy.sizes(shape, .channelsFirst), data: data,
      gradient: gradient)
  }

  /// Describes a parameter or state.
  init(
    name: UnsafePointer<CChar>, slot: ParameterSlot, data: UnsafeMutablePointer<Float>?,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) {
    self.init(
      name: name, sizes: slot.declaration.shape.sizes, channelsFirst: slot.fileShape, data: data,
      gradient: gradient)
  }
}

/// Writes sizes into an array of a C struct, which has room for `CNN_MAX_RANK` of them.
func write(_ sizes: [Int], to bytes: UnsafeMutableRawBufferPointer) {
  let field = bytes.bindMemory(to: Int64.self)
  for (axis, size) in sizes.enumerated() where axis < field.count { field[axis] = Int64(size) }
}
