import CNNKernels
import CNNLayerKit

extension TrainingSession {
  /// Computes gradients from the gradients of the outputs, for the samples of the last `forward`.
  ///
  /// Adds to the gradients of the parameters; call `zeroGradients` first unless they should add up
  /// over several steps. Afterwards the gradients of the outputs are undefined.
  /// - Throws: `invalidArgument` if there was no `forward` since the last `backward`, `busy`,
  ///   `outOfMemory` for the memory of all gradients, which the first call takes, or what a layer
  ///   throws.
  public func backward() throws(CNNError) {
    try keepGradients()
    try runBackward(into: nil)
  }

  /// Computes gradients and gives each to `consumer` as soon as it is complete, so that there is
  /// never memory for all of them.
  ///
  /// When the gradient of a parameter is given away, the pass has read that parameter for the last
  /// time. Stops after the first layer after which the consumer has failed.
  /// - Throws: As `backward`.
  package func backward(into consumer: any GradientConsumer) throws(CNNError) {
    plan.router.consumer = consumer
    defer { plan.router.consumer = nil }
    try runBackward(into: consumer)
  }

  private func runBackward(into consumer: (any GradientConsumer)?) throws(CNNError) {
    guard lastBatch > 0 else {
      throw .invalidArgument("backward needs a forward before it: call forward first")
    }
    // The memory of what it reads was used again by the backward pass before.
    guard awaitsBackward else {
      throw .invalidArgument(
        "backward was done already for this forward: call forward again before the next one")
    }
    let owns = try beginAccess()
    defer { if owns { model.access.endWriting() } }
    awaitsBackward = false
    plan.table.bind(batch: lastBatch)
    for step in plan.steps.reversed() {
      guard let backward = step.backward else { continue }
      try self.backward(step, backward, into: consumer)
      if consumer?.hasFailed == true { return }
    }
  }

  /// Computes the gradients of one step, and gives those of parameters to `consumer` if there is
  /// one; otherwise adds them to the memory for all.
  func backward(
    _ step: TrainingPlan.Step, _ backward: TrainingPlan.Backward,
    into consumer: (any GradientConsumer)? = nil
  ) throws(CNNError) {
    try plan.backward(
      step, backward, batch: lastBatch, random: lastKey, services: services, into: consumer)
  }

  /// Sets the gradients of all parameters to zero.
  public func zeroGradients() {
    guard let gradientMemory else { return }
    Elementwise.fill(
      gradientMemory.pointer, count: gradientMemory.count, value: 0, slots: services.concurrency)
  }
}
