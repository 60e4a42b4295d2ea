import CNNLayerKit

/// Uses the gradients of parameters as soon as they are complete: an optimizer, say.
package protocol GradientConsumer: AnyObject, Sendable {
  /// Uses a part of the gradient of a parameter.
  ///
  /// May be called from several threads at once, for parts that do not overlap, and once for each
  /// number in a backward pass.
  /// - Parameters:
  ///   - gradient: The numbers, good during the call.
  ///   - parameter: The index in `Model.parameters`.
  ///   - offset: Where the part begins in the parameter.
  ///   - count: How many numbers there are.
  ///   - concurrency: How many threads may work.
  func consume(
    _ gradient: UnsafePointer<Float>, parameter: Int, offset: Int, count: Int, concurrency: Int)

  /// Whether a gradient was unfit, so that the rest of the backward pass is pointless.
  var hasFailed: Bool { get }
}

/// Where the receivers of a plan pass on what they get, during one backward pass.
///
/// Safety: set before the pass and read during it; a training session is used by one thread at a
/// time.
final class GradientRouter: @unchecked Sendable {
  var consumer: (any GradientConsumer)?
}

/// What one step of a plan hands the gradients of its parameters to.
final class StepReceiver: GradientReceiver {
  private let wanted: [Bool]
  private let parameters: [Int]
  private let router: GradientRouter

  /// Returns nil if no parameter's gradient is handed over.
  init?(wanted: [Bool], parameters: [Int], router: GradientRouter) {
    guard wanted.contains(true) else { return nil }
    self.wanted = wanted
    self.parameters = parameters
    self.router = router
  }

  func wants(parameter index: Int) -> Bool { wanted.indices.contains(index) && wanted[index] }

  func take(_ gradient: UnsafePointer<Float>, parameter index: Int, offset: Int, count: Int) {
    guard wants(parameter: index) else { return }
    router.consumer?.consume(
      gradient, parameter: parameters[index], offset: offset, count: count, concurrency: 1)
  }
}
