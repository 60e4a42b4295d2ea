extension Preprocessing {
  /// Where a photo lies in the picture that the network sees: scaled, then shifted.
  public struct Placement: Sendable, Hashable {
    /// The columns to which the whole photo is scaled.
    public let scaledWidth: Int
    /// The rows to which the whole photo is scaled.
    public let scaledHeight: Int
    /// The column of the scaled photo that is the picture's first one; negative if the photo begins
    /// inside of the picture.
    public let x: Int
    /// The row of the scaled photo that is the picture's first one; negative if the photo begins
    /// inside of the picture.
    public let y: Int
  }

  /// Returns where `photo` lies in the picture that the network sees.
  public func placement(of photo: Image) -> Placement {
    placement(ofWidth: photo.width, height: photo.height)
  }

  /// Returns where a photo lies whose sizes are those of an image, at least 1.
  func placement(ofWidth photoWidth: Int, height photoHeight: Int) -> Placement {
    let scaled = scaledSize(photoWidth, photoHeight)
    var (x, y) = (0, 0)
    switch resize {
    case .stretch: break
    case .shorterSide:
      x = centeredOffset(scaled.width - width)
      y = centeredOffset(scaled.height - height)
    case .fit:
      x = -((width - scaled.width) / 2)
      y = -((height - scaled.height) / 2)
    }
    return Placement(scaledWidth: scaled.width, scaledHeight: scaled.height, x: x, y: y)
  }
}

/// Half of `difference`; a half is rounded to the even number, as Python and torchvision do.
private func centeredOffset(_ difference: Int) -> Int {
  let half = difference / 2
  return difference % 2 == 1 && half % 2 == 1 ? half + 1 : half
}
