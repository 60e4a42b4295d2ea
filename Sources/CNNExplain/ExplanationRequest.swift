import CNNGraph
public import CNNLayerKit

/// What is to be explained, and how, as options say it.
public struct ExplanationRequest: Sendable {
  /// How to look.
  public var method: any HeatmapMethod
  /// Which class.
  public var choice: Explainer.Choice

  /// Collects what is to be explained.
  public init(method: any HeatmapMethod = GradCAM(), choice: Explainer.Choice = .likeliest) {
    self.method = method
    self.choice = choice
  }

  /// Reads options from JSON: `{"method": "grad_cam", "class": "cat", "layer": "conv5"}`.
  ///
  /// `method` and `class` (a number or a name) may be left out or null; the rest belongs to the
  /// method.
  /// - Throws: `malformedData` if the text is no JSON object, `unknownName` for a method or option
  ///   that there is not, `invalidArgument` for a value that is none.
  public init(json: String) throws(CNNError) {
    var members = try JSONText.parseObject(json, "options").filter { $0.value != .null }
    let method = members.removeValue(forKey: "method") ?? .string(GradCAM.name)
    let choice = members.removeValue(forKey: "class")
    guard let name = method.asString else {
      throw .invalidArgument("option \"method\" expects the name of a method, got \(method)")
    }
    self.choice = try choice.map(ExplanationRequest.choice) ?? .likeliest
    self.method = try HeatmapMethods.make(name, options: members)
  }

  private static func choice(_ value: AttributeValue) throws(CNNError) -> Explainer.Choice {
    if let name = value.asString { return .name(name) }
    guard let index = value.asInteger else {
      throw .invalidArgument("option \"class\" expects the number or name of a class, got \(value)")
    }
    return .index(index)
  }
}
