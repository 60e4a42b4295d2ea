/// A function that other layers may compute in passing, because everybody knows it.
///
/// A layer that computes exactly one of these says so in `Layer.elementaryFunction`, and takes part in
/// everything that is made for it: a convolution applies it to its sums, a loss that applies it by
/// itself refuses a network that ends in it. Who asks never looks at the name of a layer's type.
public enum ElementaryFunction: Hashable, Sendable {
  /// `max(x, 0)`.
  case rectifier
  /// `x` where positive, `negativeSlope · x` elsewhere.
  case leakyRectifier(negativeSlope: Float)
  /// `1 / (1 + exp(-x))`.
  case sigmoid
  /// `exp(x)`, divided by the sum of these along the last axis.
  case softmax

  /// The word for messages.
  public var name: String {
    switch self {
    case .rectifier: "relu"
    case .leakyRectifier: "leaky_relu"
    case .sigmoid: "sigmoid"
    case .softmax: "softmax"
    }
  }
}

/// A layer that, when predicting, only scales and shifts each channel, by numbers that depend on
/// parameters and states alone: a layer in front with sums per channel may do that for it.
public protocol ChannelAffine: Layer {
  /// The size of the last axis.
  var channels: Int { get }

  /// Returns the factor of a channel and what is added to the product.
  ///
  /// - Parameters:
  ///   - channel: From 0 and below `channels`.
  ///   - parameters: The layer's parameters.
  ///   - states: The layer's states.
  func scaleAndShift(
    of channel: Int, parameters: TensorList, states: TensorList
  ) throws(CNNError) -> (scale: Double, shift: Double)
}

/// A layer with states that can be trained through while its states stay what they are.
///
/// Frozen layers are trained so: a normalisation, say, then normalises with its running statistics.
public protocol StateKeeping: Layer {
  /// A layer of the same parameters and states that computes in training what this one computes when
  /// predicting, with the gradient of that, and never writes its states.
  var keepingStates: any Layer { get }
}

/// A layer that, when training, can rectify its input in the same pass.
public protocol InputRectifying: Layer {
  /// Returns a layer that computes the rectifier and then this layer, with the parameters and states of
  /// this one, or nil if there is none.
  func rectifyingInput() -> (any Layer)?
}
