import CNNKernelTypes

/// Puts the low bytes of eight words side by side in memory.
@inline(__always)
private func storeBytes(_ v: SIMD8<UInt32>, _ p: UnsafeMutablePointer<UInt8>) {
  let shifted = v &<< SIMD8<UInt32>(0, 8, 16, 24, 0, 8, 16, 24)
  let (a, b) = (shifted.lowHalf, shifted.highHalf)
  let words = SIMD2<UInt32>(
    (a[0] | a[1]) | (a[2] | a[3]), (b[0] | b[1]) | (b[2] | b[3]))
  UnsafeMutableRawPointer(p).storeBytes(of: words, as: SIMD2<UInt32>.self)
}

/// Puts the low bytes of fewer than eight words side by side in memory.
@inline(__always)
private func storeBytes(
  _ v: SIMD8<UInt32>, _ p: UnsafeMutablePointer<UInt8>, _ count: Int
) {
  var i = 0
  while i < count {
    p[i] = UInt8(truncatingIfNeeded: v[i])
    i &+= 1
  }
}

/// Reads eight bytes, each into a word.
@inline(__always)
private func loadBytes(_ p: UnsafePointer<UInt8>) -> SIMD8<UInt32> {
  let words = UnsafeRawPointer(p).loadUnaligned(as: SIMD2<UInt32>.self)
  let both = SIMD8(
    lowHalf: SIMD4<UInt32>(repeating: words[0]), highHalf: SIMD4<UInt32>(repeating: words[1]))
  return (both &>> SIMD8<UInt32>(0, 8, 16, 24, 0, 8, 16, 24)) & SIMD8(repeating: 255)
}

/// Reads fewer than eight bytes; the other words are 255.
@inline(__always)
private func loadBytes(_ p: UnsafePointer<UInt8>, _ count: Int) -> SIMD8<UInt32> {
  var v = SIMD8<UInt32>(repeating: 255)
  var i = 0
  while i < count {
    v[i] = UInt32(p[i])
    i &+= 1
  }
  return v
}

/// The windows along one axis that reach a coordinate.
private struct ReachingWindows {
  var first: Int
  var end: Int

  /// Windows `index` · stride - padding ..., `span` wide, of which there are `count`.
  @inline(__always)
  init(_ coordinate: Int, _ stride: Int, _ padding: Int, _ span: Int, _ count: Int) {
    let position = coordinate &+ padding
    first = position < span ? 0 : (position &- span) / stride &+ 1
    let beyond = position / stride &+ 1
    end = beyond < count ? beyond : count
  }
}

/// The cell of a window at `distance` from its start, or -1 if dilation leaves that place out.
@inline(__always)
private func cell(_ distance: Int, _ dilation: Int) -> Int {
  if dilation == 1 { return distance }
  let (cell, rest) = distance.quotientAndRemainder(dividingBy: dilation)
  return rest == 0 ? cell : -1
}

extension PoolingGeometry {
  /// Whether no element is in two windows, and the windows lie side by side from the corner on.
  fileprivate var hasSeparateWindows: Bool {
    kernelHeight == strideHeight && kernelWidth == strideWidth && paddingTop == 0
      && paddingLeft == 0 && dilationHeight == 1 && dilationWidth == 1
  }
}

extension PoolingLoops {
  static func maxCellsRow(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ cells: UnsafeMutablePointer<UInt8>, _ row: Int,
    _ rectifies: Bool, _ g: PoolingGeometry
  ) {
    let rows = g.rows(row)
    // The usual windows have a loop of their own.
    let isPlain =
      g.kernelHeight == 2 && g.kernelWidth == 2 && g.dilationHeight == 1 && g.dilationWidth == 1
      && g.channels % 8 == 0 && rows.count == 2
    var column = 0
    while column < g.outputWidth {
      let columns = g.columns(column)
      let offset = (row &* g.outputWidth &+ column) &* g.channels
      if isPlain, columns.count == 2 {
        let first = (rows.first &* g.inputWidth &+ columns.first) &* g.channels
        maxOfFour(
          x + first, g.inputWidth &* g.channels, y + offset, cells + offset, rectifies, g.channels)
      } else {
        maxCells(x, y + offset, cells + offset, row, column, rectifies, g)
      }
      column &+= 1
    }
  }

  /// Windows of 2x2 in the middle of an image: the larger of the upper two against the larger of the
  /// lower two, which gives the same as one after the other.
  @inline(__always)
  private static func maxOfFour(
    _ x: FloatPointer, _ lineStride: Int, _ y: MutableFloatPointer,
    _ cells: UnsafeMutablePointer<UInt8>, _ rectifies: Bool, _ channels: Int
  ) {
    let zero = lanes(0)
    let lower = x + lineStride
    var c = 0
    while c < channels {
      var best = load(x + c)
      var place = SIMD8<UInt32>(repeating: 0)
      take(load(x + (channels &+ c)), SIMD8(repeating: 1), &best, &place)
      var other = load(lower + c)
      var otherPlace = SIMD8<UInt32>(repeating: 2)
      take(load(lower + (channels &+ c)), SIMD8(repeating: 3), &other, &otherPlace)
      take(other, otherPlace, &best, &place)
      if rectifies {
        place = place.replacing(with: SIMD8(repeating: 255), where: best .<= zero)
        best = best.replacing(with: zero, where: best .< zero)
      }
      store(best, y + c)
      storeBytes(place, cells + c)
      c &+= 8
    }
  }

  /// Replaces numbers by larger ones and by NaN.
  @inline(__always)
  private static func take(
    _ v: Vector, _ cell: SIMD8<UInt32>, _ best: inout Vector, _ place: inout SIMD8<UInt32>
  ) {
    let wins = (v .> best) .| (v .!= v)
    best = best.replacing(with: v, where: wins)
    place = place.replacing(with: cell, where: wins)
  }

  /// A window of any size and place.
  private static func maxCells(
    _ x: FloatPointer, _ y: MutableFloatPointer, _ cells: UnsafeMutablePointer<UInt8>, _ row: Int,
    _ column: Int, _ rectifies: Bool, _ g: PoolingGeometry
  ) {
    let rows = g.rows(row)
    let columns = g.columns(column)
    // Where the first cell inside the input lies in the whole window.
    let top = (rows.first &- (row &* g.strideHeight &- g.paddingTop)) / g.dilationHeight
    let left = (columns.first &- (column &* g.strideWidth &- g.paddingLeft)) / g.dilationWidth
    let first = top &* g.kernelWidth &+ left
    var c = 0
    while c < g.channels {
      let width = g.channels &- c < 8 ? g.channels &- c : 8
      var (best, place) = largestWithCell(x + c, width, rows, columns, first, g)
      if rectifies {
        let zero = lanes(0)
        place = place.replacing(with: SIMD8(repeating: 255), where: best .<= zero)
        best = best.replacing(with: zero, where: best .< zero)
      }
      if width == 8 {
        store(best, y + c)
        storeBytes(place, cells + c)
      } else {
        store(best, y + c, width)
        storeBytes(place, cells + c, width)
      }
      c &+= 8
    }
  }

  @inline(__always)
  private static func largestWithCell(
    _ x: FloatPointer, _ width: Int, _ rows: PoolingWindow, _ columns: PoolingWindow,
    _ first: Int, _ g: PoolingGeometry
  ) -> (best: Vector, place: SIMD8<UInt32>) {
    if rows.count == 0 || columns.count == 0 { return (lanes(0), SIMD8(repeating: 255)) }
    var best = lanes(-.infinity)
    var place = SIMD8<UInt32>(repeating: UInt32(truncatingIfNeeded: first))
    var i = 0
    while i < rows.count {
      let line = rows.first &+ i &* g.dilationHeight
      var source = x + (line &* g.inputWidth &+ columns.first) &* g.channels
      var cell = first &+ i &* g.kernelWidth
      var j = 0
      while j < columns.count {
        let v = width == 8 ? load(source) : load(source, width)
        let wins = (v .> best) .| (v .!= v)
        best = best.replacing(with: v, where: wins)
        place = place.replacing(
          with: SIMD8(repeating: UInt32(truncatingIfNeeded: cell)), where: wins)
        source += g.dilationWidth &* g.channels
        cell &+= 1
        j &+= 1
      }
      i &+= 1
    }
    return (best, place)
  }

  static func maxCellsRowBackward(
    _ gradOutput: FloatPointer, _ cells: UnsafePointer<UInt8>, _ gradInput: MutableFloatPointer,
    _ row: Int, _ g: PoolingGeometry
  ) {
    // Each element of the input collects what its windows have for it, in their order, so that rows
    // do not depend on each other.
    if g.hasSeparateWindows { return separateRowBackward(gradOutput, cells, gradInput, row, g) }
    let height = (g.kernelHeight &- 1) &* g.dilationHeight &+ 1
    let width = (g.kernelWidth &- 1) &* g.dilationWidth &+ 1
    let rows = ReachingWindows(row, g.strideHeight, g.paddingTop, height, g.outputHeight)
    var column = 0
    while column < g.inputWidth {
      let columns = ReachingWindows(column, g.strideWidth, g.paddingLeft, width, g.outputWidth)
      let target = gradInput + (row &* g.inputWidth &+ column) &* g.channels
      var isFirst = true
      var windowRow = rows.first
      while windowRow < rows.end {
        let i = cell(row &+ g.paddingTop &- windowRow &* g.strideHeight, g.dilationHeight)
        var windowColumn = columns.first
        while windowColumn < columns.end {
          let j = cell(column &+ g.paddingLeft &- windowColumn &* g.strideWidth, g.dilationWidth)
          if i >= 0, j >= 0 {
            let offset = (windowRow &* g.outputWidth &+ windowColumn) &* g.channels
            let own = SIMD8(repeating: UInt32(truncatingIfNeeded: i &* g.kernelWidth &+ j))
            if isFirst {
              collect(gradOutput + offset, cells + offset, own, target, g.channels, adds: false)
            } else {
              collect(gradOutput + offset, cells + offset, own, target, g.channels, adds: true)
            }
            isFirst = false
          }
          windowColumn &+= 1
        }
        windowRow &+= 1
      }
      if isFirst { ElementwiseLoops.fill(target, g.channels, 0) }
      column &+= 1
    }
  }

  /// Writes, or adds, the gradients of one window's channels whose largest element was in cell
  /// `own`.
  @inline(__always)
  private static func collect(
    _ gradOutput: FloatPointer, _ cells: UnsafePointer<UInt8>, _ own: SIMD8<UInt32>,
    _ target: MutableFloatPointer, _ channels: Int, adds: Bool
  ) {
    let zero = lanes(0)
    var c = 0
    while c &+ 8 <= channels {
      let share = zero.replacing(with: load(gradOutput + c), where: loadBytes(cells + c) .== own)
      store((adds ? load(target + c) : zero) + share, target + c)
      c &+= 8
    }
    guard c < channels else { return }
    let rest = channels &- c
    let isOwn = loadBytes(cells + c, rest) .== own
    let share = zero.replacing(with: load(gradOutput + c, rest), where: isOwn)
    store((adds ? load(UnsafePointer(target + c), rest) : zero) + share, target + c, rest)
  }

  /// The same where every element is in one window at most: window by window, as each has a row of
  /// elements to write.
  private static func separateRowBackward(
    _ gradOutput: FloatPointer, _ cells: UnsafePointer<UInt8>, _ gradInput: MutableFloatPointer,
    _ row: Int, _ g: PoolingGeometry
  ) {
    let (windowRow, i) = row.quotientAndRemainder(dividingBy: g.kernelHeight)
    let first = SIMD8(repeating: UInt32(truncatingIfNeeded: i &* g.kernelWidth))
    var target = gradInput + row &* g.inputWidth &* g.channels
    var columnsLeft = g.inputWidth
    if windowRow < g.outputHeight {
      var offset = windowRow &* g.outputWidth &* g.channels
      var windowsLeft = g.outputWidth
      while windowsLeft > 0, columnsLeft > 0 {
        let width = min(g.kernelWidth, columnsLeft)
        // The loop over a constant is unrolled.
        if width == 2 {
          spread(gradOutput + offset, cells + offset, first, target, 2, g.channels)
        } else {
          spread(gradOutput + offset, cells + offset, first, target, width, g.channels)
        }
        target += width &* g.channels
        columnsLeft &-= width
        offset &+= g.channels
        windowsLeft &-= 1
      }
    }
    ElementwiseLoops.fill(target, columnsLeft &* g.channels, 0)
  }

  /// Writes a row of `width` elements of a window, the cells from `first` on.
  @inline(__always)
  private static func spread(
    _ gradOutput: FloatPointer, _ cells: UnsafePointer<UInt8>, _ first: SIMD8<UInt32>,
    _ target: MutableFloatPointer, _ width: Int, _ channels: Int
  ) {
    // Sums that start at 0, as where windows overlap: -0 becomes 0.
    let zero = lanes(0)
    let one = SIMD8<UInt32>(repeating: 1)
    var c = 0
    while c &+ 8 <= channels {
      let gradient = zero + load(gradOutput + c)
      let place = loadBytes(cells + c)
      var own = first
      var p = target + c
      var j = 0
      while j < width {
        store(zero.replacing(with: gradient, where: place .== own), p)
        own = own &+ one
        p += channels
        j &+= 1
      }
      c &+= 8
    }
    guard c < channels else { return }
    let rest = channels &- c
    let gradient = zero + load(gradOutput + c, rest)
    let place = loadBytes(cells + c, rest)
    var own = first
    var p = target + c
    var j = 0
    while j < width {
      store(zero.replacing(with: gradient, where: place .== own), p, rest)
      own = own &+ one
      p += channels
      j &+= 1
    }
  }
}
