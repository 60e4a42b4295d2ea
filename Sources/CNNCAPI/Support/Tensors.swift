import CCNN
import CNNGraph
import CNNLayerKit

extension cnn_tensor {
  /// A tensor without anything, as after an error.
  static var empty: cnn_tensor { cnn_tensor() }

  /// Describes samples: `batch` of them, or the shape of one if there is no batch.
  ///
  /// Takes no memory: this is called between one batch and the next.
  init(
    name: UnsafePointer<CChar>, batch: Int? = nil, shape sample: Shape,
    data: UnsafeMutablePointer<Float>? = nil, gradient: UnsafeMutablePointer<Float>? = nil
  ) {
    self.init()
    self.name = name
    self.data = data
    self.gradient = gradient
    count = Int64((batch ?? 1) * sample.count)
    let front = batch == nil ? 0 : 1
    rank = Int64(front + sample.rank)
    withUnsafeMutableBytes(of: &shape) { bytes in
      let field = bytes.bindMemory(to: Int64.self)
      if let batch { field[0] = Int64(batch) }
      for axis in 0..<sample.rank { field[front + axis] = Int64(sample.sizes[axis]) }
    }
    withUnsafeMutableBytes(of: &shape_nchw) { bytes in
      let field = bytes.bindMemory(to: Int64.self)
      if let batch { field[0] = Int64(batch) }
      for axis in 0..<sample.rank {
        field[front + axis] = Int64(LayoutCopy.size(sample, axis: axis, .channelsFirst))
      }
    }
  }

  /// Describes a parameter or state.
  init(
    name: UnsafePointer<CChar>, slot: ParameterSlot, data: UnsafeMutablePointer<Float>?,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) {
    self.init()
    self.name = name
    self.data = data
    self.gradient = gradient
    count = Int64(slot.count)
    rank = Int64(slot.declaration.shape.rank)
    withUnsafeMutableBytes(of: &shape) { write(slot.declaration.shape.sizes, to: $0) }
    withUnsafeMutableBytes(of: &shape_nchw) { write(slot.fileShape, to: $0) }
  }
}

/// Writes sizes into an array of a C struct, which has room for `CNN_MAX_RANK` of them.
func write(_ sizes: [Int], to bytes: UnsafeMutableRawBufferPointer) {
  let field = bytes.bindMemory(to: Int64.self)
  for (axis, size) in sizes.enumerated() where axis < field.count { field[axis] = Int64(size) }
}
