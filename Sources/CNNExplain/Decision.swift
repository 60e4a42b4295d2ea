public import CNNGraph
public import CNNImaging
public import CNNLayerKit

/// A picture as a network sees it, and the class whose part in it is in question: what a method looks
/// at.
public struct Decision: Sendable {
  /// The model that decides.
  public let model: Model
  /// How the photo became the network's input.
  public let preprocessing: Preprocessing
  /// The photo.
  public let photo: Image
  /// The photo as it was brought to the size of the network's input.
  public let seen: Image
  /// The number of the class.
  public let classIndex: Int
  /// The tensor with the scores of all classes, as an index into `Network.tensors`; where the network
  /// ends in a softmax, what comes before it.
  public var scores: Int { classScores.tensor }

  let classScores: ClassScores
  let sessions: SessionPool
  let gradients: GradientSessionPool
  private let input: FloatBuffer

  init(
    _ explainer: Explainer, photo: Image, seen: Image, classIndex: Int
  ) throws(CNNError) {
    model = explainer.model
    preprocessing = explainer.preprocessing
    self.photo = photo
    self.seen = seen
    self.classIndex = classIndex
    classScores = explainer.scores
    sessions = explainer.sessions
    gradients = explainer.gradients
    input = try FloatBuffer(count: preprocessing.outputCount, for: "the network's input")
    try preprocessing.normalize(seen, into: input.elements)
  }

  /// Calls `body` with the network's input: height times width times channels, channels fastest.
  public func withInput<Result: ~Copyable>(
    _ body: (UnsafeBufferPointer<Float>) throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    defer { extendLifetime(input) }
    return try body(UnsafeBufferPointer(input.elements))
  }

  /// Lends a session for gradients of the scores with respect to `targets`.
  ///
  /// - Throws: What creating a session throws, or what `body` throws.
  public func withGradientSession<Result>(
    capacity: Int = 1, to targets: [Int],
    _ body: (GradientSession) throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    try gradients.withSession(capacity: capacity, from: [scores], to: targets, body)
  }

  /// Computes the gradients of the class's score for the samples that the session's input holds.
  ///
  /// - Returns: The score for each sample.
  /// - Throws: `nonFinite` if a score is infinite or not a number, or what running throws.
  public func differentiateScore(
    in session: GradientSession, batch: Int
  ) throws(CNNError) -> [Float] {
    var found: [Float] = []
    let count = classScores.count
    try session.run(batch: batch) { session throws(CNNError) in
      let values = try session.values(of: scores)
      let gradient = try session.gradient(of: scores)
      for sample in 0..<batch {
        let place = sample * count + classIndex
        guard values.indices.contains(place), gradient.indices.contains(place) else {
          throw CNNError(.internal, "the scores of the classes are not where they should be")
        }
        found.append(values[place])
        gradient[place] = 1
      }
    }
    guard found.allSatisfy(\.isFinite) else {
      throw CNNError(
        .nonFinite, "the model's output for this picture is infinite or not a number")
    }
    return found
  }
}

/// Sessions for gradients that are lent to whoever explains next.
///
/// Thread-safe.
final class GradientSessionPool: Sendable {
  private let model: Model
  /// Idle sessions, the one used last at the end.
  private let idle = Locked<[GradientSession]>([])

  /// The most sessions that are kept when nobody uses them.
  private static let maximumIdle = 8

  init(model: Model) { self.model = model }

  func withSession<Result>(
    capacity: Int, from sources: [Int], to targets: [Int],
    _ body: (GradientSession) throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    let found = idle.withLock { sessions -> GradientSession? in
      let index = sessions.lastIndex {
        $0.capacity == capacity && $0.sources == sources && $0.targets == targets
      }
      return index.map { sessions.remove(at: $0) }
    }
    let session: GradientSession
    if let found {
      session = found
    } else {
      session = try GradientSession(model: model, capacity: capacity, from: sources, to: targets)
    }
    defer { giveBack(session) }
    return try body(session)
  }

  func releaseIdleSessions() {
    let released = idle.withLock { sessions in
      defer { sessions.removeAll() }
      return sessions
    }
    withExtendedLifetime(released) {}
  }

  private func giveBack(_ session: GradientSession) {
    let dropped: GradientSession? = idle.withLock { sessions in
      let oldest = sessions.count >= GradientSessionPool.maximumIdle ? sessions.removeFirst() : nil
      sessions.append(session)
      return oldest
    }
    withExtendedLifetime(dropped) {}
  }
}
