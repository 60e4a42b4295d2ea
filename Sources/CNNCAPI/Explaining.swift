import CCNN
import CNNExplain
import CNNImaging
import CNNKit
import CNNLayerKit

// Section 8 of cnn.h: looking at a decision.

/// What a `cnn_explanation` stands for.
final class ExplanationObject: HandleObject {
  static let cName = "cnn_explanation"
  let explanation: Explanation
  /// Names that callers borrow.
  let names = BorrowedTexts()

  init(_ explanation: Explanation) { self.explanation = explanation }
}

/// See `cnn_explain_file` in `cnn.h`.
@implementation @_cdecl("cnn_explain_file")
public func cnn_explain_file(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outExplanation: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  explain(model, optionsJSON, outExplanation) { explainer, request throws(CNNError) in
    try explainer.explain(
      pictureAt: try text(path, "path"), by: request.method, for: request.choice)
  }
}

/// See `cnn_explain_image` in `cnn.h`.
@implementation @_cdecl("cnn_explain_image")
public func cnn_explain_image(
  _ model: OpaquePointer?, _ image: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outExplanation: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  explain(model, optionsJSON, outExplanation) { explainer, request throws(CNNError) in
    try explainer.explain(
      try object(image, ImageObject.self).image, by: request.method, for: request.choice)
  }
}

/// Explains what a model makes of a picture; both functions in one.
private func explain(
  _ model: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outExplanation: UnsafeMutablePointer<OpaquePointer?>?,
  _ look: (Explainer, ExplanationRequest) throws(CNNError) -> Explanation
) -> Int32 {
  create(outExplanation, "out_explanation") { () throws(CNNError) in
    let model = try object(model, ModelObject.self)
    let request = try ExplanationRequest(
      json: try optionalText(optionsJSON, "options_json") ?? "{}")
    let explainer = try model.explainer()
    do throws(CNNError) {
      return ExplanationObject(try look(explainer, request))
    } catch {
      guard error.code == .outOfMemory else { throw error }
      explainer.releaseIdleSessions()
      return ExplanationObject(try look(explainer, request))
    }
  }
}

/// See `cnn_explanation_free` in `cnn.h`.
@implementation @_cdecl("cnn_explanation_free")
public func cnn_explanation_free(_ explanation: OpaquePointer?) {
  HandleTable.shared.remove(explanation, ExplanationObject.self)
}

/// See `cnn_explanation_describe` in `cnn.h`.
@implementation @_cdecl("cnn_explanation_describe")
public func cnn_explanation_describe(
  _ explanation: OpaquePointer?, _ outInfo: UnsafeMutablePointer<cnn_explanation_info>?
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outInfo, "cnn_explanation_info", empty: cnn_explanation_info()) {
      () throws(CNNError) in
      let object = try object(explanation, ExplanationObject.self)
      let explanation = object.explanation
      var info = cnn_explanation_info()
      info.height = Int64(explanation.map.height)
      info.width = Int64(explanation.map.width)
      info.index = Int64(explanation.classIndex)
      info.label = try object.names.borrow(explanation.label)
      info.method = try object.names.borrow(explanation.method)
      info.probability = Double(explanation.probability)
      info.score = Double(explanation.score)
      info.minimum = Double(explanation.map.minimum)
      info.maximum = Double(explanation.map.maximum)
      return info
    }
  }
}

/// See `cnn_explanation_map` in `cnn.h`.
@implementation @_cdecl("cnn_explanation_map")
public func cnn_explanation_map(
  _ explanation: OpaquePointer?, _ capacity: Int64, _ outMap: UnsafeMutablePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    let map = try object(explanation, ExplanationObject.self).explanation.map
    let out = try room(outMap, capacity: capacity, for: map.width * map.height, "out_map")
    map.withValues { values in
      if let first = values.baseAddress { out.update(from: first, count: values.count) }
    }
  }
}

/// See `cnn_explanation_overlay` in `cnn.h`.
@implementation @_cdecl("cnn_explanation_overlay")
public func cnn_explanation_overlay(
  _ explanation: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outImage: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outImage, "out_image") { () throws(CNNError) in
    let options = try Options(optionsJSON, keys: ["opacity", "color_map"])
    let explanation = try object(explanation, ExplanationObject.self).explanation
    return ImageObject(
      try explanation.overlay(
        opacity: try options.number("opacity", default: 0.5, in: 0...1),
        colorMap: try options.word("color_map", default: ColorMap.inferno)))
  }
}
