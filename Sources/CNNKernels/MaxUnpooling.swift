import Synchronization

/// The partial inverse of max pooling: values return to where they came from, zeros elsewhere.
///
/// Zeiler and Fergus (2014). Inputs are [batch, inputPixels, channels], with an index into the output
/// plane, y · outputWidth + x as a float, for each value; outputs are [batch, outputPixels, channels].
package enum MaxUnpooling {
  /// Writes zeros and then the values to their places; the last of several for one place stays.
  ///
  /// - Returns: How many indices were no whole numbers of the plane; their values are left out.
  @discardableResult
  package static func forward(
    _ input: UnsafePointer<Float>, indices: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>, batch: Int, inputPixels: Int, outputPixels: Int,
    channels: Int, slots: Int
  ) -> Int {
    let invalid = Atomic<Int>(0)
    PlaneBlocks.forEach(batch: batch, channels: channels, slots: slots) { sample, first, width in
      var source = sample * inputPixels * channels + first
      let target = output + sample * outputPixels * channels + first
      PlaneBlocks.zero(target, pixels: outputPixels, channels: width, pitch: channels)
      var missed = 0
      for _ in 0..<max(inputPixels, 0) {
        for c in 0..<width {
          if let place = place(indices[source + c], outputPixels) {
            target[place * channels + c] = input[source + c]
          } else {
            missed += 1
          }
        }
        source += channels
      }
      if missed > 0 { invalid.wrappingAdd(missed, ordering: .relaxed) }
    }
    return invalid.load(ordering: .relaxed)
  }

  /// gradInput = gradOutput at each value's place, and 0 for an index outside of the plane.
  ///
  /// Overwritten. Exact where no place was written twice.
  package static func backward(
    gradOutput: UnsafePointer<Float>, indices: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, batch: Int, inputPixels: Int, outputPixels: Int,
    channels: Int, slots: Int
  ) {
    PlaneBlocks.forEach(batch: batch, channels: channels, slots: slots) { sample, first, width in
      var target = sample * inputPixels * channels + first
      let source = gradOutput + sample * outputPixels * channels + first
      for _ in 0..<max(inputPixels, 0) {
        for c in 0..<width {
          let place = place(indices[target + c], outputPixels)
          gradInput[target + c] = place.map { source[$0 * channels + c] } ?? 0
        }
        target += channels
      }
    }
  }

  private static func place(_ index: Float, _ pixels: Int) -> Int? {
    guard index >= 0, let place = Int(exactly: index), place < pixels else { return nil }
    return place
  }
}
