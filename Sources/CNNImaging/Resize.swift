import CNNLayerKit

extension Image {
  /// Scales the picture to the given size, which may change its proportions.
  ///
  /// Agrees with Pillow's `Image.resize`: the filter widens when shrinking, pixels beyond the edge
  /// are left out, the horizontal pass comes first, both round to 8 bits. (`nearest` is computed
  /// exactly, where Pillow adds up rounding errors: on a tie, it may take the neighbour.) Colours of
  /// transparent pixels do not bleed: they are weighted by alpha.
  ///
  /// - Parameters:
  ///   - width: The new number of columns, at least 1.
  ///   - height: The new number of rows, at least 1.
  ///   - filter: How pixels are computed.
  /// - Throws: `invalidArgument` for sizes below 1 or above `Limits.default`, or `outOfMemory`.
  public func resized(
    width: Int, height: Int, filter: ResampleFilter = .bilinear
  ) throws(CNNError) -> Image {
    _ = try Image.byteCount(width: width, height: height, channels: channels, limits: .default)
    return try resized(
      width: width, height: height, columns: 0..<width, rows: 0..<height, filter: filter)
  }

  /// A part of what resizing to `width` x `height` gives, without computing the rest.
  ///
  /// Sizes are positive and at most 2^52, and the ranges lie inside and are not empty. Where only a
  /// part of the pixels is the picture, `spans` says which.
  func resized(
    width: Int, height: Int, columns: Range<Int>, rows: Range<Int>, filter: ResampleFilter,
    spans: (columns: ReducedImage.Span, rows: ReducedImage.Span)? = nil
  ) throws(CNNError) -> Image {
    let keepsWidth = spans == nil && width == self.width
    let keepsHeight = spans == nil && height == self.height
    if keepsWidth, keepsHeight {
      return try cropped(
        x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
    }
    if filter == .nearest {
      return try nearest(width: width, height: height, columns: columns, rows: rows)
    }
    let vertical = try ResampleWeights(
      inputSize: self.height, span: spans?.rows, outputSize: height, window: rows, filter: filter)
    let horizontal = try ResampleWeights(
      inputSize: self.width, span: spans?.columns, outputSize: width, window: columns,
      filter: filter)
    let source = channels == 4 ? try multipliedByAlpha() : self
    let sourceRows = keepsHeight ? rows : vertical.sourceRange
    let result: Image
    // A strip of a pixel's width would grow by hundreds of times in the horizontal pass. In the
    // other order it cannot: the smaller of both is at most the larger of source and result.
    let between = columns.count * sourceRows.count
    if between > Limits.default.maximumPixels, rows.count * self.width < between {
      result =
        try source
        .resampledColumns(vertical, firstRow: 0, isIdentity: keepsHeight, rows: rows)
        .resampledRows(
          horizontal, rows: 0..<rows.count, isIdentity: keepsWidth, columns: columns)
    } else {
      result =
        try source
        .resampledRows(horizontal, rows: sourceRows, isIdentity: keepsWidth, columns: columns)
        .resampledColumns(
          vertical, firstRow: sourceRows.lowerBound, isIdentity: keepsHeight,
          rows: 0..<rows.count)
    }
    return channels == 4 ? try result.dividedByAlpha() : result
  }

  private func nearest(
    width: Int, height: Int, columns: Range<Int>, rows: Range<Int>
  ) throws(CNNError) -> Image {
    let (inputWidth, inputHeight, channels) = (self.width, self.height, channels)
    // The source pixel at the centre of an output pixel, without rounding errors.
    func sourceIndex(_ output: Int, _ input: Int, _ size: Int) -> Int {
      let (high, low) = (2 * output + 1).multipliedFullWidth(by: input)
      return (2 * size).dividingFullWidth((high, low)).quotient
    }
    return try derived(width: columns.count, height: rows.count, channels: channels) {
      source, target in
      var output = target
      for y in rows {
        let row = source + sourceIndex(y, inputHeight, height) * inputWidth * channels
        for x in columns {
          let pixel = row + sourceIndex(x, inputWidth, width) * channels
          for c in 0..<channels { output[c] = pixel[c] }
          output += channels
        }
      }
    }
  }

  /// The horizontal pass: keeps `rows`, and computes new columns, or cuts out `columns` if the
  /// width does not change.
  private func resampledRows(
    _ weights: ResampleWeights, rows: Range<Int>, isIdentity: Bool, columns: Range<Int>
  ) throws(CNNError) -> Image {
    if isIdentity {
      return try cropped(
        x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
    }
    let (inputWidth, outputWidth, channels) = (width, weights.count, channels)
    return try derived(width: outputWidth, height: rows.count, channels: channels) {
      source, target in
      for (outputRow, row) in rows.enumerated() {
        let input = source + row * inputWidth * channels
        let output = target + outputRow * outputWidth * channels
        switch channels {
        case 1: resampleRow(weights, input, output, channels: 1)
        case 3: resampleRow(weights, input, output, channels: 3)
        default: resampleRow(weights, input, output, channels: 4)
        }
      }
    }
  }

  /// The vertical pass over an image whose first row is the source's `firstRow`; cuts out `rows`
  /// if the height does not change.
  private func resampledColumns(
    _ weights: ResampleWeights, firstRow: Int, isIdentity: Bool, rows: Range<Int>
  ) throws(CNNError) -> Image {
    if isIdentity {
      return try cropped(x: 0, y: rows.lowerBound, width: width, height: rows.count)
    }
    let rowBytes = width * channels
    return try derived(width: width, height: weights.count, channels: channels) { source, target in
      weights.forEach { row, first, taps in
        blendRows(
          source + (first - firstRow) * rowBytes, rowBytes: rowBytes, taps: taps,
          into: target + row * rowBytes)
      }
    }
  }

  private func multipliedByAlpha() throws(CNNError) -> Image {
    try mapPixels { color, alpha in
      let product = UInt32(color) * UInt32(alpha) + 128
      return UInt8(truncatingIfNeeded: (product + product >> 8) >> 8)
    }
  }

  private func dividedByAlpha() throws(CNNError) -> Image {
    try mapPixels { color, alpha in
      alpha == 0 ? color : UInt8(min(255, 255 * UInt32(color) / UInt32(alpha)))
    }
  }

  /// Computes each colour of an RGBA image from itself and its pixel's alpha.
  private func mapPixels(_ body: (UInt8, UInt8) -> UInt8) throws(CNNError) -> Image {
    try derived(width: width, height: height, channels: 4) { source, target in
      for pixel in stride(from: 0, to: 4 * width * height, by: 4) {
        let alpha = source[pixel + 3]
        for c in 0..<3 { target[pixel + c] = body(source[pixel + c], alpha) }
        target[pixel + 3] = alpha
      }
    }
  }
}

extension ReducedImage {
  /// Scales the picture to the given size, which is positive, as `Image.resized` does.
  package func resized(
    width: Int, height: Int, filter: ResampleFilter
  ) throws(CNNError) -> Image {
    try resized(
      width: width, height: height, columns: 0..<width, rows: 0..<height, filter: filter)
  }

  /// A part of what resizing to `width` x `height` gives.
  func resized(
    width: Int, height: Int, columns: Range<Int>, rows: Range<Int>, filter: ResampleFilter
  ) throws(CNNError) -> Image {
    try image.resized(
      width: width, height: height, columns: columns, rows: rows, filter: filter,
      spans: isComplete ? nil : (self.columns, self.rows))
  }
}

private let half = Int32(1) << (ResampleWeights.fractionBits - 1)

@inline(__always)
private func clamped(_ sum: Int32) -> UInt8 {
  UInt8(truncatingIfNeeded: max(0, min(255, sum >> ResampleWeights.fractionBits)))
}

/// One row of the horizontal pass; inlined for each number of channels.
@inline(__always)
private func resampleRow(
  _ weights: ResampleWeights, _ input: UnsafePointer<UInt8>, _ output: UnsafeMutablePointer<UInt8>,
  channels: Int
) {
  weights.forEach { column, first, taps in
    var pixel = input + first * channels
    var (a, b, c, d) = (half, half, half, half)
    for i in 0..<taps.count {
      let weight = taps[i]
      a &+= Int32(pixel[0]) &* weight
      if channels >= 3 {
        b &+= Int32(pixel[1]) &* weight
        c &+= Int32(pixel[2]) &* weight
      }
      if channels == 4 { d &+= Int32(pixel[3]) &* weight }
      pixel += channels
    }
    let result = output + column * channels
    result[0] = clamped(a)
    if channels >= 3 {
      result[1] = clamped(b)
      result[2] = clamped(c)
    }
    if channels == 4 { result[3] = clamped(d) }
  }
}

/// One row of the vertical pass: the weighted sum of as many rows as there are taps.
private func blendRows(
  _ rows: UnsafePointer<UInt8>, rowBytes: Int, taps: UnsafeBufferPointer<Int32>,
  into output: UnsafeMutablePointer<UInt8>
) {
  var x = 0
  while x <= rowBytes - 16 {
    var sum = SIMD16<Int32>(repeating: half)
    var input = UnsafeRawPointer(rows + x)
    for i in 0..<taps.count {
      let values = input.loadUnaligned(as: SIMD16<UInt8>.self)
      sum &+= SIMD16<Int32>(truncatingIfNeeded: values) &* taps[i]
      input += rowBytes
    }
    let levels = (sum &>> ResampleWeights.fractionBits).clamped(
      lowerBound: SIMD16(repeating: 0), upperBound: SIMD16(repeating: 255))
    UnsafeMutableRawPointer(output + x).storeBytes(
      of: SIMD16<UInt8>(truncatingIfNeeded: levels), as: SIMD16<UInt8>.self)
    x += 16
  }
  while x < rowBytes {
    var sum = half
    for i in 0..<taps.count { sum &+= Int32(rows[x + i * rowBytes]) &* taps[i] }
    output[x] = clamped(sum)
    x += 1
  }
}
