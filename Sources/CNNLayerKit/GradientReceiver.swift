/// Takes the gradient of a parameter out of a layer's hands in parts, each as soon as it is complete.
///
/// A training step that needs each gradient only once, to change the parameter by it, then needs no
/// memory for the gradient of a large parameter: a part is used while it is in the cache, and
/// forgotten. A layer takes part by saying so in `Layer.handsOverGradient(parameter:)`.
public protocol GradientReceiver: AnyObject, Sendable {
  /// Whether the gradient of the layer's parameter at `index` is to be handed over; false for
  /// parameters that are frozen.
  func wants(parameter index: Int) -> Bool

  /// Takes a part of a gradient, and may change that part of the parameter at once.
  ///
  /// Each number is handed over once in a backward pass, complete, and after the last time that the
  /// pass reads that part of the parameter. Several threads may hand over parts at the same time.
  /// How a gradient is cut must depend on sizes alone.
  /// - Parameters:
  ///   - gradient: The numbers, good during the call.
  ///   - index: The number of the parameter in the layer.
  ///   - offset: Where the part begins, counted in numbers from the parameter's start.
  ///   - count: How many numbers there are.
  func take(_ gradient: UnsafePointer<Float>, parameter index: Int, offset: Int, count: Int)
}
