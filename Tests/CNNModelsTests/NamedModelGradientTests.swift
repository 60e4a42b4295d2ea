import CNNGraph
import CNNKit
import CNNLayerKit
import CNNModels
import Testing

/// An architecture at a size at which numerical gradients are affordable; precise, because slopes are
/// measured as small differences, in which rounding stands out.
struct SmallModel: Sendable, CustomTestStringConvertible {
  let name: String
  let options: [String: AttributeValue]
  var testDescription: String { "\(name) \(options["norm"]?.description ?? "")" }

  init(_ name: String, _ size: AttributeValue, _ options: [String: AttributeValue] = [:]) {
    self.name = name
    self.options = options.merging(["input_shape": size, "classes": 3, "precise": true]) { $1 }
  }
}

@Suite("gradients of named models", .serialized)
struct NamedModelGradientTests {
  init() throws { try registerBuiltinLayers() }

  static let models = [
    SmallModel("convnet", [8, 8, 3]), SmallModel("deep", [8, 8, 3]),
    SmallModel("shallow", [8, 8, 3]), SmallModel("mnist", [8, 8, 1]),
    SmallModel("alexnet", [67, 67, 3]), SmallModel("alexnet", [67, 67, 3], ["norm": "batch"]),
    SmallModel("resnet_small", [16, 16, 3]),
    SmallModel(
      "resnet_small", [16, 16, 3],
      ["widths": [4, 6, 8], "blocks_per_stage": [0, 1, 1], "downsampling": "max_pool"]),
    SmallModel("resnet18", [48, 48, 3]),
    SmallModel("resnet34", [48, 48, 3]), SmallModel("resnet50", [48, 48, 3]),
  ]

  /// The weights of the outputs in the objective.
  static func weight(_ index: Int) -> Float { Float((index * 7 + 3) % 11) / 5 - 1 }

  func objective(_ session: TrainingSession) throws -> Double {
    try session.forward(batch: 2, random: RandomKey(seed: 1))
    return try session.output().enumerated().reduce(0) {
      $0 + Double(NamedModelGradientTests.weight($1.offset)) * Double($1.element)
    }
  }

  // Along the gradient of one parameter the slope is the gradient's length if and only if the
  // gradient is right in that direction, and no other direction stands out more from the noise of
  // 32-bit numbers and the kinks of the rectifiers.
  @Test("along each parameter's gradient the slope is its length", arguments: models)
  func gradients(small: SmallModel) throws {
    let model = try Model(try NamedModel.named(small.name).graph(small.options), seed: 3)
    let session = try TrainingSession(model: model, options: .init(capacity: 2))
    let input = try session.input()
    for index in input.indices { input[index] = Float((index * 37) % 101) / 50 - 1 }
    _ = try objective(session)
    let room = try session.outputGradient()
    for index in room.indices { room[index] = NamedModelGradientTests.weight(index) }
    session.zeroGradients()
    try session.backward()

    var lengths: [String: Double] = [:]
    for slot in model.parameters {
      lengths[slot.name] = length(try session.gradient(of: slot.name))
    }
    let longest = lengths.values.max() ?? 0
    var checked = 0
    for slot in model.parameters {
      // Before batch normalisation a bias has no effect, and its gradient is rounding.
      guard let expected = lengths[slot.name], expected > 1e-3 * longest else { continue }
      let gradient = Array(try session.gradient(of: slot.name))
      let memory = try model.memory(of: slot.name)
      let values = Array(memory)
      // So short that the objective changes by no more than a few thousandths: gradients curve most
      // along themselves.
      let step = min(3e-3 / expected, 1e-4 * max(length(memory), 1))
      func moved(_ distance: Double) throws -> Double {
        for index in memory.indices {
          memory[index] = values[index] + Float(distance / expected) * gradient[index]
        }
        defer { _ = memory.update(from: values) }
        return try objective(session)
      }
      let slope = (try moved(step) - (try moved(-step))) / (2 * step)
      #expect(
        abs(slope - expected) <= 0.1 * expected, "\(slot.name): \(slope) instead of \(expected)")
      checked += 1
    }
    #expect(checked * 2 > model.parameters.count, "\(checked) of \(model.parameters.count)")
  }

  func length(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
