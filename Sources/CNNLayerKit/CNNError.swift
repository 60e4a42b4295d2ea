/// What went wrong: a code to act on and a message to read.
///
/// Every failure of the library is a value of this type, in every module and, with the same code,
/// at the C boundary. The message names the layer, file or argument, what was expected, what was
/// there, and what to do about it.
public struct CNNError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; raw values are the status codes of `cnn.h` and never change.
  public enum Code: Int32, Sendable, CaseIterable {
    /// An argument has a value outside of what the function documents.
    case invalidArgument = 10
    /// A name (of a layer type, attribute, option, optimizer, …) is not known.
    case unknownName = 11
    /// Shapes do not fit each other.
    case shapeMismatch = 12
    /// Memory could not be had, or the memory limit would be passed.
    case outOfMemory = 20
    /// A file could not be opened, read or written.
    case inputOutput = 30
    /// A file or buffer does not hold what its format promises.
    case malformedData = 31
    /// The request is understood, and this build or layer cannot do it.
    case unsupported = 40
    /// The model or session is in use by another thread.
    case busy = 50
    /// A callback asked to stop.
    case cancelled = 60
    /// A loss, gradient or output became infinite or not a number.
    case nonFinite = 61
    /// A layer that a plugin provides reported a failure.
    case layerFailed = 70
    /// The library contradicts itself: please report it.
    case `internal` = 90
  }

  /// The kind of failure.
  public let code: Code
  /// The whole story, in a sentence or two, for a person.
  public let message: String

  /// Creates an error from its code and message.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// Returns the same error with `context` and a colon put in front of the message.
  public func prefixed(by context: String) -> CNNError {
    CNNError(code, "\(context): \(message)")
  }
}

extension CNNError {
  /// An argument outside of what is allowed.
  public static func invalidArgument(_ message: String) -> CNNError {
    CNNError(.invalidArgument, message)
  }

  /// Shapes that do not fit each other.
  public static func shapeMismatch(_ message: String) -> CNNError {
    CNNError(.shapeMismatch, message)
  }

  /// Data that breaks the rules of its format.
  public static func malformedData(_ message: String) -> CNNError {
    CNNError(.malformedData, message)
  }

  /// A name that nobody knows, with the nearest of the valid ones as a suggestion.
  ///
  /// - Parameters:
  ///   - kind: What was named, as in "layer type".
  ///   - name: The name that was given.
  ///   - valid: Every name that would have been accepted.
  public static func unknownName(
    _ kind: String, _ name: String, valid: some Sequence<String>
  ) -> CNNError {
    let names = valid.sorted()
    var message = "unknown \(kind) \"\(name)\""
    if let nearest = nearestName(to: name, among: names) {
      message += "; did you mean \"\(nearest)\"?"
    } else if names.isEmpty {
      message += "; none is available here"
    } else {
      message += "; expected one of: \(names.joined(separator: ", "))"
    }
    return CNNError(.unknownName, message)
  }
}
