import CNNKernelTypes

enum RowLoops: RowKernels {
  static func addBias(
    _ x: FloatPointer, _ bias: FloatPointer, _ y: MutableFloatPointer, _ rows: Int,
    _ columns: Int
  ) {
    var row = 0
    while row < rows {
      map(x + row &* columns, bias, y + row &* columns, columns) { $0 + $1 }
      row &+= 1
    }
  }

  static func columnSums(
    _ x: FloatPointer, _ pitch: Int, _ rows: Int, _ columns: Int, _ sums: MutableFloatPointer
  ) {
    ElementwiseLoops.fill(sums, columns, 0)
    // Blocks of rows that stay in the first cache; each adds one number to each column's sum.
    var start = 0
    while start < rows {
      let height = rows &- start > 32 ? 32 : rows &- start
      let block = x + start &* pitch
      var c = 0
      while c &+ 16 <= columns {
        // A whole cache line of each row.
        var left = lanes(0)
        var right = lanes(0)
        var source = block + c
        var r = 0
        while r < height {
          left += load(source)
          right += load(source + 8)
          source += pitch
          r &+= 1
        }
        store(load(sums + c) + left, sums + c)
        store(load(sums + (c &+ 8)) + right, sums + (c &+ 8))
        c &+= 16
      }
      while c &+ 8 <= columns {
        var even = lanes(0)
        var odd = lanes(0)
        var r = 0
        while r &+ 2 <= height {
          even += load(block + (r &* pitch &+ c))
          odd += load(block + ((r &+ 1) &* pitch &+ c))
          r &+= 2
        }
        if r < height { even += load(block + (r &* pitch &+ c)) }
        store(load(sums + c) + (even + odd), sums + c)
        c &+= 8
      }
      while c < columns {
        var sum: Float = 0
        var r = 0
        while r < height {
          sum += block[r &* pitch &+ c]
          r &+= 1
        }
        sums[c] += sum
        c &+= 1
      }
      start &+= height
    }
  }
}
