import CNNGraph
public import CNNLayerKit

/// Grad-CAM: where the features lie that speak for a class.
///
/// Selvaraju and others (2017). Of a layer's output, a plane for each feature, every feature is
/// weighed by the mean gradient of the class's score with respect to its plane; the map is the
/// weighted sum of the planes, and 0 where that is negative. It has as many numbers as a plane of that layer, so it shows regions, not pixels.
/// Costs about a prediction and half a backward pass.
public struct GradCAM: HeatmapMethod {
  /// The word by which options refer to it.
  public static let name = "grad_cam"
  /// The options that there are.
  public static let optionNames = ["layer"]

  /// The name of a layer whose output has height and width, at least 2 x 2; nil for the last one.
  public var layer: String?

  /// Looks at a layer's output.
  public init(layer: String? = nil) { self.layer = layer }

  /// Creates the method from options as they stand in JSON.
  ///
  /// - Throws: `invalidArgument` or `unknownName` for a value that is none.
  public init(options: [String: AttributeValue]) throws(CNNError) {
    layer = try options["layer"].map { value throws(CNNError) in
      guard let name = value.asString else {
        throw .invalidArgument("option \"layer\" expects the name of a layer, got \(value)")
      }
      return name
    }
  }

  /// Returns the map and what it explains; see `HeatmapMethod`.
  public func heatmap(of decision: Decision) throws(CNNError) -> (map: Heatmap, score: Float) {
    let tensor = try plane(in: decision)
    let shape = decision.model.network.tensors[tensor].shape
    guard let plane = shape.image else {
      throw CNNError(.internal, "a layer without a plane was chosen")
    }
    return try decision.withGradientSession(to: [tensor]) { session throws(CNNError) in
      let input = try session.input()
      try decision.withInput { source throws(CNNError) in _ = input.update(fromContentsOf: source) }
      let score = try decision.differentiateScore(in: session, batch: 1)[0]
      let features = try session.values(of: tensor)
      let gradient = try session.gradient(of: tensor)
      let map = try Heatmap(width: plane.width, height: plane.height) { map throws(CNNError) in
        GradCAM.weigh(features, gradient, channels: plane.channels, into: map)
      }
      return (map, score)
    }
  }

  private static func weigh(
    _ features: UnsafeMutableBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>,
    channels: Int, into map: UnsafeMutableBufferPointer<Float>
  ) {
    guard features.count == map.count * channels, gradient.count == features.count else { return }
    var weights = [Double](repeating: 0, count: channels)
    for place in map.indices {
      for channel in 0..<channels {
        weights[channel] += Double(gradient[place * channels + channel])
      }
    }
    for place in map.indices {
      var sum = 0.0
      for channel in 0..<channels {
        sum += weights[channel] * Double(features[place * channels + channel])
      }
      map[place] = Float(max(0, sum / Double(map.count)))
    }
  }

  /// The tensor to look at.
  private func plane(in decision: Decision) throws(CNNError) -> Int {
    let network = decision.model.network
    let nodes = network.nodes(before: decision.scores)
    func isPlane(_ tensor: Int) -> Bool {
      guard let image = network.tensors[tensor].shape.image else { return false }
      return image.height >= 2 && image.width >= 2 && network.tensors[tensor].isDifferentiable
    }
    guard let layer else {
      guard let last = nodes.last(where: { isPlane($0.outputs[0]) }) else {
        throw CNNError(
          .unsupported,
          "Grad-CAM needs a layer whose output has height and width, at least 2 x 2; none of this "
            + "model has")
      }
      return last.outputs[0]
    }
    let tensor: Int
    do throws(CNNError) {
      tensor = try network.tensor(named: layer)
    } catch {
      throw .unknownName(
        "layer", layer, valid: nodes.filter { isPlane($0.outputs[0]) }.map(\.name))
    }
    guard isPlane(tensor) else {
      throw .invalidArgument(
        "Grad-CAM needs a layer whose output has height and width, at least 2 x 2; that of "
          + "\"\(layer)\" is \(network.tensors[tensor].shape)")
    }
    return tensor
  }
}
