import CNNLayerKit

extension Preprocessing {
  /// Turns `image` into an input.
  ///
  /// - Parameters:
  ///   - image: A picture of any size and format.
  ///   - output: Receives exactly `outputCount` floats, NHWC.
  /// - Throws: `invalidArgument` if `output` has another size, or `outOfMemory`.
  public func apply(
    to image: Image, into output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    try checkRoom(output)
    try normalize(try resized(image), into: output)
  }

  /// Steps 1 and 2: the picture that the network sees, as 8-bit grey or RGB.
  ///
  /// - Throws: `outOfMemory`.
  public func resized(_ image: Image) throws(CNNError) -> Image {
    try resized(ReducedImage(image))
  }

  /// Steps 1 and 2 for a PNG or JPEG file in memory, which is decoded so far as they need it.
  ///
  /// JPEG files that are much larger than the input are decoded at an eighth, a quarter or half of
  /// their size, where that still is at least twice the size to which they are resized. The result
  /// differs from that of the complete picture by few levels, takes a fraction of the time, and
  /// allows for pictures that would be too large as a whole. With the filter `nearest`, all pixels
  /// are decoded.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - limits: What is refused as too large; for pictures that are decoded reduced it is the
  ///     reduced size that counts.
  /// - Throws: What `Image.init(decoding:)` throws.
  public func resized(
    decoding bytes: UnsafeRawBufferPointer, limits: Image.Limits = .default
  ) throws(CNNError) -> Image {
    try resized(try reduced(decoding: bytes, limits: limits))
  }

  /// Steps 1 and 2 for a PNG or JPEG file; see `resized(decoding:limits:)`.
  ///
  /// - Throws: What `Image.init(contentsOf:)` throws.
  public func resized(
    contentsOf path: String, limits: Image.Limits = .default
  ) throws(CNNError) -> Image {
    let contents = try readFile(path: path, limit: limits.maximumFileBytes)
    do throws(CNNError) {
      return try contents.withUnsafeBytes { (bytes) throws(CNNError) in
        try resized(decoding: bytes, limits: limits)
      }
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }

  /// Step 3, for what `resized` returned.
  ///
  /// - Throws: `invalidArgument` if picture or room have another size.
  public func normalize(
    _ sized: Image, into output: UnsafeMutableBufferPointer<Float>
  ) throws(CNNError) {
    try checkRoom(output)
    guard sized.width == width, sized.height == height, sized.channels == channels else {
      throw .invalidArgument(
        "a picture of \(sized.width) x \(sized.height) x \(sized.channels) is not yet brought to "
          + "the input's \(width) x \(height) x \(channels)")
    }
    let tables = (0..<channels).map(valueTable)
    sized.withPixels { pixels in
      // `bgr` reads the channels from the back.
      let last = channels - 1
      for c in 0...last {
        let from = color == .bgr ? last - c : c
        tables[c].withUnsafeBufferPointer { table in
          for i in stride(from: 0, to: output.count, by: channels) {
            output[i + c] = table[Int(pixels[i + from])]
          }
        }
      }
    }
    if let meanImage { subtract(meanImage, from: output) }
  }

  private func checkRoom(_ output: UnsafeMutableBufferPointer<Float>) throws(CNNError) {
    guard output.count == outputCount else {
      throw .invalidArgument(
        "preprocessing gives \(outputCount) values (\(height) x \(width) x \(channels)), and there "
          + "is room for \(output.count)")
    }
  }

  /// The result for each of the 256 values of a pixel's channel, without the mean image.
  private func valueTable(channel: Int) -> [Float] {
    (0..<256).map { (Float($0) * scale - mean[channel]) / standardDeviation[channel] }
  }

  private func subtract(_ image: [Float], from output: UnsafeMutableBufferPointer<Float>) {
    for i in 0..<output.count { output[i] -= image[i] / standardDeviation[i % channels] }
  }
}

extension Preprocessing {
  /// Decodes a file so far as resizing needs it.
  package func reduced(
    decoding bytes: UnsafeRawBufferPointer, limits: Image.Limits
  ) throws(CNNError) -> ReducedImage {
    // Of the nearest pixels, some would be means.
    if filter == .nearest { return try ReducedImage(decoding: bytes, limits: limits) }
    return try ReducedImage(decoding: bytes, limits: limits) { width, height in
      scaledSize(width, height)
    }
  }

  /// The size to which a picture is scaled, before something is cut off or filled up.
  package func scaledSize(_ width: Int, _ height: Int) -> (width: Int, height: Int) {
    switch resize {
    case .stretch:
      return (self.width, self.height)
    case .shorterSide(let side):
      let shorter = min(width, height)
      return (side * width / shorter, side * height / shorter)
    case .fit:
      return fittedSize(width, height, into: (self.width, self.height))
    }
  }

  /// Steps 1 and 2.
  package func resized(_ picture: ReducedImage) throws(CNNError) -> Image {
    let source = try picture.converted(to: color == .grey ? .grey : .rgb)
    let placed = placement(ofWidth: picture.width, height: picture.height)
    switch resize {
    case .stretch:
      return try source.resized(width: width, height: height, filter: filter)
    case .shorterSide:
      // Computes only what is kept.
      return try source.resized(
        width: placed.scaledWidth, height: placed.scaledHeight,
        columns: placed.x..<placed.x + width, rows: placed.y..<placed.y + height, filter: filter)
    case .fit(let padding):
      return try source.resized(
        width: placed.scaledWidth, height: placed.scaledHeight, filter: filter
      ).placed(
        onCanvasOfWidth: width, height: height, x: -placed.x, y: -placed.y, color: padding)
    }
  }
}
