import CNNKernelTypes
import CVector

/// Up to six output pixels that are computed together, and the way through a block.
struct DirectTile {
  /// Sixteen sums for each pixel.
  let sums: UnsafeMutablePointer<Float>
  /// Where windows begin and where outputs belong, seen from the first pixel of the block.
  ///
  /// Behind the pixels that there are, the last one is repeated: it is computed again, and written
  /// again with the same numbers.
  let windows: UnsafeMutablePointer<Int>
  let outputs: UnsafeMutablePointer<Int>
  private(set) var pixels = 0
  /// From the windows to what is fetched meanwhile: those of the next pixels, or nothing new.
  let imageAhead: Int
  /// The weights that are fetched meanwhile.
  private(set) var fetchedWeights: UnsafePointer<Float>
  private let weightsPerTile: Int
  private let weightsEnd: UnsafePointer<Float>
  /// The next pixel.
  private var column = 0
  private var window = 0
  private var output = 0

  /// - Parameter memory: 128 numbers.
  init(_ block: borrowing DirectBlock, _ memory: UnsafeMutableRawPointer) {
    sums = memory.assumingMemoryBound(to: Float.self)
    windows = (memory + 96 * 4).assumingMemoryBound(to: Int.self)
    outputs = (memory + 112 * 4).assumingMemoryBound(to: Int.self)
    imageAhead = block.fetchesImage ? 6 &* block.pixelStride : 0
    let depth = block.runCount &* block.runLength
    weightsPerTile = 2 &* depth
    if let next = block.nextPanel {
      fetchedWeights = next
      weightsEnd = next + depth &* 16
    } else {
      fetchedWeights = block.panel
      weightsEnd = block.panel
    }
  }

  /// Goes on to the next `count` pixels, in a tile of `size`.
  @inline(__always)
  mutating func place(_ count: Int, of size: Int, _ block: borrowing DirectBlock) {
    if pixels > 0, fetchedWeights < weightsEnd { fetchedWeights += weightsPerTile }
    pixels = count
    if count == size, column &+ size < block.width {
      placeInLine(size, block)
    } else {
      placeAcrossLines(size, block)
    }
  }

  @inline(__always)
  private mutating func placeInLine(_ size: Int, _ block: borrowing DirectBlock) {
    let (windowStep, outputStep) = (block.pixelStride, block.outputStride)
    var i = 0
    while i < size {
      set(i, block)
      window &+= windowStep
      output &+= outputStep
      i &+= 1
    }
    column &+= size
  }

  @inline(never)
  private mutating func placeAcrossLines(_ size: Int, _ block: borrowing DirectBlock) {
    var i = 0
    while i < size {
      set(i, block)
      i &+= 1
      guard i < pixels || i == size else { continue }
      column &+= 1
      window &+= block.pixelStride
      output &+= block.outputStride
      if column == block.width {
        window &+= block.lineStride &- column &* block.pixelStride
        output &+= block.outputLineStride &- column &* block.outputStride
        column = 0
      }
    }
  }

  @inline(__always)
  private func set(_ index: Int, _ block: borrowing DirectBlock) {
    windows[index] = window
    outputs[index] = output
    cnn_vector_prefetch(block.output + output)
    if let addend = block.addend { cnn_vector_prefetch(addend + output) }
  }
}

/// What is done to the sums of a block's 16 channels before they are stored.
struct DirectFinish {
  var (scale0, scale1) = (Vector(repeating: 1), Vector(repeating: 1))
  var (shift0, shift1) = (Vector.zero, Vector.zero)
  let rectifies: Bool
  /// Whether there are 16 channels, and no activation or a rectifier.
  let isUsual: Bool

  init(_ block: borrowing DirectBlock) {
    let slope = block.slope
    rectifies = slope == 0
    isUsual = block.columns == 16 && (slope == 0 || slope == 1)
    if let scale = block.scale {
      scale0 = first(scale, block.columns, 1)
      scale1 = first(scale + 8, block.columns &- 8, 1)
    }
    if let shift = block.shift {
      shift0 = first(shift, block.columns, 0)
      shift1 = first(shift + 8, block.columns &- 8, 0)
    }
  }

  @inline(__always)
  func apply(_ a: inout Vector, _ b: inout Vector) {
    let (x, y) = (a, b)
    (a, b) = (shift0, shift1)
    addProduct(&a, x, scale0)
    addProduct(&b, y, scale1)
  }
}

/// Returns eight numbers, or the first `count` of them and `rest` in place of the others.
@inline(never)
private func first(_ x: UnsafePointer<Float>, _ count: Int, _ rest: Float) -> Vector {
  if count >= 8 { return load(x) }
  return count > 0 ? load(x, count, rest: rest) : Vector(repeating: rest)
}
