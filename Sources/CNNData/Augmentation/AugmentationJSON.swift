public import CNNLayerKit

extension Augmentation: Codable {
  /// Reads an augmentation from JSON text.
  ///
  /// - Throws: `invalidArgument` for malformed text and numbers out of range, `unknownName` for a
  ///   key that does not exist.
  public init(json: String) throws(CNNError) {
    self = try decodeStrictly(Augmentation.self, from: json, what: "augmentation")
    try validate()
  }

  /// Returns the augmentation as JSON text, from which it can be read again.
  ///
  /// - Throws: `invalidArgument` if a number is infinite or not a number.
  public func json() throws(CNNError) -> String {
    try encodeStrictly(self, what: "augmentation")
  }

  private static let keys = [
    "random_crop", "random_resized_crop", "rotation", "horizontal_flip", "downscale",
    "color_jitter", "lighting", "grayscale", "cutout",
  ]

  /// Reads an augmentation; unknown keys are errors.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of augmentation", valid: Augmentation.keys)
    self.init(
      randomCrop: try container.value("random_crop", as: RandomCrop.self),
      randomResizedCrop: try container.value("random_resized_crop", as: RandomResizedCrop.self),
      rotation: try container.value("rotation", default: 0),
      horizontalFlip: try container.value("horizontal_flip", default: 0),
      downscale: try container.value("downscale", as: Downscale.self),
      colorJitter: try container.value("color_jitter", as: ColorJitter.self),
      lighting: try container.value("lighting", default: 0),
      grayscale: try container.value("grayscale", default: 0),
      cutout: try container.value("cutout", as: Cutout.self))
  }

  /// Writes only what changes something.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: JSONKey.self)
    func key(_ name: String) -> JSONKey { JSONKey(stringValue: name) }
    try container.encodeIfPresent(randomCrop, forKey: key("random_crop"))
    try container.encodeIfPresent(randomResizedCrop, forKey: key("random_resized_crop"))
    if rotation != 0 { try container.encode(rotation, forKey: key("rotation")) }
    if horizontalFlip != 0 { try container.encode(horizontalFlip, forKey: key("horizontal_flip")) }
    try container.encodeIfPresent(downscale, forKey: key("downscale"))
    try container.encodeIfPresent(colorJitter, forKey: key("color_jitter"))
    if lighting != 0 { try container.encode(lighting, forKey: key("lighting")) }
    if grayscale != 0 { try container.encode(grayscale, forKey: key("grayscale")) }
    try container.encodeIfPresent(cutout, forKey: key("cutout"))
  }
}

extension Augmentation.RandomCrop: Codable {
  /// Reads a crop; unknown keys are errors.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of random_crop", valid: ["padding", "border"])
    let word = try container.value("border", default: Border.black.rawValue)
    guard let border = Border(rawValue: word) else {
      throw CNNError.unknownName(
        "random_crop.border", word, valid: Border.allCases.map(\.rawValue))
    }
    self.init(padding: try container.value("padding", default: 4), border: border)
  }

  /// Writes padding and border.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: JSONKey.self)
    try container.encode(padding, forKey: JSONKey(stringValue: "padding"))
    try container.encode(border.rawValue, forKey: JSONKey(stringValue: "border"))
  }
}

extension Augmentation.RandomResizedCrop: Codable {
  /// Reads a crop; unknown keys are errors.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of random_resized_crop", valid: ["scale", "ratio"])
    let usual = Augmentation.RandomResizedCrop()
    self.init(
      scale: try container.range("scale", of: "random_resized_crop", default: usual.scale),
      ratio: try container.range("ratio", of: "random_resized_crop", default: usual.ratio))
  }

  /// Writes each range as two numbers.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: JSONKey.self)
    try container.encode(
      [scale.lowerBound, scale.upperBound], forKey: JSONKey(stringValue: "scale"))
    try container.encode(
      [ratio.lowerBound, ratio.upperBound], forKey: JSONKey(stringValue: "ratio"))
  }
}

extension Augmentation.Downscale: Codable {
  /// Reads a loss of resolution; unknown keys are errors.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of downscale", valid: ["probability", "scale"])
    self.init(
      probability: try container.value("probability", default: 1),
      scale: try container.range("scale", of: "downscale", default: 0.25...1))
  }

  /// Writes the probability, and the range as two numbers.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: JSONKey.self)
    try container.encode(probability, forKey: JSONKey(stringValue: "probability"))
    try container.encode(
      [scale.lowerBound, scale.upperBound], forKey: JSONKey(stringValue: "scale"))
  }
}

extension KeyedDecodingContainer<JSONKey> {
  /// Two numbers, the smaller one first.
  fileprivate func range(
    _ name: String, of kind: String, default fallback: ClosedRange<Float>
  ) throws -> ClosedRange<Float> {
    guard let bounds = try value(name, as: [Float].self) else { return fallback }
    guard bounds.count == 2, bounds[0] <= bounds[1] else {
      throw CNNError.invalidArgument("\(kind).\(name) must be two numbers, the smaller one first")
    }
    return bounds[0]...bounds[1]
  }
}

extension Augmentation.ColorJitter: Codable {
  /// Reads a jitter; unknown keys are errors.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of color_jitter", valid: ["brightness", "contrast", "saturation", "hue"])
    self.init(
      brightness: try container.value("brightness", default: 0),
      contrast: try container.value("contrast", default: 0),
      saturation: try container.value("saturation", default: 0),
      hue: try container.value("hue", default: 0))
  }

  /// Writes the four strengths.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: JSONKey.self)
    try container.encode(brightness, forKey: JSONKey(stringValue: "brightness"))
    try container.encode(contrast, forKey: JSONKey(stringValue: "contrast"))
    try container.encode(saturation, forKey: JSONKey(stringValue: "saturation"))
    try container.encode(hue, forKey: JSONKey(stringValue: "hue"))
  }
}

extension Augmentation.Cutout: Codable {
  /// Reads a cutout; unknown keys are errors.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(
      of: "key of cutout", valid: ["size", "probability"])
    guard let size = try container.value("size", as: Int.self) else {
      throw CNNError.invalidArgument("cutout needs \"size\", the side of the square in pixels")
    }
    self.init(size: size, probability: try container.value("probability", default: 1))
  }

  /// Writes size and probability.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: JSONKey.self)
    try container.encode(size, forKey: JSONKey(stringValue: "size"))
    try container.encode(probability, forKey: JSONKey(stringValue: "probability"))
  }
}
