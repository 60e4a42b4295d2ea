public import CNNGraph
public import CNNLayerKit

/// Compares the gradients that a graph's layers compute with finite differences.
///
/// The objective is a random weighting of all outputs, summed in double precision, or losses
/// against random targets. For chosen elements of every parameter and input, its slope is measured
/// by centred differences with three step sizes, whose differences tell how far the measurement can
/// be trusted: elements near a kink (of a rectifier, or where another element becomes the largest
/// of a pooling window) are measured again with smaller steps, and left out if that does not help.
///
/// Two errors are judged for each array. The error of an element is |a − n| / (|a| + |n|), the
/// larger with respect to a share of the array's largest slope and to what 32-bit arithmetic can
/// resolve. The error of an array is the same with root mean squares over all chosen elements,
/// those near kinks included: a flipped sign gives 1 there, whatever was left out.
public struct GradientCheck: Hashable, Sendable {
  /// What is differentiated.
  public enum Objective: Hashable, Sendable {
    /// A random weighting of the elements of all outputs.
    case randomWeights
    /// These losses, against random targets.
    case losses([LossSpecification])
  }

  /// What is differentiated.
  public var objective = Objective.randomWeights
  /// The number of samples, at least 1.
  public var batchSize = 2
  /// Where inputs, weights, targets and the choice of elements come from.
  public var seed: UInt64 = 0
  /// The difference by which an element is changed, as a share of the usual size of such elements;
  /// above 0, at most 1.
  public var step = 1e-2
  /// The largest error of an element that passes; above 0, below 1.
  public var tolerance = 2e-2
  /// How many elements of each array are chosen, at least 1.
  public var samples = 50

  /// The defaults.
  public init() {}

  /// Reads options from JSON text; those that are left out get their defaults.
  ///
  /// Keys: `batch_size`, `seed`, `step`, `tolerance`, `samples`, `loss` (as for training; left out
  /// for a random weighting of the outputs).
  /// - Throws: `malformedData` for text that is no JSON object, `unknownName` for unknown keys and
  ///   names, `invalidArgument` for unfit values.
  public init(json: String) throws(CNNError) {
    let options = try OptionReader(
      JSONText.parseObject(json, "the options"),
      valid: ["batch_size", "seed", "step", "tolerance", "samples", "loss"])
    batchSize = try options.integer("batch_size", from: 1) ?? batchSize
    seed = try options.seed("seed") ?? seed
    step = try options.number("step", in: 0...1, excludingLowest: true) ?? step
    tolerance = try options.number("tolerance", in: 0...1, excludingLowest: true) ?? tolerance
    samples = try options.integer("samples", from: 1) ?? samples
    if let value = options.value("loss") {
      objective = .losses(try LossSpecification.list(from: value))
    }
  }

  /// Checks a model; the model itself is not changed.
  ///
  /// Layers compute as in a graph that asks for it (`Graph.isPrecise`), because slopes that are
  /// measured as small differences drown in the rounding of the fastest algorithms.
  ///
  /// - Throws: `invalidArgument` for unfit options, `unsupported` if a layer has no gradient,
  ///   `nonFinite` if an output is not finite for random inputs, `busy` while the model is trained,
  ///   `outOfMemory`.
  public func run(_ model: Model) throws(CNNError) -> Report {
    guard batchSize >= 1, samples >= 1, step > 0, step <= 1, tolerance > 0, tolerance < 1 else {
      throw .invalidArgument(
        "a gradient check needs a batch of at least 1, at least 1 sample, a step above 0 and at "
          + "most 1, and a tolerance above 0 and below 1")
    }
    let bench = try GradientBench(model, check: self)
    return Report(tolerance: tolerance, arrays: try bench.checkAll())
  }

  /// What a check found.
  public struct Report: Hashable, Sendable {
    /// What was found about one parameter or input.
    public struct Array: Hashable, Sendable {
      /// The full name of the parameter, or the name of the input.
      public var name: String
      /// The largest error of a measured element; 0 if none could be measured.
      public var error = 0.0
      /// The error of the array as a whole.
      public var arrayError = 0.0
      /// How many elements were measured.
      public var checked = 0
      /// How many elements were left out because they lie near kinks.
      public var skipped = 0
      /// The index in memory of the element with the largest error, or nil if none was measured.
      public var worstElement: Int?
      /// What the layers computed for it.
      public var analytic = 0.0
      /// What was measured for it.
      public var numeric = 0.0
    }

    /// The largest error of an element that passes.
    public var tolerance: Double
    /// Every parameter, and every input that has a gradient.
    public var arrays: [Array]

    /// The largest error of any element.
    public var largestError: Double { arrays.map(\.error).max() ?? 0 }

    /// Whether every array passes: elements within the tolerance, and the whole within
    /// `arrayTolerance`.
    public var passed: Bool {
      arrays.allSatisfy { $0.error <= tolerance && $0.arrayError <= arrayTolerance }
    }

    /// The largest error of a whole array that passes: kinks make it larger than that of elements.
    public var arrayTolerance: Double { min(0.5, 5 * tolerance) }

    /// The report as a JSON object with the keys `passed`, `largest_error`, and `arrays`: a list of
    /// objects with `name`, `error`, `array_error`, `checked`, `skipped`, `worst_element`,
    /// `analytic` and `numeric`.
    public var json: String {
      JSONText.write([
        "passed": .boolean(passed), "largest_error": .number(largestError),
        "arrays": .list(
          arrays.map { array in
            [
              "name": .string(array.name), "error": .number(array.error),
              "array_error": .number(array.arrayError), "checked": .integer(array.checked),
              "skipped": .integer(array.skipped),
              "worst_element": array.worstElement.map { .integer($0) } ?? .null,
              "analytic": .number(array.analytic), "numeric": .number(array.numeric),
            ]
          }),
      ])
    }
  }
}
