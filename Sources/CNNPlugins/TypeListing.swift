import CNNGraph
package import CNNLayerKit
import CNNTraining

/// What kinds of layer, loss and optimizer there are, as JSON can say it; see `cnn_layer_types` in
/// `cnn.h`.
package enum TypeListing {
  /// The layer types, then the blocks, each sorted by name.
  package static func layerTypes(
    in registry: LayerRegistry = .shared
  ) throws(CNNError) -> AttributeValue {
    var rows: [AttributeValue] = []
    for name in registry.names {
      let type = try registry.type(named: name)
      rows.append(
        .object([
          "name": .string(name), "version": .integer(type.version),
          "summary": .string(type.summary), "origin": origin(registry.origin(of: name)),
          "inputs": [.integer(type.inputCount.lowerBound), .integer(type.inputCount.upperBound)],
          "attributes": describe(type.attributes),
        ]))
    }
    for name in registry.blockNames {
      guard let block = registry.block(named: name) else { continue }
      rows.append(
        .object([
          "name": .string(block.name), "summary": .string(block.summary),
          "origin": origin(.builtIn), "attributes": describe(block.attributes),
        ]))
    }
    return .list(rows)
  }

  /// The losses, sorted by name.
  package static func lossTypes(
    in registry: LossRegistry = .shared
  ) throws(CNNError) -> AttributeValue {
    var rows: [AttributeValue] = []
    for name in registry.names {
      let type = try registry.entry(named: name)
      rows.append(row(name, type.summary, registry.origin(of: name), type.attributes))
    }
    return .list(rows)
  }

  /// The optimizers, sorted by name.
  package static func optimizerTypes(
    in registry: OptimizerRegistry = .shared
  ) throws(CNNError) -> AttributeValue {
    var rows: [AttributeValue] = []
    for name in registry.names {
      let type = try registry.entry(named: name)
      rows.append(row(name, type.summary, registry.origin(of: name), type.attributes))
    }
    return .list(rows)
  }

  private static func row(
    _ name: String, _ summary: String, _ origin: TypeOrigin?, _ attributes: [AttributeSpecification]
  ) -> AttributeValue {
    .object([
      "name": .string(name), "summary": .string(summary), "origin": self.origin(origin),
      "attributes": describe(attributes),
    ])
  }

  private static func origin(_ origin: TypeOrigin?) -> AttributeValue {
    .string((origin ?? .program).description)
  }

  /// The plugins that were loaded.
  package static func plugins() -> AttributeValue {
    .list(
      Plugin.loaded.map { plugin in
        .object([
          "id": .string(plugin.id), "version": .string(plugin.version),
          "summary": .string(plugin.summary), "path": .string(plugin.path),
          "abi": .string(plugin.abi), "layer_types": names(plugin.layerTypes),
          "loss_types": names(plugin.lossTypes), "optimizer_types": names(plugin.optimizerTypes),
        ])
      })
  }

  private static func names(_ names: [String]) -> AttributeValue {
    .list(names.map(AttributeValue.string))
  }

  /// Attributes or options as a list of objects.
  package static func describe(_ attributes: [AttributeSpecification]) -> AttributeValue {
    .list(attributes.map(describe))
  }

  private static func describe(_ attribute: AttributeSpecification) -> AttributeValue {
    var members: [String: AttributeValue] = [
      "name": .string(attribute.name), "summary": .string(attribute.summary),
      "expects": .string(attribute.kind.expectation),
    ]
    members["default"] = attribute.defaultValue
    let limits: (AttributeValue, AttributeValue)?
    (members["kind"], limits) =
      switch attribute.kind {
      case .integer(let range): ("integer", integers(range))
      case .number(let range): ("number", numbers(range))
      case .boolean: ("boolean", nil)
      case .choice: ("choice", nil)
      case .string: ("string", nil)
      case .pair(let range): ("pair", integers(range))
      case .padding: ("padding", nil)
      case .integers(let range): ("integers", integers(range))
      case .any: ("any", nil)
      }
    if let limits { (members["minimum"], members["maximum"]) = limits }
    if case .choice(let words) = attribute.kind { members["choices"] = names(words) }
    return .object(members)
  }

  private static func integers(_ range: ClosedRange<Int>) -> (AttributeValue, AttributeValue)? {
    (.integer(range.lowerBound), .integer(range.upperBound))
  }

  private static func numbers(_ range: ClosedRange<Double>) -> (AttributeValue, AttributeValue)? {
    range.upperBound >= .greatestFiniteMagnitude
      ? nil : (.number(range.lowerBound), .number(range.upperBound))
  }
}
