import CNNKernels
import CNNLayerKit

extension TrainingPlan {
  /// Computes the outputs of one step.
  ///
  /// - Parameters:
  ///   - batch: For how many samples; the table is bound for as many.
  ///   - random: Decides dropout and the like. Its `node` is replaced by the step's.
  func forward(
    _ step: Step, batch: Int, random: RandomKey, services: LayerServices
  ) throws(CNNError) {
    do throws(CNNError) {
      try step.layer.forward(
        ForwardCall(
          batch: batch, mode: .training, inputs: table.list(step.inputs),
          outputs: table.list(step.outputs), parameters: table.list(step.parameters),
          states: table.list(step.states),
          prepared: UnsafeMutableBufferPointer(start: nil, count: 0),
          cache: table.list(step.cache)[0], scratch: table.list(step.forwardScratch)[0],
          random: key(of: step, random), services: services))
    } catch {
      throw error.prefixed(by: "layer \"\(step.name)\"")
    }
  }

  /// Computes the gradients of one step, and gives those of parameters to `consumer` if there is
  /// one; otherwise adds them to the memory for all.
  func backward(
    _ step: Step, _ backward: Backward, batch: Int, random: RandomKey, services: LayerServices,
    into consumer: (any GradientConsumer)? = nil
  ) throws(CNNError) {
    let slots = services.concurrency
    let gradients = table.list(
      consumer == nil ? backward.parameterGradients : backward.passingGradients)
    if consumer != nil {
      for index in 0..<gradients.count {
        guard let gradient = gradients.pointer(index) else { continue }
        Elementwise.fill(gradient, count: gradients[index].count, value: 0, slots: slots)
      }
    }
    do throws(CNNError) {
      try step.layer.backward(
        BackwardCall(
          batch: batch, inputs: table.list(backward.inputs),
          outputs: table.list(backward.outputs),
          outputGradients: table.list(backward.outputGradients),
          inputGradients: table.list(backward.inputGradients),
          parameters: table.list(step.parameters), parameterGradients: gradients,
          gradientReceiver: consumer == nil ? nil : backward.receiver,
          states: table.list(step.states), cache: table.list(step.cache)[0],
          scratch: table.list(backward.scratch)[0], random: key(of: step, random),
          services: services))
    } catch {
      throw error.prefixed(by: "layer \"\(step.name)\", backward")
    }
    let sums = table.list(backward.sums)
    for pair in stride(from: 0, to: sums.count, by: 2) {
      guard let sum = sums.pointer(pair), let term = sums.pointer(pair + 1) else { continue }
      Elementwise.accumulate(term, sum, count: sums[pair].count, slots: slots)
    }
    guard let consumer else { return }
    for index in 0..<gradients.count {
      guard let gradient = gradients.pointer(index) else { continue }
      consumer.consume(
        gradient, parameter: step.parameterIndices[index], offset: 0,
        count: gradients[index].count, concurrency: slots)
    }
  }

  private func key(of step: Step, _ random: RandomKey) -> RandomKey {
    RandomKey(
      seed: random.seed, node: UInt32(truncatingIfNeeded: step.nodes.first ?? 0), step: random.step)
  }
}
