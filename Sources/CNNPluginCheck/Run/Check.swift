/// One promise of `cnn_plugin.h`, and how to see whether a plugin keeps it.
package struct Check: Sendable {
  /// What a check looks at.
  package enum Subject: String, Sendable, CaseIterable {
    /// The shared object as a whole.
    case file
    /// A layer type.
    case layer
    /// A kind of loss.
    case loss
    /// A kind of optimizer.
    case optimizer
  }

  /// What is looked at.
  package let subject: Subject
  /// The name, for reports and for `--only`: unique within the subject.
  package let name: String
  /// What has to hold, in a sentence.
  package let promise: String
  /// Checks of the same subject without which this one makes no sense.
  package let needs: [String]
  /// Whether the check runs in two processes, whose results have to have the same bits.
  package let runsTwice: Bool

  /// Looks, throws what is wrong, and returns a digest of the bits that were computed, or nil.
  let run: @Sendable (CheckContext) throws -> UInt64?

  init(
    _ subject: Subject, _ name: String, _ promise: String, needs: [String] = [],
    runsTwice: Bool = false, run: @escaping @Sendable (CheckContext) throws -> UInt64?
  ) {
    self.subject = subject
    self.name = name
    self.promise = promise
    self.needs = needs
    self.runsTwice = runsTwice
    self.run = run
  }

  /// A check that computes nothing to compare between processes.
  init(
    _ subject: Subject, _ name: String, _ promise: String, needs: [String] = [],
    run: @escaping @Sendable (CheckContext) throws -> Void
  ) {
    self.init(subject, name, promise, needs: needs) { context -> UInt64? in
      try run(context)
      return nil
    }
  }

  /// Every check, in the order in which they run.
  package static let all: [Check] =
    fileChecks + layerCreationChecks + layerCallChecks + layerRepetitionChecks
    + layerMemoryChecks + layerClaimChecks + layerGradientChecks + layerDeterminismChecks
    + layerUseChecks + lossChecks + optimizerChecks
}

/// A promise that is not kept.
struct Finding: Error {
  let message: String

  init(_ message: String) { self.message = message }
}

/// A reason why there is nothing to check.
struct Skip: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Throws a finding unless something holds.
func expect(_ holds: Bool, _ message: @autoclosure () -> String) throws {
  guard holds else { throw Finding(message()) }
}

/// How a check ended.
package enum Outcome: Sendable, Equatable {
  /// The promise is kept, as far as one can see.
  case passed
  /// There was nothing to check, for this reason.
  case skipped(String)
  /// The promise is broken, in this way.
  case failed(String)
}
