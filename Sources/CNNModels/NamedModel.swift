import CNNGraph
import CNNLayerKit

/// An architecture that the library knows by name.
///
/// ```swift
/// let model = try Model(NamedModel.named("resnet18").graph(["classes": 37]))
/// ```
public struct NamedModel: Sendable {
  /// The name, as `named(_:)` and the command take it.
  public let name: String
  /// What it is, in one sentence.
  public let summary: String
  /// Height, width and channels of the input unless `input_shape` says otherwise.
  public let inputShape: [Int]
  /// The number of classes unless `classes` says otherwise.
  public let classes: Int
  /// Every option, `input_shape`, `classes` and `precise` among them.
  public let options: [AttributeSpecification]

  private let build: @Sendable (NamedModelOptions) throws(CNNError) -> Graph

  /// Describes an architecture; `options` are those beside what all have.
  init(
    _ name: String, _ summary: String, inputShape: [Int], classes: Int,
    options: [AttributeSpecification] = [],
    build: @escaping @Sendable (NamedModelOptions) throws(CNNError) -> Graph
  ) {
    self.name = name
    self.summary = summary
    self.inputShape = inputShape
    self.classes = classes
    self.build = build
    let sizes = 1...AttributeSpecification.largestSize
    self.options =
      [
        AttributeSpecification(
          "input_shape", .integers(sizes), default: .list(inputShape.map(AttributeValue.integer)),
          "Height, width and channels of the input."),
        AttributeSpecification(
          "classes", .integer(sizes), default: .integer(classes), "The number of outputs."),
        AttributeSpecification(
          "precise", .boolean, default: false,
          "Whether layers compute with the smallest rounding error instead of the fastest way."),
      ] + options
  }

  /// Every architecture.
  public static let all: [NamedModel] = [
    convNet, deep, shallow, alexNet, mnist, resNetSmall, resNet18, resNet34, resNet50,
  ]

  /// Returns the architecture called `name`.
  ///
  /// - Throws: `unknownName` with the nearest name there is.
  public static func named(_ name: String) throws(CNNError) -> NamedModel {
    guard let model = all.first(where: { $0.name == name }) else {
      throw .unknownName("architecture", name, valid: all.map(\.name))
    }
    return model
  }

  /// Returns the graph of the architecture.
  ///
  /// - Parameter options: Values that differ from the defaults; see `options`.
  /// - Throws: `unknownName` for an unknown option, `invalidArgument` for an unfit value. Whether
  ///   the input is large enough shows when a `Network` is made of the graph.
  public func graph(_ options: [String: AttributeValue] = [:]) throws(CNNError) -> Graph {
    do throws(CNNError) {
      let values = try Attributes(options, checkedAgainst: self.options)
      var graph = try build(NamedModelOptions(values, of: self))
      graph.isPrecise = try values.boolean("precise")
      return graph
    } catch {
      throw error.prefixed(by: "architecture \"\(name)\"")
    }
  }

  /// Returns the graph of the architecture, with options as a JSON object; empty text means none.
  ///
  /// - Throws: `malformedData` if it is no JSON object, and as `graph(_:)`.
  public func graph(json options: String) throws(CNNError) -> Graph {
    guard options.contains(where: { !$0.isWhitespace }) else { return try graph() }
    return try graph(JSONText.parseObject(options, "the options of architecture \"\(name)\""))
  }
}

/// The checked options of one architecture.
struct NamedModelOptions {
  let inputShape: [Int]
  let classes: Int
  let values: Attributes

  init(_ values: Attributes, of model: NamedModel) throws(CNNError) {
    self.values = values
    classes = try values.integer("classes")
    inputShape = try values.integers("input_shape")
    guard inputShape.count == 3 else {
      throw .invalidArgument(
        "\"input_shape\" is [height, width, channels], as in \(model.inputShape), got \(inputShape)"
      )
    }
  }
}
