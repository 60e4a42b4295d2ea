package import CNNImaging
import CNNKernels
package import CNNLayerKit

extension Heatmap {
  /// Lays a map of the picture that the network sees over the photo that the picture was made of.
  ///
  /// Between the map's numbers is interpolated linearly; where the photo has fewer pixels than the
  /// map, all numbers under a pixel count. What the network did not see is 0.
  /// - Parameters:
  ///   - photo: The photo, which gives the size of the result.
  ///   - preprocessing: How the photo became the picture.
  /// - Throws: `outOfMemory`.
  package func projected(
    onto photo: Image, through preprocessing: Preprocessing
  ) throws(CNNError) -> Heatmap {
    let placement = preprocessing.placement(of: photo)
    let columns = try AxisWeights(
      photo: photo.width, scaled: placement.scaledWidth, offset: placement.x,
      picture: preprocessing.width, map: width)
    let rows = try AxisWeights(
      photo: photo.height, scaled: placement.scaledHeight, offset: placement.y,
      picture: preprocessing.height, map: height)
    return try Heatmap(width: photo.width, height: photo.height) { target throws(CNNError) in
      // A mixed row of the map for each thread.
      let slots = ThreadPool.threadCount
      let mixed = try FloatBuffer(
        count: try elementCount(slots, width, of: "a row of the map"), for: "a row of the map")
      withValues { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        ThreadPool.parallelRanges(
          count: photo.height, grain: max(1, 32_768 / photo.width), slots: slots
        ) { range, slot in
          let row = mixed.pointer + slot * width
          for y in range where rows.isInside(y) {
            rows.mixRows(at: y, of: from, width: width, into: row)
            columns.interpolate(row, into: to + y * photo.width)
          }
        }
      }
      extendLifetime(mixed)
    }
  }
}

/// For each pixel of a photo along one axis, which numbers of a map lie there, and their shares.
private struct AxisWeights {
  private let count: Int
  /// The most numbers that count for a pixel.
  private let most: Int
  /// For each pixel the index of its first number, or -1 if it was not seen, then `most` shares.
  private let table: FloatBuffer

  /// - Parameters:
  ///   - photo: The photo's pixels along the axis.
  ///   - scaled: The pixels to which they are scaled.
  ///   - offset: The one of these that is the picture's first.
  ///   - picture: The picture's pixels.
  ///   - map: The numbers that cover the picture.
  init(photo: Int, scaled: Int, offset: Int, picture: Int, map: Int) throws(CNNError) {
    let scale = Double(scaled) / Double(photo)
    let density = Double(map) / Double(picture)
    let support = max(1, scale * density)
    let most = min(map, Int(support.rounded(.up)) * 2 + 1)
    let purpose = "laying a map over a photo"
    table = try FloatBuffer(
      count: try elementCount(photo, most + 1, of: purpose), for: purpose)
    count = photo
    self.most = most
    for pixel in 0..<photo {
      let entry = table.pointer + pixel * (most + 1)
      let place = (Double(pixel) + 0.5) * scale - Double(offset)
      guard place >= 0, place < Double(picture) else {
        entry[0] = -1
        continue
      }
      let center = place * density - 0.5
      let first = max(0, min(map - 1, Int((center - support).rounded(.down)) + 1))
      entry[0] = Float(first)
      var sum = 0.0
      for index in 0..<min(most, map - first) {
        let share = max(0, 1 - abs(Double(first + index) - center) / support)
        entry[index + 1] = Float(share)
        sum += share
      }
      guard sum > 0 else { continue }
      for index in 1...most { entry[index] = Float(Double(entry[index]) / sum) }
    }
  }

  func isInside(_ pixel: Int) -> Bool { table.pointer[pixel * (most + 1)] >= 0 }

  /// Adds up the rows of a map that lie at `pixel`.
  func mixRows(
    at pixel: Int, of map: UnsafePointer<Float>, width: Int,
    into row: UnsafeMutablePointer<Float>
  ) {
    let entry = table.pointer + pixel * (most + 1)
    let first = Int(entry[0])
    row.update(repeating: 0, count: width)
    for index in 0..<most where entry[index + 1] != 0 {
      let source = map + (first + index) * width
      let share = entry[index + 1]
      for x in 0..<width { row[x] += share * source[x] }
    }
  }

  /// Spreads a row of a map over a row of the photo, which is 0 before.
  func interpolate(_ row: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    var entry = UnsafePointer(table.pointer)
    for pixel in 0..<count {
      if entry[0] >= 0 {
        let source = row + Int(entry[0])
        var sum: Float = 0
        for index in 0..<most where entry[index + 1] != 0 {
          sum += entry[index + 1] * source[index]
        }
        target[pixel] = sum
      }
      entry += most + 1
    }
  }
}
