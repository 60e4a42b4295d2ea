import CNNKernelTypes

/// Products of rows of a weight with samples, both as they lie in memory.
///
/// Every output is eight sums, of the products whose index leaves the remainders 0 to 7 when divided
/// by eight, each in the order of the index, and added up at the end. That holds for each of the ways
/// below, so the bits of a sample's outputs do not depend on the samples beside it:
///
/// - One sample: eight rows at a time, in eight streams. The weight is read once, as fast as memory
///   gives it.
/// - Up to eight samples: three rows at a time with up to four samples, twelve sums in registers.
///   The three rows are in the second cache when the next samples need them.
/// - More: parts of 48 rows are copied so that they lie close together (rows of a power of two would
///   fall into the same few lines of the cache), and multiplied with all samples before the next
///   part; meanwhile the sums wait in the second cache.
func multiplyRows(_ block: borrowing DenseRows) {
  if block.samples == 1 {
    multiplySample(block)
  } else if block.samples <= DenseLimits.directSamples {
    multiplyFewSamples(block)
  } else {
    multiplyManySamples(block)
  }
}

/// Three rows, and how far it is from eight of their numbers to the next eight.
private struct RowTriple {
  let r0: UnsafePointer<Float>
  let r1: UnsafePointer<Float>
  let r2: UnsafePointer<Float>
  let step: Int
}

// MARK: One sample

private func multiplySample(_ block: borrowing DenseRows) {
  let last = block.rows - 1
  var row = 0
  while row < block.rows {
    // Rows past the end are read as the last one, and not written.
    multiplyEightRows(block, row, last)
    row += 8
  }
}

@inline(__always)
private func multiplyEightRows(_ block: borrowing DenseRows, _ row: Int, _ last: Int) {
  let length = block.length
  let x = block.input
  let r0 = block.weight + row * length
  let r1 = block.weight + min(row + 1, last) * length
  let r2 = block.weight + min(row + 2, last) * length
  let r3 = block.weight + min(row + 3, last) * length
  let r4 = block.weight + min(row + 4, last) * length
  let r5 = block.weight + min(row + 5, last) * length
  let r6 = block.weight + min(row + 6, last) * length
  let r7 = block.weight + min(row + 7, last) * length
  var a = ThreeSums()
  var b = ThreeSums()
  var c = ThreeSums()
  var i = 0
  while i &+ 8 <= length {
    let v = load(x + i)
    a.add(v, load(r0 + i), load(r1 + i), load(r2 + i))
    b.add(v, load(r3 + i), load(r4 + i), load(r5 + i))
    addProduct(&c.x, v, load(r6 + i))
    addProduct(&c.y, v, load(r7 + i))
    i &+= 8
  }
  let rest = length &- i
  if rest > 0 {
    let v = load(x + i, rest)
    a.add(v, load(r0 + i, rest), load(r1 + i, rest), load(r2 + i, rest))
    b.add(v, load(r3 + i, rest), load(r4 + i, rest), load(r5 + i, rest))
    addProduct(&c.x, v, load(r6 + i, rest))
    addProduct(&c.y, v, load(r7 + i, rest))
  }
  let y = block.output + row
  let valid = last - row
  y[0] = sumOfLanes(a.x)
  if valid >= 1 { y[1] = sumOfLanes(a.y) }
  if valid >= 2 { y[2] = sumOfLanes(a.z) }
  if valid >= 3 { y[3] = sumOfLanes(b.x) }
  if valid >= 4 { y[4] = sumOfLanes(b.y) }
  if valid >= 5 { y[5] = sumOfLanes(b.z) }
  if valid >= 6 { y[6] = sumOfLanes(c.x) }
  if valid >= 7 { y[7] = sumOfLanes(c.y) }
}

// MARK: Up to eight samples

private func multiplyFewSamples(_ block: borrowing DenseRows) {
  let length = block.length
  let last = block.rows - 1
  let sums = block.scratch
  var row = 0
  while row < block.rows {
    let rows = RowTriple(
      r0: block.weight + row * length, r1: block.weight + min(row + 1, last) * length,
      r2: block.weight + min(row + 2, last) * length, step: 8)
    var sample = 0
    while sample < block.samples {
      let x = block.input + sample * length
      let width = tileWidth(block.samples - sample)
      addTile(rows, x, length, length, width, sums, false)
      writeTile(
        sums, width, min(3, block.rows - row),
        block.output + sample * block.outputStride + row, block.outputStride)
      sample += width
    }
    row += 3
  }
}

// MARK: More samples

private func multiplyManySamples(_ block: borrowing DenseRows) {
  let length = block.length
  let panel = block.scratch
  let sums = panel + DenseLimits.panelCount
  var first = 0
  while first < block.rows {
    let rows = min(DenseLimits.panelRows, block.rows - first)
    var start = 0
    while start < length {
      let depth = min(DenseLimits.panelDepth, length - start)
      packRowTriples(block, first, rows, start, depth, panel)
      addPanel(block, panel, rows, start, depth, sums)
      start += depth
    }
    writePanel(block, first, rows, sums)
    first += rows
  }
}

/// Copies a part of rows, three at a time beside each other, with zeros up to a multiple of eight.
private func packRowTriples(
  _ block: borrowing DenseRows, _ first: Int, _ rows: Int, _ start: Int, _ depth: Int,
  _ panel: UnsafeMutablePointer<Float>
) {
  let length = block.length
  let last = block.rows - 1
  var target = panel
  var row = first
  while row < first + rows {
    let r0 = block.weight + row * length + start
    let r1 = block.weight + min(row + 1, last) * length + start
    let r2 = block.weight + min(row + 2, last) * length + start
    var i = 0
    while i &+ 8 <= depth {
      store(load(r0 + i), target)
      store(load(r1 + i), target + 8)
      store(load(r2 + i), target + 16)
      target += 24
      i &+= 8
    }
    let rest = depth &- i
    if rest > 0 {
      store(load(r0 + i, rest), target)
      store(load(r1 + i, rest), target + 8)
      store(load(r2 + i, rest), target + 16)
      target += 24
    }
    row += 3
  }
}

/// Adds the products of a copied part of the rows with all samples to the sums.
private func addPanel(
  _ block: borrowing DenseRows, _ panel: UnsafePointer<Float>, _ rows: Int, _ start: Int,
  _ depth: Int, _ sums: UnsafeMutablePointer<Float>
) {
  let size = (depth + 7) / 8 * 24
  var sums = sums
  var sample = 0
  while sample < block.samples {
    let x = block.input + sample * block.length + start
    let width = tileWidth(block.samples - sample)
    var triple = panel
    var row = 0
    while row < rows {
      addTile(
        RowTriple(r0: triple, r1: triple + 8, r2: triple + 16, step: 24), x, block.length, depth,
        width, sums, start > 0)
      triple += size
      sums += width * 24
      row += 3
    }
    sample += width
  }
}

private func writePanel(
  _ block: borrowing DenseRows, _ first: Int, _ rows: Int, _ sums: UnsafePointer<Float>
) {
  var sums = sums
  var sample = 0
  while sample < block.samples {
    let width = tileWidth(block.samples - sample)
    var row = 0
    while row < rows {
      writeTile(
        sums, width, min(3, rows - row),
        block.output + sample * block.outputStride + first + row, block.outputStride)
      sums += width * 24
      row += 3
    }
    sample += width
  }
}

// MARK: Tiles

/// How many samples are multiplied at once, of those that are left.
@inline(__always)
private func tileWidth(_ left: Int) -> Int { left >= 4 ? 4 : left >= 2 ? 2 : 1 }

/// Adds the products of three rows and `width` samples to their sums, or begins new sums.
@inline(__always)
private func addTile(
  _ rows: RowTriple, _ x: UnsafePointer<Float>, _ stride: Int, _ count: Int, _ width: Int,
  _ sums: UnsafeMutablePointer<Float>, _ resumes: Bool
) {
  switch width {
  case 4: addFourSamples(rows, x, stride, count, sums, resumes)
  case 2: addTwoSamples(rows, x, stride, count, sums, resumes)
  default: addOneSample(rows, x, count, sums, resumes)
  }
}

@inline(never)
private func addFourSamples(
  _ rows: RowTriple, _ x: UnsafePointer<Float>, _ stride: Int, _ count: Int,
  _ sums: UnsafeMutablePointer<Float>, _ resumes: Bool
) {
  let (r0, r1, r2, step) = (rows.r0, rows.r1, rows.r2, rows.step)
  let x1 = x + stride
  let x2 = x1 + stride
  let x3 = x2 + stride
  var a = ThreeSums(sums, resumes)
  var b = ThreeSums(sums + 24, resumes)
  var c = ThreeSums(sums + 48, resumes)
  var d = ThreeSums(sums + 72, resumes)
  var i = 0
  var j = 0
  while i &+ 8 <= count {
    let u = load(r0 + j)
    let v = load(r1 + j)
    let w = load(r2 + j)
    a.add(load(x + i), u, v, w)
    b.add(load(x1 + i), u, v, w)
    c.add(load(x2 + i), u, v, w)
    d.add(load(x3 + i), u, v, w)
    i &+= 8
    j &+= step
  }
  let rest = count &- i
  if rest > 0 {
    let u = load(r0 + j, rest)
    let v = load(r1 + j, rest)
    let w = load(r2 + j, rest)
    a.add(load(x + i, rest), u, v, w)
    b.add(load(x1 + i, rest), u, v, w)
    c.add(load(x2 + i, rest), u, v, w)
    d.add(load(x3 + i, rest), u, v, w)
  }
  a.write(sums)
  b.write(sums + 24)
  c.write(sums + 48)
  d.write(sums + 72)
}

@inline(never)
private func addTwoSamples(
  _ rows: RowTriple, _ x: UnsafePointer<Float>, _ stride: Int, _ count: Int,
  _ sums: UnsafeMutablePointer<Float>, _ resumes: Bool
) {
  let (r0, r1, r2, step) = (rows.r0, rows.r1, rows.r2, rows.step)
  let x1 = x + stride
  var a = ThreeSums(sums, resumes)
  var b = ThreeSums(sums + 24, resumes)
  var i = 0
  var j = 0
  while i &+ 8 <= count {
    let u = load(r0 + j)
    let v = load(r1 + j)
    let w = load(r2 + j)
    a.add(load(x + i), u, v, w)
    b.add(load(x1 + i), u, v, w)
    i &+= 8
    j &+= step
  }
  let rest = count &- i
  if rest > 0 {
    let u = load(r0 + j, rest)
    let v = load(r1 + j, rest)
    let w = load(r2 + j, rest)
    a.add(load(x + i, rest), u, v, w)
    b.add(load(x1 + i, rest), u, v, w)
  }
  a.write(sums)
  b.write(sums + 24)
}

@inline(never)
private func addOneSample(
  _ rows: RowTriple, _ x: UnsafePointer<Float>, _ count: Int,
  _ sums: UnsafeMutablePointer<Float>, _ resumes: Bool
) {
  let (r0, r1, r2, step) = (rows.r0, rows.r1, rows.r2, rows.step)
  var a = ThreeSums(sums, resumes)
  var i = 0
  var j = 0
  while i &+ 8 <= count {
    a.add(load(x + i), load(r0 + j), load(r1 + j), load(r2 + j))
    i &+= 8
    j &+= step
  }
  let rest = count &- i
  if rest > 0 {
    a.add(load(x + i, rest), load(r0 + j, rest), load(r1 + j, rest), load(r2 + j, rest))
  }
  a.write(sums)
}

/// Adds up the lanes of a tile's sums and writes the outputs of up to three rows.
@inline(__always)
private func writeTile(
  _ sums: UnsafePointer<Float>, _ width: Int, _ rows: Int, _ output: UnsafeMutablePointer<Float>,
  _ stride: Int
) {
  var sample = 0
  while sample < width {
    let sum = sums + sample * 24
    let y = output + sample * stride
    y[0] = sumOfLanes(load(sum))
    if rows > 1 { y[1] = sumOfLanes(load(sum + 8)) }
    if rows > 2 { y[2] = sumOfLanes(load(sum + 16)) }
    sample += 1
  }
}
