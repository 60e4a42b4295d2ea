import CNNKernelTypes

/// The part of a window that lies in the input, along one axis.
struct PoolingWindow {
  /// The first coordinate inside.
  var first: Int
  /// How many coordinates are inside.
  var count: Int

  /// Window `index`: starts at index · stride - padding, `kernel` cells, `dilation` apart.
  @inline(__always)
  init(
    _ index: Int, _ stride: Int, _ padding: Int, _ kernel: Int, _ dilation: Int, _ size: Int
  ) {
    let start = index &* stride &- padding
    let skipped = cellsBelow(0, start, kernel, dilation)
    first = start &+ skipped &* dilation
    count = cellsBelow(size, first, kernel &- skipped, dilation)
  }
}

/// How many of the first `most` cells from `start` on, `dilation` apart, lie below `limit`.
///
/// Divides instead of counting: a graph may ask for windows of billions of cells.
@inline(__always)
func cellsBelow(_ limit: Int, _ start: Int, _ most: Int, _ dilation: Int) -> Int {
  guard start < limit else { return 0 }
  if dilation == 1 { return min(most, limit &- start) }
  return min(most, (limit &- start &- 1) / dilation &+ 1)
}

extension PoolingGeometry {
  @inline(__always)
  func rows(_ index: Int) -> PoolingWindow {
    PoolingWindow(index, strideHeight, paddingTop, kernelHeight, dilationHeight, inputHeight)
  }

  @inline(__always)
  func columns(_ index: Int) -> PoolingWindow {
    PoolingWindow(index, strideWidth, paddingLeft, kernelWidth, dilationWidth, inputWidth)
  }

  /// The number of cells that a mean is divided by.
  @inline(__always)
  fileprivate func divisor(
    _ row: Int, _ column: Int, _ rows: PoolingWindow, _ columns: PoolingWindow,
    _ countIncludePad: Bool
  ) -> Int {
    guard countIncludePad else { return rows.count &* columns.count }
    // Cells beyond the padding, which rounding up can reach, do not count: as in PyTorch.
    let height = cellsBelow(
      inputHeight &+ paddingBottom, row &* strideHeight &- paddingTop, kernelHeight,
      dilationHeight)
    let width = cellsBelow(
      inputWidth &+ paddingRight, column &* strideWidth &- paddingLeft, kernelWidth, dilationWidth)
    return height &* width
  }
}

enum PoolingLoops: PoolingKernels {
  static func maxRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ indices: MutableFloatPointer?, _ row: Int,
    _ channels: Int, _ g: PoolingGeometry
  ) {
    let rows = g.rows(row)
    // The usual windows have loops of their own.
    let isPlain =
      indices == nil && channels % 8 == 0 && g.dilationHeight == 1 && g.dilationWidth == 1
    var column = 0
    while column < g.outputWidth {
      let columns = g.columns(column)
      let offset = (row &* g.outputWidth &+ column) &* g.channels
      let target = y + offset
      let source = x + (rows.first &* g.inputWidth &+ columns.first) &* g.channels
      column &+= 1
      if isPlain, rows.count == 2, columns.count == 2 {
        maxWindow(source, 2, 2, target, channels, g)
        continue
      }
      if isPlain, rows.count == 3, columns.count == 3 {
        maxWindow(source, 3, 3, target, channels, g)
        continue
      }
      var c = 0
      while c < channels {
        let width = channels &- c < 8 ? channels &- c : 8
        if let indices {
          let (best, place) = largestWithPlace(x + c, width, rows, columns, g)
          if width == 8 {
            store(best, target + c)
            store(place, indices + (offset &+ c))
          } else {
            store(best, target + c, width)
            store(place, indices + (offset &+ c), width)
          }
        } else if width == 8 {
          store(largest(x + c, 8, rows, columns, g), target + c)
        } else {
          store(largest(x + c, width, rows, columns, g), target + c, width)
        }
        c &+= 8
      }
    }
  }

  /// A window inside of the image, whose size is a literal by the time that the compiler sees it.
  @inline(__always)
  private static func maxWindow(
    _ source: FloatPointer, _ rows: Int, _ columns: Int, _ target: MutableFloatPointer,
    _ channels: Int, _ g: PoolingGeometry
  ) {
    let line = g.inputWidth &* g.channels
    var c = 0
    while c < channels {
      var best = load(source + c)
      var cell = 1
      while cell < rows &* columns {
        let v = load(source + (cell / columns &* line &+ cell % columns &* g.channels &+ c))
        best = best.replacing(with: v, where: (v .> best) .| (v .!= v))
        cell &+= 1
      }
      store(best, target + c)
      c &+= 8
    }
  }

  @inline(__always)
  private static func largest(
    _ x: FloatPointer, _ width: Int, _ rows: PoolingWindow, _ columns: PoolingWindow,
    _ g: PoolingGeometry
  ) -> Vector {
    // A window of padding alone holds nothing; 0 is as harmless as a number can be.
    if rows.count == 0 || columns.count == 0 { return lanes(0) }
    var best = lanes(-.infinity)
    var i = 0
    while i < rows.count {
      let y = rows.first &+ i &* g.dilationHeight
      var source = x + (y &* g.inputWidth &+ columns.first) &* g.channels
      var j = 0
      while j < columns.count {
        let v = width == 8 ? load(source) : load(source, width)
        // Numbers win by size, and what is not a number wins for good.
        best = best.replacing(with: v, where: (v .> best) .| (v .!= v))
        source += g.dilationWidth &* g.channels
        j &+= 1
      }
      i &+= 1
    }
    return best
  }

  @inline(__always)
  private static func largestWithPlace(
    _ x: FloatPointer, _ width: Int, _ rows: PoolingWindow, _ columns: PoolingWindow,
    _ g: PoolingGeometry
  ) -> (best: Vector, place: Vector) {
    if rows.count == 0 || columns.count == 0 { return (lanes(0), lanes(-1)) }
    var best = lanes(-.infinity)
    var place = lanes(Float(rows.first &* g.inputWidth &+ columns.first))
    var i = 0
    while i < rows.count {
      let y = rows.first &+ i &* g.dilationHeight
      var position = y &* g.inputWidth &+ columns.first
      var j = 0
      while j < columns.count {
        let source = x + position &* g.channels
        let v = width == 8 ? load(source) : load(source, width)
        let wins = (v .> best) .| (v .!= v)
        best = best.replacing(with: v, where: wins)
        place = place.replacing(with: lanes(Float(position)), where: wins)
        position &+= g.dilationWidth
        j &+= 1
      }
      i &+= 1
    }
    return (best, place)
  }

  static func maxRowBackward(
    _ gradOutput: FloatPointer, _ indices: FloatPointer, _ gradInput: MutableFloatPointer,
    _ row: Int, _ channels: Int, _ g: PoolingGeometry
  ) {
    // Every cell of the window asks whether it was the one: no position is trusted, and eight
    // channels are served at once.
    let rows = g.rows(row)
    let zero = lanes(0)
    var column = 0
    while column < g.outputWidth {
      let columns = g.columns(column)
      let offset = (row &* g.outputWidth &+ column) &* g.channels
      var c = 0
      while c < channels {
        let width = channels &- c < 8 ? channels &- c : 8
        let isFull = width == 8
        let gradient =
          isFull ? load(gradOutput + (offset &+ c)) : load(gradOutput + (offset &+ c), width)
        let place = isFull ? load(indices + (offset &+ c)) : load(indices + (offset &+ c), width)
        var i = 0
        while i < rows.count {
          let y = rows.first &+ i &* g.dilationHeight
          var position = y &* g.inputWidth &+ columns.first
          var j = 0
          while j < columns.count {
            let target = gradInput + (position &* g.channels &+ c)
            let part = zero.replacing(with: gradient, where: place .== lanes(Float(position)))
            if isFull {
              store(load(target) + part, target)
            } else {
              store(load(target, width) + part, target, width)
            }
            position &+= g.dilationWidth
            j &+= 1
          }
          i &+= 1
        }
        c &+= 8
      }
      column &+= 1
    }
  }

  static func averageRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ countIncludePad: Bool, _ g: PoolingGeometry
  ) {
    let rows = g.rows(row)
    var column = 0
    while column < g.outputWidth {
      let columns = g.columns(column)
      let divisor = g.divisor(row, column, rows, columns, countIncludePad)
      let factor = lanes(divisor > 0 ? 1 / Float(divisor) : 0)
      let target = y + (row &* g.outputWidth &+ column) &* g.channels
      var c = 0
      while c < channels {
        let width = channels &- c < 8 ? channels &- c : 8
        if width == 8 {
          store(factor * sum(x + c, 8, rows, columns, g), target + c)
        } else {
          store(factor * sum(x + c, width, rows, columns, g), target + c, width)
        }
        c &+= 8
      }
      column &+= 1
    }
  }

  @inline(__always)
  private static func sum(
    _ x: FloatPointer, _ width: Int, _ rows: PoolingWindow, _ columns: PoolingWindow,
    _ g: PoolingGeometry
  ) -> Vector {
    var sum = lanes(0)
    var i = 0
    while i < rows.count {
      let y = rows.first &+ i &* g.dilationHeight
      var source = x + (y &* g.inputWidth &+ columns.first) &* g.channels
      var j = 0
      while j < columns.count {
        sum += width == 8 ? load(source) : load(source, width)
        source += g.dilationWidth &* g.channels
        j &+= 1
      }
      i &+= 1
    }
    return sum
  }

  static func averageRowBackward(
    _ gradOutput: FloatPointer, _ gradInput: MutableFloatPointer, _ row: Int, _ channels: Int,
    _ countIncludePad: Bool, _ g: PoolingGeometry
  ) {
    let rows = g.rows(row)
    var column = 0
    while column < g.outputWidth {
      let columns = g.columns(column)
      let divisor = g.divisor(row, column, rows, columns, countIncludePad)
      let factor = divisor > 0 ? 1 / Float(divisor) : 0
      let gradient = gradOutput + (row &* g.outputWidth &+ column) &* g.channels
      var i = 0
      while i < rows.count {
        let y = rows.first &+ i &* g.dilationHeight
        var target = gradInput + (y &* g.inputWidth &+ columns.first) &* g.channels
        var j = 0
        while j < columns.count {
          ElementwiseLoops.axpy(factor, gradient, target, channels)
          target += g.dilationWidth &* g.channels
          j &+= 1
        }
        i &+= 1
      }
      column &+= 1
    }
  }
}
