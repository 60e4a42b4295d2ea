public import CNNLayerKit

/// A way to find out which places of a picture decide.
///
/// A method gets the picture as the network sees it, and returns a map over that; the explainer lays
/// it over the photo. Your own types can be methods as well.
public protocol HeatmapMethod: Sendable {
  /// The word by which options refer to the method, as in `grad_cam`.
  static var name: String { get }

  /// The options that `init(options:)` knows.
  static var optionNames: [String] { get }

  /// Creates the method from options as they stand in JSON; all of them are in `optionNames`.
  ///
  /// - Throws: `invalidArgument` for a value that is none.
  init(options: [String: AttributeValue]) throws(CNNError)

  /// The share of places that may be stronger than the strongest colour of an overlay, so that a few
  /// outliers do not leave the rest dark. 0 by default.
  var clippedShare: Float { get }

  /// Returns a map of any size that covers the picture, and what the map explains: the class's score
  /// or probability, as the method has it.
  ///
  /// - Throws: `unsupported` if the network does not allow it, `unknownName`, `invalidArgument` for an
  ///   option that does not fit the network, `outOfMemory`, `busy`, `nonFinite`.
  func heatmap(of decision: Decision) throws(CNNError) -> (map: Heatmap, score: Float)
}

extension HeatmapMethod {
  /// None.
  public var clippedShare: Float { 0 }
}

/// The methods that options may name.
public enum HeatmapMethods {
  /// All of them, the usual one first.
  public static let all: [any HeatmapMethod.Type] = [GradCAM.self, Saliency.self, Occlusion.self]

  /// Creates a method from its name and options.
  ///
  /// - Throws: `unknownName` for a name or an option that there is not, or what `init(options:)`
  ///   throws.
  public static func make(
    _ name: String, options: [String: AttributeValue] = [:]
  ) throws(CNNError) -> any HeatmapMethod {
    guard let type = all.first(where: { $0.name == name }) else {
      throw .unknownName("method", name, valid: all.map { $0.name })
    }
    for key in options.keys.sorted() where !type.optionNames.contains(key) {
      throw .unknownName("option of \(name)", key, valid: type.optionNames)
    }
    return try type.init(options: options.filter { $0.value != .null })
  }
}
