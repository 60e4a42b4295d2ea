import CNNLayerKit

extension Image {
  /// Lays small images out in rows, as the filters of a network's first layer.
  ///
  /// - Parameters:
  ///   - images: At least one; all of the same width and height. If all are grey the grid is,
  ///     otherwise it is RGB.
  ///   - columns: Images in a row, at least 1; nil for about a square.
  ///   - magnification: The side of the square that stands for a pixel, at least 1.
  ///   - spacing: Pixels between images and around them, at least 0.
  ///   - background: The colour between images.
  /// - Throws: `invalidArgument` if there is no image, their sizes differ, or a number is out of
  ///   range; `outOfMemory`.
  public static func grid(
    of images: [Image], columns: Int? = nil, magnification: Int = 1, spacing: Int = 2,
    background: Color = .white
  ) throws(CNNError) -> Image {
    guard let first = images.first else {
      throw .invalidArgument("a grid needs at least one image")
    }
    let columns = columns ?? Int(Double(images.count).squareRoot().rounded(.up))
    guard columns >= 1, (1...1024).contains(magnification), (0...1024).contains(spacing) else {
      throw .invalidArgument(
        "a grid has at least 1 column, a magnification of 1 to 1024 and a spacing of 0 to 1024; "
          + "\(columns), \(magnification) and \(spacing) were given")
    }
    for image in images where image.width != first.width || image.height != first.height {
      throw .invalidArgument(
        "the images of a grid have the same size; one has \(image.width) x \(image.height), and "
          + "the first \(first.width) x \(first.height)")
    }
    let isGrey = images.allSatisfy { $0.channels == 1 }
    let across = min(columns, images.count)
    let down = (images.count - 1) / across + 1
    let stepX = first.width * magnification + spacing
    let stepY = first.height * magnification + spacing
    let (width, wide) = across.multipliedReportingOverflow(by: stepX)
    let (height, tall) = down.multipliedReportingOverflow(by: stepY)
    let tiles = try images.map { image throws(CNNError) in
      try image.converted(to: isGrey ? .grey : .rgb, background: background)
    }
    let channels = isGrey ? 1 : 3
    return try Image(
      width: wide ? .max : width + spacing, height: tall ? .max : height + spacing,
      channels: channels
    ) { pixels throws(CNNError) in
      let canvas = GridCanvas(
        pixels: pixels, width: width + spacing, channels: channels, magnification: magnification)
      canvas.fill(background)
      for (index, tile) in tiles.enumerated() {
        canvas.draw(
          tile, x: spacing + index % across * stepX, y: spacing + index / across * stepY)
      }
    }
  }
}

/// The pixels of a grid while images are drawn into it.
private struct GridCanvas {
  let pixels: UnsafeMutableBufferPointer<UInt8>
  let width: Int
  let channels: Int
  let magnification: Int

  func fill(_ color: Color) {
    let levels = channels == 1 ? [color.grey] : [color.red, color.green, color.blue]
    for i in 0..<pixels.count { pixels[i] = levels[i % channels] }
  }

  func draw(_ tile: Image, x: Int, y: Int) {
    tile.withPixels { source in
      for row in 0..<tile.height * magnification {
        let input = row / magnification * tile.width
        let output = (y + row) * width + x
        for column in 0..<tile.width * magnification {
          for c in 0..<channels {
            pixels[(output + column) * channels + c] =
              source[(input + column / magnification) * channels + c]
          }
        }
      }
    }
  }
}
