import CNNLayerKit

/// How a picture must be turned to be seen upright; the raw values are those of Exif tag 274.
public enum EXIFOrientation: Int, Sendable, CaseIterable {
  /// As stored.
  case up = 1
  /// Mirrored left to right.
  case upMirrored = 2
  /// Turned by half.
  case down = 3
  /// Mirrored top to bottom.
  case downMirrored = 4
  /// Mirrored about the diagonal from the top left.
  case leftMirrored = 5
  /// To be turned clockwise by a quarter.
  case right = 6
  /// Mirrored about the diagonal from the top right.
  case rightMirrored = 7
  /// To be turned counter-clockwise by a quarter.
  case left = 8

  /// Whether turning exchanges rows and columns.
  var swapsAxes: Bool { rawValue >= 5 }

  /// Whether the columns of the upright picture run against those (or the rows) of the stored one.
  var mirrorsColumns: Bool { [.upMirrored, .down, .right, .rightMirrored].contains(self) }

  /// Whether the rows of the upright picture run against those (or the columns) of the stored one.
  var mirrorsRows: Bool { [.down, .downMirrored, .rightMirrored, .left].contains(self) }

  /// Reads the orientation from an Exif block (TIFF data), `.up` if it has none that is valid.
  ///
  /// A broken block is no error: it does not concern the pixels.
  init(exif bytes: UnsafeRawBufferPointer) {
    self = EXIFOrientation.rawOrientation(bytes).flatMap(EXIFOrientation.init) ?? .up
  }

  private static func rawOrientation(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let bigEndian: Bool
    if bytes.starts(with: [0x4D, 0x4D, 0, 42]) {
      bigEndian = true
    } else if bytes.starts(with: [0x49, 0x49, 42, 0]) {
      bigEndian = false
    } else {
      return nil
    }
    // At most four bytes each, so that sums of such numbers cannot overflow.
    func number(at offset: Int, bytes width: Int) -> Int? {
      guard offset <= bytes.count - width else { return nil }
      return (0..<width).reduce(0) { sum, i in
        sum << 8 | Int(bytes[offset + (bigEndian ? i : width - 1 - i)])
      }
    }
    guard let directory = number(at: 4, bytes: 4), let count = number(at: directory, bytes: 2)
    else { return nil }
    for entry in 0..<count {
      let start = directory + 2 + 12 * entry
      guard let tag = number(at: start, bytes: 2) else { return nil }
      if tag == 274 {
        // The standard says 16 bits; some programs write 32.
        switch number(at: start + 2, bytes: 2) {
        case 3: return number(at: start + 8, bytes: 2)
        case 4: return number(at: start + 8, bytes: 4)
        default: return nil
        }
      }
    }
    return nil
  }
}

extension Image {
  /// Turns and mirrors the picture as `orientation` asks, so that it is upright.
  ///
  /// - Throws: `outOfMemory`.
  public func oriented(_ orientation: EXIFOrientation) throws(CNNError) -> Image {
    let (w, h) = (width, height)
    // The result's pixel (x, y) is the source's pixel start + x * stepX + y * stepY.
    switch orientation {
    case .up: return self
    case .upMirrored: return try remapped(w, h, start: w - 1, stepX: -1, stepY: w)
    case .down: return try remapped(w, h, start: w * h - 1, stepX: -1, stepY: -w)
    case .downMirrored: return try remapped(w, h, start: (h - 1) * w, stepX: 1, stepY: -w)
    case .leftMirrored: return try remapped(h, w, start: 0, stepX: w, stepY: 1)
    case .right: return try remapped(h, w, start: (h - 1) * w, stepX: -w, stepY: 1)
    case .rightMirrored: return try remapped(h, w, start: w * h - 1, stepX: -w, stepY: -1)
    case .left: return try remapped(h, w, start: w - 1, stepX: w, stepY: -1)
    }
  }

  /// The mirror image, left and right exchanged.
  public func flippedHorizontally() throws(CNNError) -> Image { try oriented(.upMirrored) }

  /// The image upside down, top and bottom exchanged.
  public func flippedVertically() throws(CNNError) -> Image { try oriented(.downMirrored) }

  private func remapped(
    _ newWidth: Int, _ newHeight: Int, start: Int, stepX: Int, stepY: Int
  ) throws(CNNError) -> Image {
    let channels = channels
    return try derived(width: newWidth, height: newHeight, channels: channels) { source, target in
      var output = 0
      for y in 0..<newHeight {
        var pixel = start + y * stepY
        for _ in 0..<newWidth {
          for c in 0..<channels { target[output + c] = source[pixel * channels + c] }
          output += channels
          pixel += stepX
        }
      }
    }
  }

  /// Creates an image from this one's pixels; the sizes are known to be positive.
  func derived(
    width: Int, height: Int, channels: Int,
    _ body: (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void
  ) throws(CNNError) -> Image {
    let count = try elementCount(
      width, height, channels, of: "an image of \(width) x \(height) x \(channels)")
    let storage = try ByteBuffer(
      uninitializedCount: count, for: "an image of \(width) x \(height) x \(channels)")
    withPixels { pixels in
      let output = storage.mutableBytes.bindMemory(to: UInt8.self)
      if let source = pixels.baseAddress, let target = output.baseAddress { body(source, target) }
    }
    return Image(width: width, height: height, channels: channels, storage: storage)
  }
}
