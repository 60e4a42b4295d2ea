import CNNKernelTypes
import CVector

func makeDirectKernels() -> DirectKernels {
  #if CNN_FMA || arch(arm64)
    let isFast = true
  #else
    let isFast = false
  #endif
  return DirectKernels(
    isFast: isFast, multiplyPanel: { multiplyPanel($0) },
    packRows: { packRows($0, $1, $2, $3, $4) },
    gradient: DirectGradientKernels(
      addPanel: { addPanelGradient($0) }, pack: { packGradient($0, $1, $2, $3, $4, $5) },
      unpack: { unpackRows($0, $1, $2, $3, $4) }))
}

/// In strips that stay in the first cache while the rows are written into them one by one.
private func packRows(
  _ rows: UnsafePointer<Float>, _ stride: Int, _ count: Int, _ length: Int,
  _ target: UnsafeMutablePointer<Float>
) {
  var start = 0
  while start < length {
    let end = min(start + 256, length)
    var row = 0
    while row < 16 {
      let source = rows + row * stride
      var i = start
      while i < end {
        target[i * 16 + row] = row < count ? source[i] : 0
        i += 1
      }
      row += 1
    }
    start = end
  }
}

/// Computes six pixels at a time by 16 channels.
///
/// Twelve sums, two vectors of weights and an input fill the registers, and are more than the
/// multiply-add units have under way. Four pixels where the rest is computed faster so.
///
/// Each sum runs over the window in its order, whichever pixels are beside it.
///
/// What comes from memory is asked for while the tile before is computed: outputs, addends, the
/// windows of the next six pixels, and a part of the weights that follow.
private func multiplyPanel(_ borrowed: borrowing DirectBlock) {
  let block = copy borrowed
  var memory = InlineArray<128, Float>(repeating: 0)
  withUnsafeMutablePointer(to: &memory) { pointer in
    let memory = UnsafeMutableRawPointer(pointer)
    var tile = DirectTile(block, memory)
    let finish = DirectFinish(block)
    var left = block.width &* block.lines
    while left > 0 {
      if left <= 4 || left == 7 || left == 8 {
        tile.place(min(left, 4), of: 4, block)
        multiplyFour(block, tile, finish)
      } else {
        tile.place(min(left, 6), of: 6, block)
        multiplySix(block, tile, finish)
      }
      left &-= tile.pixels
    }
  }
}

/// The numbers of a cache line.
private let cacheLine = 16

@inline(never)
private func multiplySix(
  _ block: borrowing DirectBlock, _ tile: borrowing DirectTile, _ finish: borrowing DirectFinish
) {
  var (a0, a1, a2) = (Vector.zero, Vector.zero, Vector.zero)
  var (a3, a4, a5) = (Vector.zero, Vector.zero, Vector.zero)
  var (b0, b1, b2) = (Vector.zero, Vector.zero, Vector.zero)
  var (b3, b4, b5) = (Vector.zero, Vector.zero, Vector.zero)
  let ahead = tile.imageAhead
  var weights = block.panel
  var fetched = tile.fetchedWeights
  let length = block.runLength
  var run = 0
  while run < block.runCount {
    let start = block.image + block.runs[run]
    let x0 = start + tile.windows[0]
    let x1 = start + tile.windows[1]
    let x2 = start + tile.windows[2]
    let x3 = start + tile.windows[3]
    let x4 = start + tile.windows[4]
    let x5 = start + tile.windows[5]
    var i = 0
    while i < length {
      let end = min(i &+ cacheLine, length)
      cnn_vector_prefetch(x0 + (i &+ ahead))
      cnn_vector_prefetch(x1 + (i &+ ahead))
      cnn_vector_prefetch(x2 + (i &+ ahead))
      cnn_vector_prefetch(x3 + (i &+ ahead))
      cnn_vector_prefetch(x4 + (i &+ ahead))
      cnn_vector_prefetch(x5 + (i &+ ahead))
      cnn_vector_prefetch(fetched)
      cnn_vector_prefetch(fetched + cacheLine)
      fetched += 2 * cacheLine
      while i < end {
        let u = load(weights)
        let v = load(weights + 8)
        multiply(x0[i], u, v, &a0, &b0)
        multiply(x1[i], u, v, &a1, &b1)
        multiply(x2[i], u, v, &a2, &b2)
        multiply(x3[i], u, v, &a3, &b3)
        multiply(x4[i], u, v, &a4, &b4)
        multiply(x5[i], u, v, &a5, &b5)
        weights += 16
        i &+= 1
      }
    }
    run &+= 1
  }
  guard finish.isUsual else {
    let sums = tile.sums
    store(a0, b0, sums)
    store(a1, b1, sums + 16)
    store(a2, b2, sums + 32)
    store(a3, b3, sums + 48)
    store(a4, b4, sums + 64)
    store(a5, b5, sums + 80)
    writeUnusual(block, tile, finish)
    return
  }
  finish.apply(&a0, &b0)
  finish.apply(&a1, &b1)
  finish.apply(&a2, &b2)
  finish.apply(&a3, &b3)
  finish.apply(&a4, &b4)
  finish.apply(&a5, &b5)
  if let addend = block.addend {
    add(addend + tile.outputs[0], &a0, &b0)
    add(addend + tile.outputs[1], &a1, &b1)
    add(addend + tile.outputs[2], &a2, &b2)
    add(addend + tile.outputs[3], &a3, &b3)
    add(addend + tile.outputs[4], &a4, &b4)
    add(addend + tile.outputs[5], &a5, &b5)
  }
  if finish.rectifies {
    rectify(&a0, &b0)
    rectify(&a1, &b1)
    rectify(&a2, &b2)
    rectify(&a3, &b3)
    rectify(&a4, &b4)
    rectify(&a5, &b5)
  }
  let y = block.output
  store(a0, b0, y + tile.outputs[0])
  store(a1, b1, y + tile.outputs[1])
  store(a2, b2, y + tile.outputs[2])
  store(a3, b3, y + tile.outputs[3])
  store(a4, b4, y + tile.outputs[4])
  store(a5, b5, y + tile.outputs[5])
}

@inline(never)
private func multiplyFour(
  _ block: borrowing DirectBlock, _ tile: borrowing DirectTile, _ finish: borrowing DirectFinish
) {
  var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  var (b0, b1, b2, b3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  let ahead = tile.imageAhead
  var weights = block.panel
  var fetched = tile.fetchedWeights
  let length = block.runLength
  var run = 0
  while run < block.runCount {
    let start = block.image + block.runs[run]
    let x0 = start + tile.windows[0]
    let x1 = start + tile.windows[1]
    let x2 = start + tile.windows[2]
    let x3 = start + tile.windows[3]
    var i = 0
    while i < length {
      let end = min(i &+ cacheLine, length)
      cnn_vector_prefetch(x0 + (i &+ ahead))
      cnn_vector_prefetch(x1 + (i &+ ahead))
      cnn_vector_prefetch(x2 + (i &+ ahead))
      cnn_vector_prefetch(x3 + (i &+ ahead))
      cnn_vector_prefetch(fetched)
      cnn_vector_prefetch(fetched + cacheLine)
      fetched += 2 * cacheLine
      while i < end {
        let u = load(weights)
        let v = load(weights + 8)
        multiply(x0[i], u, v, &a0, &b0)
        multiply(x1[i], u, v, &a1, &b1)
        multiply(x2[i], u, v, &a2, &b2)
        multiply(x3[i], u, v, &a3, &b3)
        weights += 16
        i &+= 1
      }
    }
    run &+= 1
  }
  guard finish.isUsual else {
    let sums = tile.sums
    store(a0, b0, sums)
    store(a1, b1, sums + 16)
    store(a2, b2, sums + 32)
    store(a3, b3, sums + 48)
    writeUnusual(block, tile, finish)
    return
  }
  finish.apply(&a0, &b0)
  finish.apply(&a1, &b1)
  finish.apply(&a2, &b2)
  finish.apply(&a3, &b3)
  if let addend = block.addend {
    add(addend + tile.outputs[0], &a0, &b0)
    add(addend + tile.outputs[1], &a1, &b1)
    add(addend + tile.outputs[2], &a2, &b2)
    add(addend + tile.outputs[3], &a3, &b3)
  }
  if finish.rectifies {
    rectify(&a0, &b0)
    rectify(&a1, &b1)
    rectify(&a2, &b2)
    rectify(&a3, &b3)
  }
  let y = block.output
  store(a0, b0, y + tile.outputs[0])
  store(a1, b1, y + tile.outputs[1])
  store(a2, b2, y + tile.outputs[2])
  store(a3, b3, y + tile.outputs[3])
}

/// Adds the products of an input with 16 weights to 16 sums.
@inline(__always)
func multiply(
  _ x: Float, _ u: Vector, _ v: Vector, _ a: inout Vector, _ b: inout Vector
) {
  let factor = Vector(repeating: x)
  addProduct(&a, factor, u)
  addProduct(&b, factor, v)
}

@inline(__always)
private func store(_ a: Vector, _ b: Vector, _ sums: UnsafeMutablePointer<Float>) {
  store(a, sums)
  store(b, sums + 8)
}

@inline(__always)
private func add(_ addend: UnsafePointer<Float>, _ a: inout Vector, _ b: inout Vector) {
  a += load(addend)
  b += load(addend + 8)
}

@inline(__always)
private func rectify(_ a: inout Vector, _ b: inout Vector) {
  a = a.replacing(with: Vector.zero, where: a .< Vector.zero)
  b = b.replacing(with: Vector.zero, where: b .< Vector.zero)
}

/// Writes the outputs of a tile in the cases that are not usual.
@inline(never)
private func writeUnusual(
  _ block: borrowing DirectBlock, _ tile: borrowing DirectTile, _ finish: borrowing DirectFinish
) {
  let slope = block.slope
  var pixel = 0
  while pixel < tile.pixels {
    let sums = tile.sums + 16 &* pixel
    let offset = tile.outputs[pixel]
    var x = load(sums)
    var z = load(sums + 8)
    finish.apply(&x, &z)
    store(x, z, sums)
    var c = 0
    while c < block.columns {
      var sum = sums[c]
      if let addend = block.addend { sum += addend[offset &+ c] }
      block.output[offset &+ c] = activate(sum, slope)
      c &+= 1
    }
    pixel &+= 1
  }
}
