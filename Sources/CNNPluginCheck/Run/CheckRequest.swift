import CNNLayerKit

/// What to check, and what is known about it.
package struct CheckRequest: Sendable {
  /// The plugin, or nil to check the layer types of the library.
  package var file: String?
  /// Plugins to load beforehand.
  package var companions: [String] = []
  /// The shapes of the inputs of a sample to make layers with; empty to try some.
  package var inputs: [Shape] = []
  /// Attributes to make layers with, beside defaults.
  package var attributes: [String: AttributeValue] = [:]
  /// The numbers that inputs are made of.
  package var values: ClosedRange<Float> = -1...1
  /// The names of the checks to run; empty for all.
  package var only: [String] = []
  /// The names of checks to leave out.
  package var without: [String] = []
  /// The names of the types to look at; empty for all.
  package var types: [String] = []
  /// The seconds that a check may take.
  package var timeLimit = 30.0

  /// Asks for all checks of a plugin.
  package init(file: String?) { self.file = file }

  /// Whether a check is wanted.
  func wants(_ check: Check) -> Bool {
    (only.isEmpty || only.contains(check.name)) && !without.contains(check.name)
  }
}

/// What a check works on, in the process that it has for itself.
struct CheckContext: Sendable {
  let request: CheckRequest
  /// The name of the type; empty for checks of the file.
  let type: String
}
