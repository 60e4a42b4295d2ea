import CNNGraph
public import CNNLayerKit

extension Training {
  /// Trains on the inputs and targets that were set: forward, loss, backward, clipping, update.
  ///
  /// Each parameter changes as soon as its gradient is complete, and then the gradient is forgotten,
  /// unless clipping needs all of them, or somebody has asked to see them before
  /// (`session.gradient(of:)`, `backward`). The bits are the same.
  /// - Returns: The loss before the update.
  /// - Throws: `nonFinite` if the loss is not finite, naming the step and the first layer whose
  ///   output was not; then the model is as it was. `nonFinite` if a gradient is not finite; then
  ///   parameters of layers behind it may have changed, and no parameter has become infinite or not
  ///   a number by it. Else as `forward`, `computeLoss` and `backward`.
  public func step() throws(CNNError) -> Double {
    try exclusively { () throws(CNNError) in try runStep() }
  }

  /// Trains a model with one input on samples with class numbers for its first output.
  ///
  /// - Parameters:
  ///   - batch: The number of samples, from 1 to the option's `batchSize`.
  ///   - inputs: The samples, one after the other.
  ///   - labels: The classes, from 0: one for each position of each sample.
  /// - Returns: The mean loss of the batch before the update.
  /// - Throws: As `step()`, and `shapeMismatch` if counts do not fit.
  public func step(
    batch: Int, inputs: UnsafeBufferPointer<Float>,
    labels: UnsafeBufferPointer<some FixedWidthInteger>
  ) throws(CNNError) -> Double {
    let memory = try input(batch: batch)
    guard memory.count == inputs.count, let source = inputs.baseAddress,
      let destination = memory.baseAddress
    else {
      throw .shapeMismatch(
        "\(batch) samples of this network's input are \(memory.count) numbers, got "
          + "\(inputs.count)")
    }
    destination.update(from: source, count: inputs.count)
    try setLabels(labels)
    return try step()
  }

  /// A step for a caller who has the training to itself.
  func runStep() throws(CNNError) -> Double {
    try session.withExclusiveAccess { () throws(CNNError) in
      guard session.gradientMemory == nil else {
        session.zeroGradients()
        let loss = try runGradients()
        try runOptimizer(gradientScale: 1)
        return loss
      }
      try runForward()
      let loss = try runLoss()
      try runBackwardAndUpdate()
      return loss
    }
  }

  /// Adds the gradients of one batch to those that are there, and returns its loss.
  func runGradients() throws(CNNError) -> Double {
    try session.withExclusiveAccess { () throws(CNNError) in
      try runForward()
      let loss = try runLoss()
      try session.backward()
      return loss
    }
  }
}
