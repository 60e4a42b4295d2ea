import CNNLayerKit

extension Graph {
  /// Reads a graph from JSON.
  ///
  /// ```json
  /// {
  ///   "name": "digits",
  ///   "inputs": [{"name": "image", "shape": [8, 8, 1]}],
  ///   "layers": [
  ///     {"name": "conv", "type": "conv2d", "out_channels": 16, "kernel_size": 3},
  ///     {"name": "relu", "type": "relu"},
  ///     {"name": "logits", "type": "affine", "out_features": 10}
  ///   ],
  ///   "outputs": ["logits"]
  /// }
  /// ```
  ///
  /// A layer's attributes stand beside its `name`, `type` and `inputs`. `name`, a layer's `inputs`
  /// and the graph's `outputs` may be left out, and so may `"precise": true` (`isPrecise`).
  ///
  /// - Throws: `malformedData` if the text is not JSON or has another structure, `unknownName` for
  ///   keys that mean nothing. Layer types and attributes are checked by `Network`.
  public init(json text: String) throws(CNNError) {
    let object = try JSONText.parseObject(text, "the graph")
    try self.init(object)
  }

  /// Reads a graph from the members of a JSON object.
  package init(_ object: [String: AttributeValue]) throws(CNNError) {
    try requireKeys(object, ["name", "inputs", "layers", "outputs", "precise"], in: "the graph")
    name =
      try object["name"].map { value throws(CNNError) in try text(value, "the graph's name") } ?? ""
    let inputs = try list(object["inputs"], "\"inputs\" of the graph")
    self.inputs = try inputs.map { value throws(CNNError) in try Input(value) }
    let layers = try list(object["layers"], "\"layers\" of the graph")
    var nodes: [Node] = []
    for (index, value) in layers.enumerated() { nodes.append(try Node(value, index: index)) }
    self.layers = nodes
    outputs =
      switch object["outputs"] {
      case nil, .null?: []
      case let value?: try names(value, "\"outputs\" of the graph")
      }
    if let precise = object["precise"] {
      guard let flag = precise.asBoolean else {
        throw .malformedData("\"precise\" of the graph is true or false, got \(precise)")
      }
      isPrecise = flag
    }
  }

  /// The graph as JSON, one layer on a line.
  public var json: String {
    var lines: [String] = []
    if !name.isEmpty { lines.append("  \"name\": \(JSONText.quote(name))") }
    let inputs = inputs.map { input in
      "    {\"name\": \(JSONText.quote(input.name)), "
        + "\"shape\": \(JSONText.write(.list(input.shape.map(AttributeValue.integer))))}"
    }
    lines.append("  \"inputs\": [\n" + inputs.joined(separator: ",\n") + "\n  ]")
    lines.append(
      "  \"layers\": [\n" + layers.map { "    " + $0.json }.joined(separator: ",\n") + "\n  ]")
    if !outputs.isEmpty {
      lines.append("  \"outputs\": \(JSONText.write(.list(outputs.map(AttributeValue.string))))")
    }
    if isPrecise { lines.append("  \"precise\": true") }
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }
}

extension Graph.Input {
  fileprivate init(_ value: AttributeValue) throws(CNNError) {
    guard case .object(let object) = value else {
      throw .malformedData(
        "each of the graph's \"inputs\" is an object {\"name\": …, \"shape\": […]}, got \(value)")
    }
    try requireKeys(object, ["name", "shape"], in: "an input of the graph")
    guard let name = object["name"] else {
      throw .malformedData("an input of the graph has no \"name\"")
    }
    self.name = try text(name, "an input's name")
    let sizes = try list(object["shape"], "\"shape\" of input \"\(self.name)\"")
    shape = sizes.compactMap(\.asInteger)
    guard shape.count == sizes.count else {
      throw .malformedData("\"shape\" of input \"\(self.name)\" is a list of whole numbers")
    }
  }
}

extension Graph.Node {
  fileprivate init(_ value: AttributeValue, index: Int) throws(CNNError) {
    guard case .object(var object) = value else {
      throw .malformedData(
        "layer \(index) of the graph is an object {\"name\": …, \"type\": …}, got \(value)")
    }
    guard let type = object.removeValue(forKey: "type") else {
      throw .malformedData("layer \(index) of the graph has no \"type\"")
    }
    self.type = try text(type, "the type of layer \(index)")
    // A name is worth having, and a short network reads better without: number what has none. The
    // domain in front of a foreign type would make parameters hard to read.
    let given = object.removeValue(forKey: "name")
    name =
      try given.map { value throws(CNNError) in try text(value, "the name of layer \(index)") }
      ?? "\(self.type.split(separator: ".").last ?? "layer")\(index + 1)"
    switch object.removeValue(forKey: "inputs") {
    case nil, .null?: inputs = nil
    case .string(let single)?: inputs = [single]
    case let value?: inputs = try names(value, "\"inputs\" of layer \"\(name)\"")
    }
    attributes = object
  }

  fileprivate var json: String {
    var members = ["\"name\": \(JSONText.quote(name))", "\"type\": \(JSONText.quote(type))"]
    for (key, value) in attributes.sorted(by: { $0.key < $1.key }) {
      members.append("\(JSONText.quote(key)): \(JSONText.write(value))")
    }
    if let inputs {
      members.append("\"inputs\": \(JSONText.write(.list(inputs.map(AttributeValue.string))))")
    }
    return "{" + members.joined(separator: ", ") + "}"
  }
}

private func requireKeys(
  _ object: [String: AttributeValue], _ valid: [String], in place: String
) throws(CNNError) {
  for key in object.keys.sorted() where !valid.contains(key) {
    throw CNNError.unknownName("key", key, valid: valid).prefixed(by: place)
  }
}

private func text(_ value: AttributeValue, _ what: String) throws(CNNError) -> String {
  guard let text = value.asString else { throw .malformedData("\(what) is text, got \(value)") }
  return text
}

private func list(_ value: AttributeValue?, _ what: String) throws(CNNError) -> [AttributeValue] {
  guard let value else { throw .malformedData("\(what) is missing") }
  guard case .list(let items) = value else {
    throw .malformedData("\(what) is a list, got \(value)")
  }
  return items
}

private func names(_ value: AttributeValue, _ what: String) throws(CNNError) -> [String] {
  let items = try list(value, what)
  let names = items.compactMap(\.asString)
  guard names.count == items.count else { throw .malformedData("\(what) is a list of names") }
  return names
}
