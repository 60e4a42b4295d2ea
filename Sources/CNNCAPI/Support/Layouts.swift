import CNNLayerKit

/// Copies between the order of axes that callers use and the one in memory.
///
/// Only image-shaped samples differ: height, width, channels against channels, height, width.
enum LayoutCopy {
  /// The size of a sample along an axis, as a caller with this layout numbers the axes.
  static func size(_ shape: Shape, axis: Int, _ layout: TensorLayout) -> Int {
    guard layout == .channelsFirst, shape.rank == 3 else { return shape.sizes[axis] }
    return shape.sizes[(axis + 2) % 3]
  }

  /// The shape in memory of a sample that a caller with this layout describes.
  static func shape(_ sizes: [Int], _ layout: TensorLayout) throws(CNNError) -> Shape {
    guard layout == .channelsFirst, sizes.count == 3 else { return try Shape(sizes) }
    return try Shape([sizes[1], sizes[2], sizes[0]])
  }

  /// Copies samples of a caller into memory.
  static func read(
    _ source: UnsafePointer<Float>, _ layout: TensorLayout, shape: Shape, batch: Int,
    to destination: UnsafeMutablePointer<Float>
  ) {
    guard layout == .channelsFirst, let image = shape.image else {
      destination.update(from: source, count: batch * shape.count)
      return
    }
    let pixels = image.height * image.width
    for n in 0..<batch {
      transpose(
        source + n * shape.count, rows: image.channels, columns: pixels,
        to: destination + n * shape.count)
    }
  }

  /// Copies samples in memory to a caller.
  static func write(
    _ source: UnsafePointer<Float>, _ layout: TensorLayout, shape: Shape, batch: Int,
    to destination: UnsafeMutablePointer<Float>
  ) {
    guard layout == .channelsFirst, let image = shape.image else {
      destination.update(from: source, count: batch * shape.count)
      return
    }
    let pixels = image.height * image.width
    for n in 0..<batch {
      transpose(
        source + n * shape.count, rows: pixels, columns: image.channels,
        to: destination + n * shape.count)
    }
  }

  /// Writes the transpose of a matrix, in blocks that stay in the cache.
  private static func transpose<Element>(
    _ source: UnsafePointer<Element>, rows: Int, columns: Int,
    to destination: UnsafeMutablePointer<Element>
  ) {
    let block = 32
    for firstRow in stride(from: 0, to: rows, by: block) {
      let lastRow = min(firstRow + block, rows)
      for firstColumn in stride(from: 0, to: columns, by: block) {
        for row in firstRow..<lastRow {
          for column in firstColumn..<min(firstColumn + block, columns) {
            destination[column * rows + row] = source[row * columns + column]
          }
        }
      }
    }
  }

  /// Copies pictures of a caller with channels first into memory.
  static func readPixels(
    _ source: UnsafePointer<UInt8>, height: Int, width: Int, channels: Int, count: Int,
    to destination: UnsafeMutablePointer<UInt8>
  ) {
    let size = height * width * channels
    for n in 0..<count {
      transpose(
        source + n * size, rows: channels, columns: height * width, to: destination + n * size)
    }
  }
}
