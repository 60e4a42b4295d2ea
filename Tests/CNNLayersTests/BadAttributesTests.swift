import CNNLayerKit
import Testing

@Suite struct BadAttributesTests {
  /// What makes no sense, and words that the message must have.
  struct Mistake: Sendable, CustomTestStringConvertible {
    let type: String
    let attributes: [String: AttributeValue]
    let inputs: [[Int]]
    let code: CNNError.Code
    let words: [String]

    init(
      _ type: String, _ attributes: [String: AttributeValue], _ inputs: [[Int]],
      _ code: CNNError.Code, _ words: String...
    ) {
      self.type = type
      self.attributes = attributes
      self.inputs = inputs
      self.code = code
      self.words = words
    }

    var testDescription: String { "\(type) \(AttributeValue.object(attributes)) \(inputs)" }
  }

  static let mistakes: [Mistake] = [
    Mistake(
      "conv2d", ["kernel_size": 3], [[8, 8, 3]], .invalidArgument, "out_channels", "missing"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernal_size": 3], [[8, 8, 3]], .unknownName,
      "kernal_size", "did you mean \"kernel_size\""),
    Mistake(
      "conv2d", ["out_channels": 0, "kernel_size": 3], [[8, 8, 3]], .invalidArgument,
      "out_channels", "at least 1"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": [3, 3, 3]], [[8, 8, 3]], .invalidArgument,
      "kernel_size", "[3, 3, 3]"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 3, "stride": 0], [[8, 8, 3]],
      .invalidArgument, "stride", "got 0"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 3, "padding": -1], [[8, 8, 3]],
      .invalidArgument, "padding", "same"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 3], [[64]], .shapeMismatch,
      "[height, width, channels]", "[64]"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 9], [[8, 8, 3]], .shapeMismatch,
      "spans 9", "height", "8"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 3, "groups": 2], [[8, 8, 3]], .shapeMismatch,
      "groups 2", "3 channels"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 3, "groups": 3], [[8, 8, 3]], .shapeMismatch,
      "groups 3", "out_channels 4"),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 3, "weight_initializer": "hee"], [[8, 8, 3]],
      .unknownName, "hee", "\"he\""),
    Mistake(
      "conv2d", ["out_channels": 4, "kernel_size": 3], [[8, 8, 3], [8, 8, 3]], .shapeMismatch,
      "1 input(s), got 2"),
    Mistake(
      "transposed_conv2d",
      ["out_channels": 4, "kernel_size": 3, "stride": 2, "output_padding": 2], [[8, 8, 3]],
      .invalidArgument, "output_padding 2", "stride 2"),
    Mistake(
      "transposed_conv2d", ["out_channels": 4, "kernel_size": 3, "padding": 9], [[2, 2, 3]],
      .shapeMismatch, "padding 9", "less padding"),
    Mistake(
      "transposed_conv2d", ["out_channels": 4, "kernel_size": 3, "groups": 2], [[2, 2, 3]],
      .shapeMismatch, "groups 2", "3 channels"),
    Mistake("linear", ["out_features": 4], [[2, 2, 3]], .shapeMismatch, "flatten", "[2, 2, 3]"),
    Mistake(
      "max_pool2d", ["kernel_size": 2, "padding": 2], [[4, 4, 1]], .shapeMismatch,
      "padding only", "less padding"),
    Mistake(
      "max_pool2d", ["kernel_size": 2, "dilation": 4, "padding": 3], [[2, 2, 1]], .shapeMismatch,
      "padding only"),
    Mistake("max_pool2d", ["kernel_size": 5], [[4, 4, 1]], .shapeMismatch, "spans 5"),
    Mistake(
      "avg_pool2d", ["kernel_size": 1, "stride": 1, "padding": 1], [[4, 4, 1]], .shapeMismatch,
      "padding only"),
    Mistake("global_avg_pool2d", [:], [[5]], .shapeMismatch, "[height, width, channels]"),
    Mistake(
      "max_pool2d", ["kernel_size": 2, "return_indices": true], [[5000, 5000, 1]], .unsupported,
      "16777216", "5000 x 5000"),
    Mistake(
      "max_unpool2d", ["kernel_size": 2], [[2, 2, 1], [2, 2, 2]], .shapeMismatch,
      "equal shape", "[2, 2, 2]"),
    Mistake("max_unpool2d", [:], [[2, 2, 1], [2, 2, 1]], .invalidArgument, "kernel_size"),
    Mistake(
      "max_unpool2d", ["kernel_size": 2, "padding": "same"], [[2, 2, 1], [2, 2, 1]],
      .invalidArgument, "output_size"),
    Mistake(
      "max_unpool2d", ["kernel_size": 2, "padding": 9], [[2, 2, 1], [2, 2, 1]], .shapeMismatch,
      "less padding"),
    Mistake("max_unpool2d", ["kernel_size": 2], [[2, 2, 1]], .shapeMismatch, "takes 2"),
    Mistake("upsample2d", [:], [[2, 2, 1]], .invalidArgument, "scale_factor", "size"),
    Mistake(
      "upsample2d", ["size": 4, "scale_factor": 2], [[2, 2, 1]], .invalidArgument, "either"),
    Mistake(
      "upsample2d", ["size": 4, "mode": "bicubic"], [[2, 2, 1]], .unknownName, "bicubic",
      "bilinear"),
    Mistake(
      "upsample2d", ["size": 4, "align_corners": true], [[2, 2, 1]], .invalidArgument,
      "align_corners", "bilinear"),
    Mistake("batch_norm", ["momentum": 1.5], [[4]], .invalidArgument, "momentum", "1.5"),
    Mistake("batch_norm", ["epsilon": 0], [[4]], .invalidArgument, "epsilon"),
    Mistake("batch_norm", [:], [[]], .shapeMismatch, "last axis"),
    Mistake("softmax", [:], [[]], .shapeMismatch, "axis"),
    Mistake("dropout", ["p": 1.01], [[4]], .invalidArgument, "\"p\"", "1.01"),
    Mistake("dropout", ["p": .number(.nan)], [[4]], .invalidArgument, "\"p\""),
    Mistake(
      "leaky_relu", ["negative_slope": -0.1], [[4]], .invalidArgument, "negative_slope"),
    Mistake("relu", ["slope": 0.1], [[4]], .unknownName, "slope"),
    Mistake("flatten", ["order": "cwh"], [[2, 2, 1]], .unknownName, "cwh", "chw"),
    Mistake("reshape", ["shape": [5]], [[4]], .shapeMismatch, "4 numbers", "5"),
    Mistake("reshape", ["shape": [3, -1]], [[4]], .shapeMismatch, "divided"),
    Mistake("reshape", ["shape": [-1, -1]], [[4]], .invalidArgument, "one may be -1"),
    Mistake("reshape", ["shape": [0, 4]], [[4]], .invalidArgument, "at least 1"),
    Mistake(
      "reshape", ["shape": [1, 1, 1, 1, 1, 1, 1, 1, 4]], [[4]], .invalidArgument, "8 axes"),
    Mistake("add", [:], [[4], [5]], .shapeMismatch, "input 0 is [4]", "input 1 is [5]"),
    Mistake("add", [:], [[4]], .shapeMismatch, "at least 2"),
    Mistake("multiply", [:], [[4], [4], [2, 2]], .shapeMismatch, "input 2 is [2, 2]"),
    Mistake(
      "concat", [:], [[2, 2, 1], [2, 3, 1]], .shapeMismatch, "axis 2", "input 1 is [2, 3, 1]"),
    Mistake("concat", ["axis": 3], [[2, 2, 1], [2, 2, 1]], .invalidArgument, "-3 to 2"),
    Mistake("concat", [:], [[2, 2, 1], [4]], .shapeMismatch, "[4]"),
    Mistake("pad2d", [:], [[2, 2, 1]], .invalidArgument, "padding", "missing"),
    Mistake("pad2d", ["padding": "same"], [[2, 2, 1]], .invalidArgument, "numbers"),
    Mistake(
      "pad2d", ["padding": 2, "mode": "reflect"], [[2, 5, 1]], .shapeMismatch, "below the size"),
    Mistake("local_response_norm", [:], [[4]], .shapeMismatch, "[height, width, channels]"),
    Mistake("local_response_norm", ["size": 0], [[2, 2, 4]], .invalidArgument, "size"),
  ]

  @Test(arguments: mistakes)
  func messagesTellWhatWasExpected(_ mistake: Mistake) throws {
    let error = #expect(throws: CNNError.self) {
      try makeLayer(mistake.type, mistake.attributes, mistake.inputs)
    }
    #expect(error?.code == mistake.code)
    for word in mistake.words {
      #expect(
        error?.message.contains(word) == true, "\"\(word)\" is missing in: \(error?.message ?? "")")
    }
  }

  /// Every combination either is an error or a layer whose memory is an error; none may trap.
  @Test(arguments: [
    "kernel_size", "stride", "padding", "dilation", "out_channels", "groups", "output_padding",
    "pool_size", "size", "scale_factor", "output_size", "out_features",
  ])
  func enormousSizesAreErrors(_ name: String) throws {
    try registerTypes()
    let enormous = AttributeSpecification.largestSize
    for type in LayerRegistry.shared.names {
      for base in [["kernel_size": 2], ["output_size": 3], ["size": 2], ["kernel_size": 4]]
        as [[String: AttributeValue]]
      {
        for padding in [0, enormous, enormous / 2] {
          for shape in [[4, 4, 4], [4], [1 << 28, 1 << 28, 1], [1, 1, 1 << 40]] {
            try exercise(type, name, base, enormous, padding, shape)
          }
        }
      }
    }
  }

  private func registerTypes() throws { _ = try makeLayer("relu", [:], [[1]]) }

  private func exercise(
    _ name: String, _ attribute: String, _ base: [String: AttributeValue], _ enormous: Int,
    _ padding: Int, _ shape: [Int]
  ) throws {
    let type = try LayerRegistry.shared.type(named: name)
    let known = Set(type.attributes.map(\.name))
    guard known.contains(attribute) else { return }
    var attributes = base.filter { known.contains($0.key) }
    if known.contains("out_channels") { attributes["out_channels"] = 4 }
    if known.contains("out_features") { attributes["out_features"] = 4 }
    if known.contains("padding") { attributes["padding"] = .integer(padding) }
    attributes[attribute] = .integer(enormous)
    let input = try Shape(shape)
    let inputs = [Shape](repeating: input, count: type.inputCount.lowerBound)
    do {
      let layer = try type.make(attributes: attributes, inputs: inputs)
      _ = layer.operationCount
      for batch in [1, 1 << 31, Int.max] {
        _ = try layer.workspace(batch: batch, mode: .training, concurrency: 8)
      }
    } catch {
      #expect(!error.message.isEmpty && error.code != .internal, "\(error)")
    }
  }
}
