import CNNGraph
import CNNLayerKit

/// A copy of a model's parameters and states.
final class BestParameters {
  let parameters: FloatBuffer
  let states: FloatBuffer
  private let parameterMemory: ModelMemory
  private let stateMemory: ModelMemory

  init(_ model: Model) throws(CNNError) {
    parameterMemory = try ModelMemory(model, model.parameters)
    stateMemory = try ModelMemory(model, model.states)
    parameters = try FloatBuffer(
      count: parameterMemory.count, for: "a copy of the best parameters")
    states = try FloatBuffer(
      count: stateMemory.count, for: "a copy of the best running statistics")
  }

  /// Copies the model's numbers.
  func keep() {
    parameterMemory.save(to: parameters)
    stateMemory.save(to: states)
  }

  /// Gives the model the numbers that were copied; the caller has the model to itself.
  func putBack() {
    parameterMemory.restore(from: parameters)
    stateMemory.restore(from: states)
  }
}
