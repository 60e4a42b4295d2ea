import CNNLayerKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Computes the probabilities of classes from the outputs of a network.
///
/// One place for everybody, so that all give the same bits. Computes in double precision.
package struct ClassProbabilities: Sendable {
  /// How outputs become probabilities.
  package let recognition: Recognition
  /// The number of classes: the size of the output's last axis.
  package let classes: Int
  /// Whether the output is probabilities already, computed by a softmax layer.
  package let followsSoftmax: Bool

  /// Prepares for one of a network's outputs.
  ///
  /// - Throws: `unsupported` if mirror images are asked for and the network does not take one picture
  ///   and give one number for each class.
  package init(
    _ network: Network, output index: Int = 0, recognition: Recognition
  ) throws(CNNError) {
    let output = network.tensors[network.outputs[index]]
    if recognition.averageFlips {
      let inputs = network.inputs.map { network.tensors[$0].shape }
      guard inputs.count == 1, inputs[0].image != nil, output.shape.rank == 1 else {
        throw CNNError(
          .unsupported,
          "averaging over mirror images needs a model with one input of shape [height, width, "
            + "channels] and one number for each class; this one takes "
            + inputs.map(\.description).joined(separator: ", ") + " and its output "
            + "\"\(output.name)\" has the shape \(output.shape)")
      }
    }
    self.recognition = recognition
    classes = output.shape.sizes.last ?? 1
    followsSoftmax =
      output.producer.map { network.nodes[$0].layer.elementaryFunction == .softmax } ?? false
  }

  /// Writes the logits of one row of the output: of the picture, or the mean of it and its mirror
  /// image.
  ///
  /// Behind a softmax these are the logarithms of the probabilities, which differ from the logits by
  /// the same number for all classes and so have the same softmax at every temperature.
  package func logits(
    of row: UnsafePointer<Float>, mirrored: UnsafePointer<Float>?,
    into logits: UnsafeMutablePointer<Double>
  ) {
    for index in 0..<classes {
      var value = logit(row[index])
      if let mirrored { value = (value + logit(mirrored[index])) / 2 }
      logits[index] = value
    }
  }

  private func logit(_ output: Float) -> Double {
    guard followsSoftmax else { return Double(output) }
    // A probability of 0 was rounded to it; NaN stays what it is.
    return log(Double(output < .leastNormalMagnitude ? .leastNormalMagnitude : output))
  }

  /// Replaces logits by probabilities: softmax(logits / temperature).
  ///
  /// - Returns: The logarithm of the sum of exp((logit − largest logit) / temperature), so that the
  ///   logarithm of a probability is (logit − largest logit) / temperature less this.
  @discardableResult
  package func softmax(_ logits: UnsafeMutableBufferPointer<Double>) -> Double {
    let largest = logits.max() ?? 0
    var sum = 0.0
    for index in logits.indices {
      // The difference first: it cannot overflow, whatever the temperature.
      logits[index] = exp((logits[index] - largest) / recognition.temperature)
      sum += logits[index]
    }
    for index in logits.indices { logits[index] /= sum }
    return log(sum)
  }

  /// Returns the probabilities of one row of the output: of a picture, or of a picture and its
  /// mirror image.
  ///
  /// - Throws: `nonFinite` if the output is infinite or not a number.
  package func probabilities(
    of row: [Float], mirrored: [Float]? = nil
  ) throws(CNNError) -> [Float] {
    guard row.allSatisfy(\.isFinite), mirrored?.allSatisfy(\.isFinite) ?? true else {
      throw CNNError(
        .nonFinite, "the model's output for this picture is infinite or not a number")
    }
    if followsSoftmax, recognition == .plain { return row }
    var logits = [Double](repeating: 0, count: row.count)
    logits.withUnsafeMutableBufferPointer { logits in
      row.withUnsafeBufferPointer { row in
        guard let row = row.baseAddress, let start = logits.baseAddress else { return }
        if let mirrored {
          mirrored.withUnsafeBufferPointer {
            self.logits(of: row, mirrored: $0.baseAddress, into: start)
          }
        } else {
          self.logits(of: row, mirrored: nil, into: start)
        }
      }
      softmax(logits)
    }
    return logits.map(Float.init)
  }
}

/// Exchanges left and right of pictures, in place.
package func mirrorColumns(
  of pictures: UnsafeMutablePointer<Float>, height: Int, width: Int, channels: Int, count: Int
) {
  for row in 0..<count * height {
    var left = pictures + row * width * channels
    var right = left + (width - 1) * channels
    while left < right {
      for channel in 0..<channels { swap(&left[channel], &right[channel]) }
      left += channels
      right -= channels
    }
  }
}
