public import CNNLayerKit

/// Which loss judges which output, against which target, and how much it counts.
public struct LossSpecification: Hashable, Sendable {
  /// The name of the network's output, or nil for the first one.
  public var output: String?
  /// The name of the loss, as `LossRegistry` knows it.
  public var type: String
  /// The attributes of the loss that differ from its defaults.
  public var attributes: [String: AttributeValue]
  /// The factor of this loss in the total, finite and at least 0.
  public var weight: Double
  /// The name of the data set's target, or nil for the one that is called like the output, or else
  /// the only one that fits.
  public var target: String?

  /// Specifies a loss.
  public init(
    _ type: String, output: String? = nil, weight: Double = 1, target: String? = nil,
    attributes: [String: AttributeValue] = [:]
  ) {
    self.type = type
    self.output = output
    self.weight = weight
    self.target = target
    self.attributes = attributes
  }

  /// Softmax cross-entropy for the first output.
  public static let defaults = [LossSpecification("softmax_cross_entropy")]

  /// The name that stands for no loss: the caller writes that output's gradient.
  static let noLoss = "none"

  /// Reads the value of the option "loss": one loss for the first output, or an object from names
  /// of outputs to losses.
  ///
  /// - Throws: `invalidArgument`, or `unknownName` for a loss or attribute that does not exist.
  public static func list(
    from value: AttributeValue, registry: LossRegistry = .shared
  ) throws(CNNError) -> [LossSpecification] {
    if case .object(let members) = value, members["type"]?.asString == nil {
      var losses: [LossSpecification] = []
      for (output, loss) in members.sorted(by: { $0.key < $1.key }) {
        if let loss = try one(from: loss, output: output, registry) { losses.append(loss) }
      }
      return losses
    }
    return try one(from: value, output: nil, registry).map { [$0] } ?? []
  }

  private static func one(
    from value: AttributeValue, output: String?, _ registry: LossRegistry
  ) throws(CNNError) -> LossSpecification? {
    var (type, attributes) = try typeAndAttributes(value, of: "a loss")
    if type == noLoss {
      _ = try OptionReader(attributes, valid: [], prefix: "loss.")
      return nil
    }
    var common: [String: AttributeValue] = [:]
    for name in ["weight", "target"] { common[name] = attributes.removeValue(forKey: name) }
    let reader = try OptionReader(common, valid: ["weight", "target"], prefix: "loss.")
    let loss = LossSpecification(
      type, output: output, weight: try reader.number("weight", in: 0...1e6) ?? 1,
      target: try reader.string("target"), attributes: attributes)
    _ = try loss.make(registry: registry)
    return loss
  }

  /// Makes the loss.
  ///
  /// - Throws: `unknownName`, `invalidArgument`.
  func make(registry: LossRegistry = .shared) throws(CNNError) -> any Loss {
    guard weight.isFinite, weight >= 0, weight <= 1e6 else {
      throw .invalidArgument("the weight of loss \"\(type)\" is from 0 to 1e6, got \(weight)")
    }
    if type == LossSpecification.noLoss {
      throw .invalidArgument("loss \"none\" means that the list of losses has no entry")
    }
    let entry: LossType
    do throws(CNNError) {
      entry = try registry.entry(named: type)
    } catch {
      throw CNNError.unknownName(
        LossType.kind, type, valid: registry.names + [LossSpecification.noLoss])
    }
    do throws(CNNError) {
      return try entry.create(Attributes(attributes, checkedAgainst: entry.attributes))
    } catch {
      throw error.prefixed(by: "loss \"\(type)\"")
    }
  }

  /// The specification as `list` reads it.
  private var value: AttributeValue {
    var members = attributes
    if weight != 1 { members["weight"] = .number(weight) }
    if let target { members["target"] = .string(target) }
    return jsonValue(type: type, attributes: members)
  }

  /// The value of the option "loss" that gives these losses.
  static func value(of losses: [LossSpecification]) -> AttributeValue {
    if losses.isEmpty { return .string(noLoss) }
    if losses.count == 1, losses[0].output == nil { return losses[0].value }
    var members: [String: AttributeValue] = [:]
    for loss in losses { members[loss.output ?? ""] = loss.value }
    return .object(members)
  }
}
