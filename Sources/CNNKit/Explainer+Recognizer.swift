public import CNNExplain
public import CNNGraph
import CNNImaging
public import CNNLayerKit

extension Explainer {
  /// Explains what a recogniser answers: same pictures, same probabilities.
  ///
  /// - Throws: `unsupported` for a model that does not take pictures or does not give one number for
  ///   each class.
  public convenience init(
    _ recognizer: Recognizer, sessions: SessionPool? = nil
  ) throws(CNNError) {
    try self.init(
      model: recognizer.model, preprocessing: recognizer.preprocessing, sessions: sessions
    ) { (picture: Image) throws(CNNError) -> [Float] in
      let answers = try recognizer.classes(ofResized: picture, most: .max)
      return answers.sorted { $0.index < $1.index }.map(\.probability)
    }
  }

  /// Explains what a model recognises.
  ///
  /// - Throws: What `Recognizer.init` throws.
  public convenience init(_ model: Model) throws(CNNError) {
    let sessions = SessionPool(model: model)
    try self.init(Recognizer(model, sessions: sessions), sessions: sessions)
  }
}
