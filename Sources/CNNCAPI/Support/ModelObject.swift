import CNNExplain
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit

/// What a `cnn_model` stands for.
final class ModelObject: HandleObject {
  static let cName = "cnn_model"
  let model: Model
  /// Names that callers borrow.
  let names = BorrowedTexts()
  private let sessions: SessionPool
  private let known = Locked<(texts: [String?], recognizer: Recognizer)?>(nil)
  private let knownExplainer = Locked<(recognizer: Recognizer, explainer: Explainer)?>(nil)

  init(_ model: Model) {
    self.model = model
    sessions = SessionPool(model: model)
  }

  /// The most samples that are computed at once by calls without a session of their own: larger
  /// batches gain no speed and take memory.
  static let largestPiece = 64

  /// Runs `body` with a session for at least `batch` samples that nobody else uses.
  func withSession(
    batch: Int, _ body: (Session) throws(CNNError) -> Void
  ) throws(CNNError) {
    try retryingWhenOutOfMemory { () throws(CNNError) in
      try sessions.withSession(batch: batch, body)
    }
  }

  /// Runs `body`; if memory is short, again after giving back what other calls left for reuse.
  func retryingWhenOutOfMemory<Result>(
    _ body: () throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    do throws(CNNError) {
      return try body()
    } catch {
      guard error.code == .outOfMemory else { throw error }
      sessions.releaseIdleSessions()
      return try body()
    }
  }

  /// What recognises pictures with this model; made anew when the settings that it reads have changed.
  func recognizer() throws(CNNError) -> Recognizer {
    let metadata = model.metadata
    let texts = [metadata[Model.preprocessingKey], metadata[Model.recognitionKey]]
    if let known = known.withLock({ $0 }), known.texts == texts { return known.recognizer }
    let recognizer = try Recognizer(model, sessions: sessions)
    known.withLock { $0 = (texts, recognizer) }
    return recognizer
  }

  /// What explains the answers of `recognizer()`; made anew when that is.
  func explainer() throws(CNNError) -> Explainer {
    let recognizer = try recognizer()
    if let known = knownExplainer.withLock({ $0 }), known.recognizer === recognizer {
      return known.explainer
    }
    let explainer = try Explainer(recognizer, sessions: sessions)
    knownExplainer.withLock { $0 = (recognizer, explainer) }
    return explainer
  }
}
